"""A visitor of the chat who wants the demo call: name, number, and a yes whose time is taken."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from bench.site import Site

INTERACTION, BOOKED = "interactionId", "bookedInteraction"
QUESTIONS = ("how does your phone demo work", "what technology are you built with")
RING_LIMIT_SECONDS = 60.0
RESEND_SECONDS, CONFLICT_SECONDS = 0.05, 30.0
MOST_TURNS = 40
"""How often a person says something before giving up."""


class UndrivableError(Exception):
    """The chat did not come to the question for consent; `str()` is what it said instead."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One turn's answer; `sent` and `came` in epoch seconds."""

    text: str
    dialog: str
    slot: str
    attributes: dict[str, str]
    sent: float
    came: float


def number_of(index: int) -> str:
    """A US number in E.164 for every index from 0 to 7999, never the same for two."""
    return f"+1415555{2000 + index:04d}"


@dataclass(slots=True)
class Visitor:
    """One session. The name is made of the number, so that no two leads look alike."""

    site: Site
    number: str
    interaction_id: str = ""
    session_id: str = field(default_factory=lambda: f"bench-{secrets.token_hex(8)}")

    @property
    def name(self) -> str:
        letters = "".join(chr(ord("a") + int(digit)) for digit in self.number[-4:])
        return f"Vera {letters.capitalize()}son"

    def say(self, words: str, client: Any = None) -> Reply:
        """One turn by RecognizeText; botocore's errors pass through."""
        address, sent = self.site.address, time.time()
        answer = (client or self.site.client("lexv2-runtime")).recognize_text(
            botId=address.bot_id,
            botAliasId=address.bot_alias_id,
            localeId=address.locale_id,
            sessionId=self.session_id,
            text=words,
        )
        return _reply(answer, sent, time.time())

    def resend(self, words: str, client: Any = None) -> Reply:
        """`say`, as a page does that sends a click again while Lex answers the one before."""
        end = time.monotonic() + CONFLICT_SECONDS
        while True:
            try:
                return self.say(words, client)
            except ClientError as error:
                is_conflict = error.response["Error"]["Code"] == "ConflictException"
                if not is_conflict or time.monotonic() > end:
                    raise
            time.sleep(RESEND_SECONDS)

    def wants_call(self, questions: tuple[str, ...] = QUESTIONS) -> Reply:
        """Ask, then answer what is asked until the question for consent; that reply.

        A person whose answer fails says it again, or begins again: UndrivableError after
        MOST_TURNS.
        """
        for question in questions:
            self.say(question)
        words, reply = "start the demo", None
        for _ in range(MOST_TURNS):
            reply = self._said(words) or reply
            if reply and reply.dialog == "ConfirmIntent":
                self.interaction_id = reply.attributes[INTERACTION]
                return reply
            words = self._next_words(reply)
        raise UndrivableError(reply.text if reply else "nothing was answered")

    def _said(self, words: str) -> Reply | None:
        try:
            return self.say(words)
        except (BotoCoreError, ClientError):
            return None

    def _next_words(self, reply: Reply | None) -> str:
        slots = {"VisitorFullName": self.name, "VisitorPhoneNumber": self.number}
        return slots.get(reply.slot if reply else "", "start the demo")

    def ring_after(self, sent: float) -> float:
        """Seconds from `sent` to this number's ring; NotInTimeError if it stays silent."""
        return float(self.rung()["ring"]) - sent

    def rung(self) -> dict[str, Any]:
        """The first call to this number, from its ring on."""
        rung = self.site.wait("a ring", self._rung, RING_LIMIT_SECONDS)
        return rung[0]

    def _rung(self) -> list[dict[str, Any]]:
        return [call for call in self.site.calls_to(self.number) if call["ring"]]


def _reply(answer: dict[str, Any], sent: float, came: float) -> Reply:
    state = answer.get("sessionState", {})
    action = state.get("dialogAction", {})
    texts = (message.get("content", "") for message in answer.get("messages", []))
    return Reply(
        " ".join(texts),
        action.get("type", ""),
        action.get("slotToElicit", ""),
        state.get("sessionAttributes", {}),
        sent,
        came,
    )
