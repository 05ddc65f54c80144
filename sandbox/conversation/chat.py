"""A person types, the bot answers; when the demo was booked, the phone rings in the same place."""

from __future__ import annotations

import contextlib
import textwrap
import time
from collections.abc import Callable

from sandbox.conversation.backstage import Backstage, Record, wait_for
from sandbox.conversation.booking import LOOK_SECONDS, UNREACHABLE, Booking, looking
from sandbox.conversation.demo_call import lead_fields
from sandbox.conversation.demo_records import records_text
from sandbox.conversation.layout import dim, fields
from sandbox.conversation.phone import Phone, PhoneTurn
from sandbox.conversation.talk import Control, Conversation, Served, Turn
from sandbox.conversation.terminal import Screen

HELP = """\
Type to the bot. Ask for the demo, and your phone rings here; what you type then is spoken.
  /answer  /decline   when it rings        /hang-up   ends the call
  /lead               the lead's record    /reset     begins a new session
  /help               this list            /quit      ends (or Ctrl-D)"""
# Lex refuses longer texts: https://docs.aws.amazon.com/lexv2/latest/dg/quotas.html
_LONGEST = 1024
_ENDS = ("/quit", "/exit", "/q")
RING_LIMIT_SECONDS = 10.0
"""So long /answer waits for a ring that is on its way."""
SUMMARY_LIMIT_SECONDS = 30.0


