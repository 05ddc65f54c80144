"""A contact flow as Connect imports it, and what is wrong with it.

Source: "Actions in the Amazon Connect Flow language" in Connect's API reference.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VERSION = "2019-10-30"
BOT = "ConnectParticipantWithLexBot"
HANG_UP = "DisconnectParticipant"
SPEAK = "MessageParticipant"
RECORD = "UpdateContactRecordingBehavior"
VOICE = "UpdateContactTextToSpeechVoice"
COMPARE = "Compare"
LOOP = "Loop"
KNOWN_TYPES = frozenset({BOT, HANG_UP, SPEAK, RECORD, VOICE, COMPARE, LOOP})

_IDENTIFIER = re.compile(r"[^%:(\\/)=$,;\[\]{}]{1,50}")

Action = dict[str, Any]


class FlowError(ValueError):
    """Names every problem of a flow."""


@dataclass(frozen=True, slots=True)
class Flow:
    """The actions by identifier."""

    start: str
    actions: Mapping[str, Action]

    def action(self, identifier: str) -> Action:
        return self.actions[identifier]


def load(path: Path) -> Flow:
    """Read a flow; FlowError when Connect would not publish it."""
    try:
        return parse(path.read_text(encoding="utf-8"))
    except FlowError as exc:
        raise FlowError(f"{path.name}: {exc}") from exc


def parse(text: str) -> Flow:
    """The flow of a text; FlowError when Connect would not publish it."""
    try:
        document = json.loads(text)
        problems = list(_problems(document))
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise FlowError(f"not a flow: {type(exc).__name__}") from exc
    if problems:
        raise FlowError("; ".join(problems))
    return Flow(document["StartAction"], {a["Identifier"]: a for a in document["Actions"]})


def bot_aliases(flow: Flow) -> frozenset[str]:
    """The ARNs of the bots that a flow hands over to."""
    bots = (action for action in flow.actions.values() if action["Type"] == BOT)
    return frozenset(action["Parameters"]["LexV2Bot"]["AliasArn"] for action in bots)


def targets(action: Action) -> dict[str, str]:
    """Where an action may lead: by error type, by compared value, and "" for its next action."""
    transitions = action.get("Transitions", {})
    found = {error["ErrorType"]: error["NextAction"] for error in transitions.get("Errors", [])}
    for condition in transitions.get("Conditions", []):
        found[str(condition["Condition"]["Operands"][0])] = condition["NextAction"]
    if "NextAction" in transitions:
        found[""] = transitions["NextAction"]
    return found


def reachable(flow: Flow, start: str) -> set[str]:
    """The actions that can come at or after `start`."""
    found, waiting = {start}, [start]
    while waiting:
        new = set(targets(flow.action(waiting.pop())).values()) - found
        found |= new
        waiting += new
    return found


def _problems(document: dict[str, Any]) -> Iterator[str]:
    if document.get("Version") != VERSION:
        yield f"the version must be {VERSION}"
    actions = document.get("Actions", [])
    identifiers = [action["Identifier"] for action in actions]
    if len(set(identifiers)) != len(identifiers):
        yield "two actions have one identifier"
    if document.get("StartAction") not in identifiers:
        yield "the start action does not exist"
    for action in actions:
        yield from _action_problems(action, set(identifiers))


def _action_problems(action: Action, identifiers: set[str]) -> Iterator[str]:
    name, kind = action["Identifier"], action["Type"]
    if not _IDENTIFIER.fullmatch(name):
        yield f"{name!r} is no identifier"
    if kind not in KNOWN_TYPES:
        yield f"{name}: the sandbox does not play {kind}"
    for where in sorted(set(targets(action).values()) - identifiers):
        yield f"{name} leads to {where!r}, which does not exist"
    if (kind == HANG_UP) != (not targets(action)):
        yield f"{name}: only {HANG_UP} leads nowhere"
    if kind == BOT and "NoMatchingError" not in targets(action):
        yield f"{name} needs an error branch"
