"""An agent's session over the API. Nothing of Outdial is used but its proto files."""

import importlib
import importlib.resources
import pathlib
import sys
import threading
import time
import uuid

import grpc
from grpc_tools import protoc

PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"
UNARY_SECONDS = 10.0
# An access token is exchanged when it has less than this left.
REFRESH_SECONDS = 60.0


def generate(into: pathlib.Path) -> None:
    """Compiles every proto file into `into` and makes the modules importable."""
    files = sorted(str(f.relative_to(PROTO)) for f in PROTO.rglob("*.proto"))
    well_known = importlib.resources.files("grpc_tools") / "_proto"
    out = [f"--python_out={into}", f"--grpc_python_out={into}"]
    if protoc.main(["protoc", f"-I{PROTO}", f"-I{well_known}", *out, *files]) != 0:
        raise SystemExit("the proto files do not compile")
    sys.path.insert(0, str(into))


class SignIn:
    """Tokens of an account, kept fresh."""

    def __init__(self, channel: grpc.Channel, login: str, password: str) -> None:
        self.pb = importlib.import_module("outdial.admin.v1.auth_pb2")
        stubs = importlib.import_module("outdial.admin.v1.auth_pb2_grpc")
        self.stub = stubs.AuthServiceStub(channel)
        signed_in = self.stub.Login(self.pb.LoginRequest(login=login, password=password), timeout=UNARY_SECONDS)
        self.identity = signed_in.identity
        self.tokens = signed_in.tokens

    def metadata(self) -> tuple:
        if self.tokens.access_expires_at.ToSeconds() - time.time() < REFRESH_SECONDS:
            request = self.pb.RefreshRequest(refresh_token=self.tokens.refresh_token)
            self.tokens = self.stub.Refresh(request, timeout=UNARY_SECONDS).tokens
        return (("authorization", f"Bearer {self.tokens.access_token}"),)

    def sign_out(self) -> None:
        self.stub.Logout(self.pb.LogoutRequest(), metadata=self.metadata(), timeout=UNARY_SECONDS)


class Session:
    """One session: commands, and a stream of events that is taken up again when it breaks."""

    def __init__(self, channel: grpc.Channel, sign_in: SignIn) -> None:
        self.pb = importlib.import_module("outdial.agent.v1.agent_pb2")
        stubs = importlib.import_module("outdial.agent.v1.agent_pb2_grpc")
        self.questionnaire_pb = importlib.import_module("outdial.supervisor.v1.questionnaire_pb2")
        questionnaires = importlib.import_module("outdial.supervisor.v1.questionnaire_pb2_grpc")
        self.sign_in = sign_in
        self.stub = stubs.AgentServiceStub(channel)
        self.questionnaires = questionnaires.QuestionnaireServiceStub(channel)
        self.session_id = ""
        self.session_id = self.command("OpenSession", take_over=True).session_id

    def command(self, rpc: str, **fields):
        """Calls an RPC of AgentService; session and request id are filled in where the request has them."""
        request = getattr(self.pb, f"{rpc}Request")(**fields)
        known = request.DESCRIPTOR.fields_by_name
        if "session_id" in known:
            request.session_id = self.session_id
        if "request_id" in known:
            request.request_id = str(uuid.uuid4())
        return getattr(self.stub, rpc)(request, metadata=self.sign_in.metadata(), timeout=UNARY_SECONDS)

    def questionnaire(self, questionnaire_id: int):
        request = self.questionnaire_pb.GetQuestionnaireRequest(questionnaire_id=questionnaire_id)
        answer = self.questionnaires.GetQuestionnaire(
            request, metadata=self.sign_in.metadata(), timeout=UNARY_SECONDS
        )
        return answer.questionnaire

    def watch(self, events) -> None:
        """Puts every event into the queue `events`, in order and without gaps; last, None or what went wrong."""
        threading.Thread(target=self._watch, args=(events,), daemon=True).start()

    def _watch(self, events) -> None:
        seq = 0
        while True:
            request = self.pb.WatchSessionRequest(session_id=self.session_id, after_seq=seq)
            came = False
            try:
                for event in self.stub.WatchSession(request, metadata=self.sign_in.metadata()):
                    came = True
                    kind = event.WhichOneof("event")
                    if kind == "heartbeat":
                        continue
                    # A snapshot contains all that was before it, the notice that ends a stream has no number of its
                    # own, and everything else follows without a gap.
                    ends = kind == "notice" and event.notice.kind != self.pb.NOTICE_KIND_TEXT
                    if kind != "snapshot" and event.seq != seq + (not ends):
                        raise RuntimeError(f"event {event.seq} follows event {seq}")
                    seq = event.seq
                    events.put(event)
                events.put(None)
                return
            except grpc.RpcError as error:
                # Lost on the way: go on from where it was. Refused at once: that is the answer.
                if came and error.code() == grpc.StatusCode.UNAVAILABLE:
                    continue
                events.put(error)
                return
            except Exception as error:  # handed over: an exception ends only its own thread
                events.put(error)
                return
