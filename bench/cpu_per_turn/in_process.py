"""Runs turns in a process of their own and says what CPU each took; `cpu_per_turn` starts it.

Each line on the standard input names a kind of turn and how many; each line on the descriptor
`--results` answers with seconds of CPU, per turn. What the handler prints goes to the standard
output, as in Lambda. CPU is the whole process's, worker threads and all.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

Handler = Callable[[Any, Any], Any]
SETTLING_SECONDS = 0.002
"""After a turn, so that the last steps of its worker threads count with it."""
_ROOT = Path(__file__).parents[2]
_number = count(1)


class Context:
    """Lambda's context object, as far as anyone looks at it."""

    function_version = "7"
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:atlas-local-x:live"

    def __init__(self, request_id: str) -> None:
        self.aws_request_id = request_id

    def get_remaining_time_in_millis(self) -> int:
        return 20_000


def cpu_of(handler: Handler, event: str, sampled: bool) -> tuple[float, float]:
    """One turn: CPU seconds of the whole process, and of the turn's own thread."""
    turn = next(_number)
    os.environ["_X_AMZN_TRACE_ID"] = (
        f"Root=1-5759e988-{turn:024x};Parent={turn:016x};Sampled={int(sampled)}"
    )
    parsed, context = json.loads(event), Context(f"6c1e8a54-0d0f-4b0e-8d8a-{turn:012x}")
    process, thread = time.process_time(), time.thread_time()
    reply = handler(parsed, context)
    own = time.thread_time() - thread
    time.sleep(SETTLING_SECONDS)
    whole = time.process_time() - process
    json.dumps(reply)
    return whole, own


def an_event(intent: str, text: str, attributes: dict[str, str], **changes: Any) -> str:
    """A code hook's event as it arrives, with the fields that Lex sends and nobody reads."""
    path = _ROOT / "tests" / "events" / "about_technology_fulfillment.json"
    event = json.loads(path.read_text(encoding="utf-8"))
    event["inputTranscript"] = event["transcriptions"][0]["transcription"] = text
    event["sessionId"] = "0b7f3c1e-8a54-4d0f-9b0e-1d8a5c6a3f0a"
    for holder in (event["sessionState"], event["interpretations"][0]):
        holder["intent"]["name"] = intent
    event["sessionState"]["sessionAttributes"] = attributes
    return json.dumps({**event, **changes})


class AtlasTurns:
    """The real handler of app.py in a warmed environment, and the events of each kind."""

    def __init__(self) -> None:
        sys.path.insert(0, str(_ROOT / "atlas"))
        import app
        from chalicelib import conversation
        from chalicelib.answer_memory import AnswerMemory

        said = ("which technology do you use", "It is built with Amazon Lex and AWS Lambda. " * 3)
        history = conversation.write((conversation.Exchange(*said),) * 20)
        long = {"history": history, "answerSource": "memory", "channel": "chat", "topic": "x" * 200}
        asked, small = "What technology do you use?", {"channel": "chat"}
        self.handler: Handler = app.lex_fulfillment
        self._services, self._new_memory = app.services, AnswerMemory
        short_event = an_event("AboutTechnologyIntent", asked, small)
        self.event = {
            "fixed text": an_event("CloseIntent", "bye", small),
            "memory": short_event,
            "memory, 2 KB of history": an_event("AboutTechnologyIntent", asked, long),
            "memory, 2 KB, not sampled": an_event("AboutTechnologyIntent", asked, long),
            "table": short_event,
            "table, 2 KB of history": an_event("AboutTechnologyIntent", asked, long),
            "model": short_event,
        }

    def prepare(self, kind: str) -> None:
        """What the turn must not find in memory is forgotten."""
        if kind.startswith(("table", "model")):
            self._services().response_cache.memory = self._new_memory()


class EmptyTurns:
    """A handler that does nothing: what the harness itself costs."""

    event = dict.fromkeys(("nothing",), "{}")

    def handler(self, event: Any, context: Any) -> Any:
        return {}

    def prepare(self, kind: str) -> None:
        pass


class PredecessorTurns:
    """The predecessor's habits: boto3, `converse`, and per phone turn a resource built anew.

    Without its logging, its secret and its TLS, of which each costs more.
    """

    def __init__(self) -> None:
        import boto3

        self._boto3 = boto3
        self._bedrock = boto3.client("bedrock-runtime")
        asked = "What technology do you use?"
        event = an_event("AboutTechnologyIntent", asked, {"channel": "chat"})
        self.event = {"chat, model": event, "phone, table and model": event}
        self._kind = ""

    def prepare(self, kind: str) -> None:
        self._kind = kind

    def handler(self, event: Any, context: Any) -> Any:
        if self._kind.startswith("phone"):
            table = self._boto3.resource("dynamodb").Table("scenarios")
            table.get_item(Key={"key": event["sessionId"]})
        answer = self._bedrock.converse(
            modelId="global.anthropic.claude-sonnet-4-6",
            messages=[{"role": "user", "content": [{"text": event["inputTranscript"]}]}],
            inferenceConfig={"maxTokens": 512},
        )
        text = answer["output"]["message"]["content"][0]["text"]
        state = {
            "dialogAction": {"type": "Close"},
            "intent": event["sessionState"]["intent"],
            "sessionAttributes": event["sessionState"]["sessionAttributes"],
        }
        return {"sessionState": state, "messages": [{"contentType": "PlainText", "content": text}]}


TURNS: dict[str, Callable[[], Any]] = {
    "atlas": AtlasTurns,
    "empty": EmptyTurns,
    "predecessor": PredecessorTurns,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("turns", choices=TURNS)
    parser.add_argument("--results", type=int, required=True)
    arguments = parser.parse_args()
    turns = TURNS[arguments.turns]()
    with os.fdopen(arguments.results, "w", encoding="utf-8") as results:
        print(json.dumps(list(turns.event)), file=results, flush=True)
        for line in sys.stdin:
            order = json.loads(line)
            measured = [_one(turns, order["kind"]) for _ in range(order["turns"])]
            print(json.dumps(measured), file=results, flush=True)


def _one(turns: Any, kind: str) -> tuple[float, float]:
    turns.prepare(kind)
    gc.enable()
    return cpu_of(turns.handler, turns.event[kind], "not sampled" not in kind)


if __name__ == "__main__":
    main()
