#!/usr/bin/env python3
"""An agent written from the proto files alone.

Generates a client from `proto/` with grpcio-tools, signs in, opens a session, watches its events and goes ready.
Prints one JSON line per event; ends after `--events` of them, or with an error after `--seconds`.

    python3 -m venv .venv && .venv/bin/pip install -r requirements.txt
    .venv/bin/python agent.py --server 127.0.0.1:7070 --login anna --password ...
"""

import argparse
import importlib
import json
import pathlib
import sys
import tempfile
import uuid

import grpc
from google.protobuf.json_format import MessageToDict
from grpc_tools import protoc

ROOT = pathlib.Path(__file__).resolve().parents[2] / "proto"


def generate(into: pathlib.Path) -> None:
    """Compiles every proto file; nothing of Outdial but these files is used."""
    files = sorted(str(f.relative_to(ROOT)) for f in ROOT.rglob("*.proto"))
    well_known = importlib.resources.files("grpc_tools") / "_proto"
    code = protoc.main(
        ["protoc", f"-I{ROOT}", f"-I{well_known}", f"--python_out={into}", f"--grpc_python_out={into}", *files]
    )
    if code != 0:
        raise SystemExit("the proto files do not compile")
    sys.path.insert(0, str(into))


class Agent:
    """One session of one agent."""

    def __init__(self, channel: grpc.Channel, login: str, password: str) -> None:
        self.pb = importlib.import_module("outdial.agent.v1.agent_pb2")
        stubs = importlib.import_module("outdial.agent.v1.agent_pb2_grpc")
        auth_pb = importlib.import_module("outdial.admin.v1.auth_pb2")
        auth = importlib.import_module("outdial.admin.v1.auth_pb2_grpc").AuthServiceStub(channel)
        signed_in = auth.Login(auth_pb.LoginRequest(login=login, password=password))
        self.metadata = (("authorization", f"Bearer {signed_in.tokens.access_token}"),)
        self.stub = stubs.AgentServiceStub(channel)
        opened = self.stub.OpenSession(
            self.pb.OpenSessionRequest(take_over=True, request_id=str(uuid.uuid4())), metadata=self.metadata
        )
        self.session_id = opened.session_id

    def watch(self, after_seq: int, seconds: float):
        request = self.pb.WatchSessionRequest(session_id=self.session_id, after_seq=after_seq)
        return self.stub.WatchSession(request, metadata=self.metadata, timeout=seconds)

    def ready(self) -> None:
        request = self.pb.SetReadyRequest(session_id=self.session_id, request_id=str(uuid.uuid4()))
        self.stub.SetReady(request, metadata=self.metadata)

    def close(self) -> None:
        request = self.pb.CloseSessionRequest(session_id=self.session_id, request_id=str(uuid.uuid4()))
        self.stub.CloseSession(request, metadata=self.metadata)


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--server", default="127.0.0.1:7070")
    args.add_argument("--login", required=True)
    args.add_argument("--password", required=True)
    args.add_argument("--events", type=int, default=3, help="end after so many events")
    args.add_argument("--seconds", type=float, default=20.0, help="fail when they do not come within so many seconds")
    asked = args.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        generate(pathlib.Path(directory))
        with grpc.insecure_channel(asked.server) as channel:
            agent = Agent(channel, asked.login, asked.password)
            events = agent.watch(0, asked.seconds)
            first = next(events)
            assert first.WhichOneof("event") == "snapshot", first
            print(json.dumps(MessageToDict(first), ensure_ascii=False))
            agent.ready()
            for _ in range(asked.events - 1):
                print(json.dumps(MessageToDict(next(events)), ensure_ascii=False))
            events.cancel()
            agent.close()


if __name__ == "__main__":
    main()
