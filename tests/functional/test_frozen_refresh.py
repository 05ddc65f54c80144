"""Environments are frozen as soon as their reply is out: what they refresh is not lost by it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from served_sandbox import FULFILLMENT, Sandbox

from chalicelib.refreshing import LOST_SECONDS

Until = Callable[[Callable[[], Any]], Any]

TABLE = "atlas-local-response-cache"
QUESTION = {
    "messageVersion": "1.0",
    "invocationSource": "FulfillmentCodeHook",
    "inputMode": "Text",
    "sessionId": "frozen-1",
    "inputTranscript": "what technology do you use",
    "bot": {"id": "BOT", "name": "atlas-local", "localeId": "en_US", "version": "1"},
    "interpretations": [],
    "sessionState": {
        "intent": {"name": "AboutTechnologyIntent", "slots": {}, "state": "ReadyForFulfillment"},
        "sessionAttributes": {},
    },
}
FREEZE_SECONDS = LOST_SECONDS + 0.5
TURNS = 6


def test_a_refresh_that_every_freeze_interrupts_still_happens_once(
    sandbox: Sandbox, until: Until
) -> None:
    forget_everything(sandbox)
    with short_lived_answers(sandbox):
        ask = lambda: source(sandbox.invoke(QUESTION, "$LATEST"))  # noqa: E731
        assert ask() == "model"
        # A look-up and a hand-off take 50 ms and more: longer than a turn from memory.
        sandbox.post("profile", {"name": "reported", "scale": 1.0})
        until(lambda: ask() == "stale")
        sources = []
        while len(sources) < TURNS and "memory" not in sources:
            time.sleep(FREEZE_SECONDS)  # Nothing is waited for: this is the freeze.
            sources.append(ask())
    assert sources[-1] == "memory", sources
    assert set(sources[:-1]) <= {"stale"}
    records = sandbox.get("invocations")
    assert [record for record in records if record["error"]] == []
    made = [record for record in records if record["function"].endswith("generate_answer")]
    assert len(made) == 1
    assert sandbox.count("bedrock-runtime") == 2


@contextmanager
def short_lived_answers(sandbox: Sandbox) -> Iterator[None]:
    """An environment of $LATEST makes answers that are fresh for a second; others' last."""
    functions = sandbox.client("lambda")
    before = functions.get_function_configuration(FunctionName=FULFILLMENT)["Environment"]
    changed = {"Variables": before["Variables"] | {"ANSWER_FRESH_SECONDS": "1"}}
    functions.update_function_configuration(FunctionName=FULFILLMENT, Environment=changed)
    try:
        yield
    finally:
        functions.update_function_configuration(FunctionName=FULFILLMENT, Environment=before)


def forget_everything(sandbox: Sandbox) -> None:
    dynamodb = sandbox.client("dynamodb")
    for item in dynamodb.scan(TableName=TABLE)["Items"]:
        dynamodb.delete_item(TableName=TABLE, Key={"key": item["key"]})


def source(reply: dict[str, Any]) -> str:
    found: str = reply["sessionState"]["sessionAttributes"]["answerSource"]
    return found
