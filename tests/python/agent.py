#!/usr/bin/python3
"""An agent at work, written from the proto files alone.

Signs in, goes ready, takes what comes - calls, previews, reminders - and gives an outcome with answers for each talk.
Prints one JSON object a line: `{"event": …, "seq": …, "data": …}` for what it is told, `{"did": …, "data": …}` for what
it does, `{"refused": …}` for a command that came too late. Ends after `--talks` outcomes are saved; fails after
`--seconds`.

    sudo apt install python3-grpc-tools
    tests/python/agent.py --server 127.0.0.1:7070 --login anna --password … --talks 3 --hold
"""

import argparse
import datetime
import heapq
import itertools
import json
import os
import pathlib
import queue
import sys
import tempfile
import time

import grpc
from client import Session, SignIn, generate
from google.protobuf.json_format import MessageToDict
from google.protobuf.timestamp_pb2 import Timestamp


def show(**line) -> None:
    print(json.dumps(line, ensure_ascii=False), flush=True)


def plain(message) -> dict:
    return MessageToDict(message, preserving_proto_field_name=True)


class Agent:
    """What the agent does on each event."""

    def __init__(self, session: Session, asked: argparse.Namespace) -> None:
        self.session = session
        self.pb = session.pb
        self.asked = asked
        self.saved = 0
        self.to_skip = asked.skip
        self.call = None  # the screen-pop of the present call
        self.talks = False
        self.held = False
        self.promised = False  # a callback was agreed
        self.waits_for_reminder = False
        self.calls_back = False
        self.submitted = ""  # the attempt whose outcome was given
        self.events: queue.Queue = queue.Queue()
        self.later: list = []  # (when, order, what to do)
        self.order = itertools.count()

    def run(self) -> None:
        deadline = time.monotonic() + self.asked.seconds
        self.session.watch(self.events)
        self.do("SetReady")
        while self.saved < self.asked.talks:
            self.step(deadline)
        self.do("SetNotReady", reason="done", when="PAUSE_WHEN_NOW")
        self.do("CloseSession")
        while self.step(deadline):
            pass
        show(did="end", data={"talks": self.saved})

    def step(self, deadline: float) -> bool:
        """Waits for the next event or the next thing to do; false at the end of the stream."""
        now = time.monotonic()
        if self.later and self.later[0][0] <= now:
            heapq.heappop(self.later)[2]()
            return True
        until = min([deadline] + [at for at, _, _ in self.later[:1]])
        try:
            event = self.events.get(timeout=max(0.0, until - now))
        except queue.Empty:
            if time.monotonic() >= deadline:
                raise SystemExit(f"{self.saved} of {self.asked.talks} talks in {self.asked.seconds} s") from None
            return True
        if isinstance(event, Exception):
            raise event
        if event is None:
            return False
        kind = event.WhichOneof("event")
        data = getattr(event, kind)
        show(event=kind, seq=event.seq, data=plain(data))
        getattr(self, f"on_{kind}", lambda _: None)(data)
        return True

    def do(self, rpc: str, **fields):
        answer = self.session.command(rpc, **fields)
        show(did=rpc, data=plain(answer))
        return answer

    def try_to(self, rpc: str, **fields) -> None:
        """Does what the other side may have made impossible in the same moment."""
        try:
            self.do(rpc, **fields)
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.FAILED_PRECONDITION:
                raise
            show(refused=rpc, data={"because": error.details()})

    def after(self, seconds: float, action) -> None:
        heapq.heappush(self.later, (time.monotonic() + seconds, next(self.order), action))

    # What is told.

    def on_snapshot(self, snapshot) -> None:
        if snapshot.HasField("call"):
            self.call = snapshot.call
        if snapshot.HasField("preview"):
            self.on_preview_offered(snapshot.preview)
        if snapshot.connected:
            self.end_talk()
        if snapshot.HasField("wrap_up"):
            self.on_wrap_up_started(snapshot.wrap_up)
        for callback in snapshot.reminders:
            self.call_back(callback)

    def on_preview_offered(self, offer) -> None:
        if self.to_skip > 0:
            self.to_skip -= 1
            self.try_to("SkipPreview")
        else:
            self.try_to("TakePreview")

    def on_call_dialling(self, dialling) -> None:
        self.call = dialling.pop

    def on_call_connected(self, connected) -> None:
        self.call = connected.pop
        self.talks = True
        card = self.do("GetCard", campaign_id=self.call.campaign_id, prospect_id=self.call.prospect_id).card
        if card.prospect_id != self.call.prospect_id:
            raise SystemExit(f"asked for prospect {self.call.prospect_id}, got {card.prospect_id}")
        draft = self.pb.Outcome(note="as far as we have come")
        self.try_to("SaveDraft", attempt_id=self.call.attempt_id, draft=draft)
        attempt = self.call.attempt_id
        self.after(self.asked.talk_seconds, lambda: self.talked(attempt))

    def on_state_changed(self, state) -> None:
        if state.state == self.pb.AGENT_STATE_HOLDING and not self.held:
            self.held = True
            self.try_to("Unhold")
        elif state.state == self.pb.AGENT_STATE_TALKING and self.held:
            self.end_talk()

    def on_call_ended(self, _) -> None:
        self.later.clear()
        self.held = False
        # Without a talk there is nothing to note, and the pause before the callback has served its purpose.
        if self.calls_back and not self.talks:
            self.ready_again()

    def on_wrap_up_started(self, wrap_up) -> None:
        if self.submitted != wrap_up.attempt_id:
            self.submit(wrap_up.attempt_id)

    def on_outcome_saved(self, _) -> None:
        self.saved += 1
        self.call = None
        self.talks = False
        if self.waits_for_reminder:
            self.do("ListCallbacks")
        elif self.calls_back:
            self.ready_again()

    def on_reminder_due(self, reminder) -> None:
        self.call_back(reminder.callback)

    # What is done.

    def talked(self, attempt: str) -> None:
        if not self.call or self.call.attempt_id != attempt:
            return
        if self.asked.hold and not self.held:
            self.try_to("Hold")
        else:
            self.end_talk()

    def end_talk(self) -> None:
        if self.asked.during_talk:
            self.submit(self.call.attempt_id)
        else:
            self.try_to("HangUp")

    def submit(self, attempt: str) -> None:
        outcome = self.pb.Outcome(disposition=self.asked.disposition, note=self.asked.note)
        if self.asked.callback_in is not None and not self.promised:
            self.promised = self.waits_for_reminder = True
            # Asked for during the notes, so that no other call comes between them and the promise.
            self.do("SetNotReady", reason="promised", when="PAUSE_WHEN_AFTER_CALL")
            outcome.disposition = self.asked.callback_disposition
            at = Timestamp()
            at.FromNanoseconds(time.time_ns() + int(self.asked.callback_in * 1e9))
            outcome.call_at.CopyFrom(at)
        if self.call and self.call.questionnaire_id:
            questionnaire = self.session.questionnaire(self.call.questionnaire_id)
            show(did="GetQuestionnaire", data=plain(questionnaire))
            columns = {field.name: field.value for field in self.call.card.fields}
            for question in questionnaire.questions:
                outcome.answers.add(field=question.field, value=self.answer(question, columns))
        self.submitted = attempt
        self.do("SubmitOutcome", attempt_id=attempt, outcome=outcome)

    def answer(self, question, columns: dict) -> str:
        kinds = self.session.questionnaire_pb
        if question.kind == kinds.QUESTION_KIND_CHOICE:
            return question.choices[0]
        if question.kind == kinds.QUESTION_KIND_CHOICES:
            return "\n".join(question.choices)
        if question.kind == kinds.QUESTION_KIND_NUMBER:
            return "3"
        if question.kind == kinds.QUESTION_KIND_DATE:
            return datetime.date.today().isoformat()
        if question.kind == kinds.QUESTION_KIND_YES_NO:
            return "yes"
        return columns.get(question.prefill) or "as told on the phone"

    def call_back(self, callback) -> None:
        self.waits_for_reminder = False
        self.calls_back = True
        self.do(
            "Dial",
            campaign_id=callback.campaign_id,
            prospect_id=callback.prospect_id,
            phone_id=callback.phone_id,
        )

    def ready_again(self) -> None:
        self.calls_back = False
        if self.saved < self.asked.talks:
            self.do("SetReady")


