"""Plays a contact flow for one call: says its messages, and holds the talk through Lex.

A block that hands over to Lex keeps the caller until Lex closes an intent; then the flow goes on by
the intent's name. Sources: "ConnectParticipantWithLexBot", "Compare" and "Loop" in Connect's flow
language, and the contact attributes under `$.Lex` in its administrator's guide.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.connect import flow as language
from sandbox.connect.flow import Action, Flow

Listener = Callable[[dict[str, Any]], dict[str, Any]]
"""What answers one spoken turn: Lex's request without the bot's address to Lex's response."""

# A flow that goes round without asking the caller for anything would never come back.
_MOST_ACTIONS = 200
_ENDED = frozenset({"Fulfilled", "Failed", "ReadyForFulfillment"})
_TAG = re.compile(r"<[^>]+>")


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that the system said."""

    text: str
    is_recorded: bool


@dataclass(slots=True)
class FlowRun:
    """One call's way through the flow; not thread-safe. `error` is the error branch it took."""

    flow: Flow
    contact_id: str
    attributes: Mapping[str, str]
    listen: Listener
    ended: bool = False
    recording: bool = False
    voice: str = ""
    error: str = ""
    _at: str = ""
    _lex: dict[str, Any] = field(default_factory=dict)
    _attributes_to_send: dict[str, str] | None = None
    _rounds: Counter[str] = field(default_factory=Counter)
    _said: list[Said] = field(default_factory=list)

    def start(self) -> list[Said]:
        """What is said before the caller's first words are waited for."""
        self._go(self.flow.start)
        return self._spoken()

    def hear(self, words: str) -> list[Said]:
        """What is said to the caller's words; Lex's failure takes the flow's error branch."""
        try:
            response = self._ask_lex(words)
        except Exception:
            # Whatever is wrong in Lex or behind it, Connect sees one error and goes its branch.
            self._fail("NoMatchingError")
            return self._spoken()
        for message in response.get("messages") or []:
            self._say(message.get("content", ""))
        self._remember(response)
        if self._is_closed(response):
            self._go(self._after_intent())
        return self._spoken()

    def silence(self) -> list[Said]:
        """What is said when the caller's words do not come in time."""
        self._fail("InputTimeLimitExceeded")
        return self._spoken()

    def _spoken(self) -> list[Said]:
        said, self._said = self._said, []
        return said

    def _say(self, text: str) -> None:
        plain = _TAG.sub(" ", text).strip()
        if plain:
            self._said.append(Said(plain, self.recording))

    def _fail(self, error: str) -> None:
        branches = language.targets(self.flow.action(self._at))
        self.error = error
        self._go(branches.get(error) or branches["NoMatchingError"])

    def _go(self, identifier: str) -> None:
        """Play from this action until the caller is to speak, or the call is over."""
        for _ in range(_MOST_ACTIONS):
            self._at = identifier
            following = self._play(self.flow.action(identifier))
            if following is None:
                return
            identifier = following
        raise RuntimeError("the flow goes round without asking the caller for anything")

    def _play(self, action: Action) -> str | None:
        players: dict[str, Callable[[Action], str | None]] = {
            language.SPEAK: self._play_message,
            language.RECORD: self._play_recording,
            language.VOICE: self._play_voice,
            language.COMPARE: self._play_compare,
            language.LOOP: self._play_loop,
            language.BOT: self._play_bot,
            language.HANG_UP: self._play_hang_up,
        }
        return players[action["Type"]](action)

    def _play_message(self, action: Action) -> str:
        parameters = action["Parameters"]
        self._say(self._resolved(parameters.get("Text") or parameters.get("SSML", "")))
        return _next(action)

    def _play_recording(self, action: Action) -> str:
        behavior = action["Parameters"]["RecordingBehavior"]
        self.recording = behavior.get("IVRRecordingBehavior") == "Enabled"
        return _next(action)

    def _play_voice(self, action: Action) -> str:
        self.voice = action["Parameters"]["TextToSpeechVoice"]
        return _next(action)

    def _play_compare(self, action: Action) -> str:
        value = self._resolved(action["Parameters"]["ComparisonValue"])
        return _matching(action, value)

    def _play_loop(self, action: Action) -> str:
        name, count = action["Identifier"], int(action["Parameters"]["LoopCount"])
        if self._rounds[name] >= count:
            del self._rounds[name]
            return _matching(action, "DoneLooping")
        self._rounds[name] += 1
        return _matching(action, "ContinueLooping")

    def _play_bot(self, action: Action) -> None:
        parameters = action["Parameters"]
        self._say(self._resolved(parameters.get("Text") or parameters.get("SSML", "")))
        given = parameters.get("LexSessionAttributes", {})
        self._attributes_to_send = {n: self._resolved(v) for n, v in given.items()}

    def _play_hang_up(self, _: Action) -> None:
        self.ended = True

    def _ask_lex(self, words: str) -> dict[str, Any]:
        request: dict[str, Any] = {"sessionId": self.contact_id, "text": words}
        if self._attributes_to_send is not None:
            # They take the place of what Lex has stored, so a block must name all that it keeps.
            request["sessionState"] = {"sessionAttributes": self._attributes_to_send}
        response = self.listen(request)
        self._attributes_to_send = None
        return response

    def _remember(self, response: dict[str, Any]) -> None:
        state = response.get("sessionState") or {}
        intent = state.get("intent") or {}
        self._lex = {
            "SessionAttributes": dict(state.get("sessionAttributes") or {}),
            "IntentName": intent.get("name", ""),
            "DialogState": intent.get("state", ""),
        }

    def _is_closed(self, response: dict[str, Any]) -> bool:
        action = (response.get("sessionState") or {}).get("dialogAction") or {}
        if action.get("type"):
            return bool(action["type"] == "Close")
        return self._lex["DialogState"] in _ENDED

    def _after_intent(self) -> str:
        return _matching(self.flow.action(self._at), self._lex["IntentName"])

    def _resolved(self, value: str) -> str:
        """The value of a JSONPath; a path that leads nowhere is an empty text."""
        if not value.startswith("$."):
            return value
        found: Any = {
            "Attributes": self.attributes,
            "ContactId": self.contact_id,
            "Channel": "VOICE",
            "Lex": self._lex,
        }
        for name in value[2:].split("."):
            found = found.get(name, "") if isinstance(found, Mapping) else ""
        return str(found)


def _next(action: Action) -> str:
    return language.targets(action)[""]


def _matching(action: Action, value: str) -> str:
    branches = language.targets(action)
    conditions = {str(c["Condition"]["Operands"][0]) for c in _conditions(action)}
    if value in conditions:
        return branches[value]
    return branches.get("NoMatchingCondition") or branches[""]


def _conditions(action: Action) -> list[dict[str, Any]]:
    return list(action.get("Transitions", {}).get("Conditions", []))