class Chat:
    """One person at a terminal, with the sandbox's bot and the phone that it calls."""

    def __init__(
        self,
        conversation: Conversation,
        backstage: Backstage,
        control: Control,
        screen: Screen,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        """`look_seconds`: how often the booked call is looked at beside the typing."""
        self._conversation, self._backstage, self._control = conversation, backstage, control
        self._screen, self._clock, self._sleep = screen, clock, sleep
        self._look_seconds = look_seconds
        self._booking: Booking | None = None
        self._call_id = ""
        self._commands: dict[str, Callable[[], str]] = {
            "/answer": self._answer,
            "/decline": self._decline,
            "/hang-up": self._hang_up,
            "/lead": self._lead,
            "/reset": self._reset,
            "/help": lambda: HELP,
            "": lambda: HELP,
        }

    def run(self) -> int:
        """Answer line by line until /quit or the end of the input; 0."""
        self._screen.tell(HELP)
        with looking(self.look, self._screen.notify, self._look_seconds):
            while (words := self._next()) is not None:
                try:
                    self._screen.tell(self._reply(words))
                except UNREACHABLE as error:
                    self._screen.tell(self._dim(f"(no answer: {error})"))
        self._leave()
        return 0

    def look(self) -> list[str]:
        """The news of the booked call."""
        return self._booking.look() if self._booking else []

    def _next(self) -> str | None:
        """The next line without its blanks; None at the end."""
        try:
            words = self._screen.read("caller> " if self._call_id else "you> ").strip()
        except EOFError:
            self._await_summary()
            return None
        return None if words in _ENDS else words

    def _reply(self, words: str) -> str:
        if words in self._commands:
            return self._shown(self._commands[words]())
        if words.startswith("/"):
            return self._dim(f"There is no {words}.\n{HELP}")
        if len(words) > _LONGEST:
            return self._dim(f"Lex takes at most {_LONGEST} characters; that was {len(words)}.")
        return self._spoken(words) if self._call_id else self._written(words)

    def _written(self, words: str) -> str:
        turn = self._conversation.say(words)
        self._follow(turn.interaction_id)
        return self._said("bot> ", turn.answer, _about(turn))

    def _spoken(self, words: str) -> str:
        call_id, phone = self._call_id, self._phone()
        try:
            return self._heard(phone.say(call_id, words))
        except UNREACHABLE:
            # Whoever says nothing for long is hung up on.
            self._call_id = ""
            raise

    def _heard(self, turn: PhoneTurn) -> str:
        if turn.ended:
            self._call_id = ""
        text = self._said("phone> ", turn.heard, f"{turn.milliseconds:.0f} ms, {_by(turn.served)}")
        over = "\n(the call has ended; its summary comes in a moment)" if turn.ended else ""
        return text + self._dim(over)

    def _follow(self, interaction_id: str) -> None:
        """Take the phone of whoever is about to agree to a call."""
        lead = self._backstage.lead(interaction_id) if interaction_id else None
        if not lead:
            return
        booking, number = self._booking, str(lead["phone"])
        known = booking and (booking.interaction_id, booking.phone.number)
        if known != (interaction_id, number):
            phone = Phone(self._control, number)
            width = self._screen.width
            self._booking = Booking(interaction_id, phone, self._backstage, self._clock, width)
            self._booking.look()

    def _answer(self) -> str:
        if self._call_id:
            return "(you are on the phone)"
        if self._booking is None:
            return "(no phone is ringing: ask for the demo, and agree to be called)"
        call = wait_for(self._ring_or_end, RING_LIMIT_SECONDS, self._clock, self._sleep)
        if call is None or call["state"] != "ringing":
            return "(no phone is ringing)"
        turn = self._phone().answer(call["id"])
        self._call_id = "" if turn.ended else str(call["id"])
        return self._said("phone> ", turn.heard, "Connect's flow; now speak, or /hang-up")

    def _ring_or_end(self) -> Record | None:
        """The call once it rings, or will not ring any more."""
        call = self._booking.call() if self._booking else None
        return call if call and call["state"] != "initiated" else None

    def _decline(self) -> str:
        call = self._booking.ringing() if self._booking else None
        if call is None:
            return "(no phone is ringing)"
        self._phone().decline(call["id"])
        return "(declined)"

    def _hang_up(self) -> str:
        if not self._call_id:
            return self._decline()
        call_id, self._call_id = self._call_id, ""
        self._phone().hang_up(call_id)
        return "(you have hung up; the call's summary comes in a moment)"

    def _lead(self) -> str:
        if self._booking is None:
            return "(no lead yet: ask for the demo, and give your name and number)"
        leads = self._backstage.lead_records(self._booking.interaction_id)
        tasks = [task for lead in leads for task in self._backstage.tasks_of(lead["Id"])]
        if leads:
            return "\n".join(records_text(leads, tasks, self._screen.width))
        lead = self._backstage.lead(self._booking.interaction_id)
        if lead is None:
            return "(nothing is stored of it any more)"
        return f"(not in Salesforce yet)\n{fields(lead_fields(lead), self._screen.width)}"

    def _reset(self) -> str:
        self._conversation.start_again()
        return "(a new session)"

    def _await_summary(self) -> None:
        """Where nobody sits at the terminal, the end of the input is not the end of the story."""
        booking = self._booking
        if self._screen.is_live or booking is None or booking.call() is None:
            return
        self._leave_call()
        wait_for(self._told, SUMMARY_LIMIT_SECONDS, self._clock, self._sleep)

    def _told(self) -> bool | None:
        for news in self.look():
            self._screen.tell(news)
        return (self._booking is None or self._booking.is_told) or None

    def _leave(self) -> None:
        self._leave_call()
        if self._booking:
            with contextlib.suppress(*UNREACHABLE):
                self._booking.phone.claim(0)

    def _leave_call(self) -> None:
        if self._call_id:
            with contextlib.suppress(*UNREACHABLE):
                self._hang_up()

    def _phone(self) -> Phone:
        assert self._booking is not None  # noqa: S101
        return self._booking.phone

    def _said(self, who: str, text: str, about: str) -> str:
        indent = " " * len(who)
        wrapped = textwrap.fill(
            text, self._screen.width, initial_indent=who, subsequent_indent=indent
        )
        return f"{wrapped}\n{self._dim(f'{indent}({about})')}"

    def _shown(self, text: str) -> str:
        """A remark of the chat itself stands back; words of the bot and records do not."""
        return self._dim(text) if text.startswith("(") or text == HELP else text

    def _dim(self, text: str) -> str:
        return dim(text, self._screen.colour) if text else ""


def _about(turn: Turn) -> str:
    return f"{turn.milliseconds:.0f} ms, {turn.source}, {turn.intent}, {_by(turn.served)}"


def _by(served: Served) -> str:
    if served.by_lex_alone:
        return "Lex alone"
    return f"{served.start}, {served.alias} v{served.version}"