def arguments() -> argparse.Namespace:
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--server", default="127.0.0.1:7070")
    args.add_argument("--login", required=True)
    args.add_argument("--password", default=os.environ.get("OUTDIAL_PASSWORD"), help="default: $OUTDIAL_PASSWORD")
    args.add_argument("--talks", type=int, default=1, help="end after so many saved outcomes")
    args.add_argument("--seconds", type=float, default=60.0, help="fail when that takes longer")
    args.add_argument("--talk-seconds", type=float, default=0.0, help="how long to talk before hanging up")
    args.add_argument("--hold", action="store_true", help="let each person wait once")
    args.add_argument("--during-talk", action="store_true", help="give outcomes in the talk instead of hanging up")
    args.add_argument("--skip", type=int, default=0, help="skip so many previews first")
    args.add_argument("--disposition", default="survey_done")
    args.add_argument("--note", default="noted by tests/python/agent.py")
    args.add_argument("--callback-in", type=float, help="agree a callback in the first talk, so many seconds later")
    args.add_argument("--callback-disposition", default="callback_private")
    asked = args.parse_args()
    if not asked.password:
        args.error("give --password or set OUTDIAL_PASSWORD")
    return asked


def main() -> None:
    asked = arguments()
    with tempfile.TemporaryDirectory() as directory:
        generate(pathlib.Path(directory))
        with grpc.insecure_channel(asked.server) as channel:
            sign_in = SignIn(channel, asked.login, asked.password)
            show(did="Login", data=plain(sign_in.identity))
            try:
                Agent(Session(channel, sign_in), asked).run()
                sign_in.sign_out()
            except grpc.RpcError as error:
                sys.exit(f"{error.code().name}: {error.details()}")


if __name__ == "__main__":
    main()
