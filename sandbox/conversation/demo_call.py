"""The demo's lead and its call: what the yes recorded, the ring, and the talk on the phone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sandbox.conversation.demo_chat import NAME, QUESTIONS, by, fault_of
from sandbox.conversation.layout import GAP, fields, row
from sandbox.conversation.phone import PhoneTurn
from sandbox.conversation.story import Cast, Story, StoryEndedError

LINES = (
    "Hello?",
    "Yes please. What did I ask you in the chat?",
    "And what technology is behind it?",
    "How much would that cost us?",
    "Can someone from your team call me back?",
    "Thank you, goodbye.",
)
RECALL = LINES[1]
LEAST_TURNS = 4
RING_LIMIT_SECONDS = 20.0

_HEAD = ("", "caller", "phone", "ms", "start", "by")
_WIDTHS = (-2, 24, 0, -5, 11, 8)
_NARROW_WIDTHS = (-2, 18, 0, -5, 11)
_NARROW = 96


def await_ring(cast: Cast, story: Story) -> None:
    """The lead as the yes recorded it, and the ring; StoryEndedError when either is missing."""
    cast.begin(
        "2  Lead captured",
        "What the yes recorded in DynamoDB, in one transaction, before anything was called.",
    )
    story.lead = cast.backstage.lead(story.interaction_id) or {}
    cast.tell(fields(lead_fields(story.lead), cast.width))
    _check_lead(story, cast.phone.number)
    call = cast.wait(cast.phone.ringing, RING_LIMIT_SECONDS)
    if call is None:
        raise StoryEndedError(f"no phone rang within {RING_LIMIT_SECONDS:.0f} s of the yes")
    story.call = call
    reply = story.turns[-1].milliseconds
    cast.tell(
        f"\n  From the yes to its answer: {reply:.0f} ms."
        f"\n  From the yes to the ring:   {story.yes_to_ring_ms:.0f} ms."
    )


def talk(cast: Cast, story: Story) -> None:
    """Answer, hold the scripted talk, and see the call end."""
    cast.begin(
        "4  The phone",
        "Connect's flow discloses the AI and the recording, then Lex hears the caller. The call"
        " knows what was asked in the chat.",
    )
    widths = _widths(cast.width)
    for line in (row(_HEAD[: len(widths)], widths), "-" * cast.width):
        cast.tell(line)
    contact_id = story.call["id"]
    _heard(cast.phone.answer(contact_id), cast, story)
    for words in LINES:
        _say(words, contact_id, cast, story)
        if words == RECALL and not recalls_the_chat(story):
            # Who is not understood asks again, once.
            _say(words, contact_id, cast, story)
        if story.phone_turns[-1].ended:
            break
    if not story.phone_turns[-1].ended:
        story.faults.append("the bot did not end the call at the caller's goodbye")
        cast.phone.hang_up(contact_id)
    story.call = cast.phone.call(contact_id)


def call_faults(story: Story) -> list[str]:
    """What is wrong with the talk on the phone."""
    spoken_turns = story.phone_turns[1:]
    faults = [
        fault_of(f"phone turn {number} ({turn.words!r})", turn.served, "phone")
        for number, turn in enumerate(spoken_turns, 1)
    ]
    if story.phone_turns and not recalls_the_chat(story):
        faults.append("nothing on the phone used what the visitor had asked in the chat")
    if story.phone_turns and len(spoken_turns) < LEAST_TURNS:
        faults.append(f"the phone call had {len(spoken_turns)} turns, not {LEAST_TURNS} or more")
    if story.phone_turns and not _discloses(story.phone_turns[0].heard):
        faults.append("the call did not begin by saying that an AI speaks and that it is recorded")
    if story.phone_turns and all(turn.served.by_lex_alone for turn in spoken_turns):
        faults.append("no phone turn reached a function through an alias")
    return [fault for fault in faults if fault]


def recalls_the_chat(story: Story) -> bool:
    """Whether the phone repeated a question of the chat."""
    questions = [_plain(question) for question in QUESTIONS[1:]]
    heard = [_plain(turn.heard) for turn in story.phone_turns]
    return any(question in words for question in questions for words in heard)


def lead_fields(lead: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The lead item for people."""
    offered, agreed = (moment(lead.get(name)) for name in ("offered_at", "consented_at"))
    version = lead.get("consent_version", "")
    return [
        ("interaction", str(lead.get("interaction_id", ""))),
        ("status", str(lead.get("status", "none"))),
        ("name", str(lead.get("name", ""))),
        ("number", str(lead.get("phone", ""))),
        ("asked", "; ".join(lead.get("asked", []))),
        ("consent to", str(lead.get("consent_words", ""))),
        ("consent", f"words {version}, shown {offered}, agreed {agreed}"),
    ]


def moment(seconds: Any) -> str:
    """Epoch seconds as a time of day, "never" for none."""
    return f"{datetime.fromtimestamp(float(seconds), UTC):%H:%M:%S} UTC" if seconds else "never"


def _check_lead(story: Story, number: str) -> None:
    lead = story.lead
    if lead.get("status") != "consented":
        raise StoryEndedError("the yes left no consented lead in the leads table")
    right = (lead.get("name"), lead.get("phone")) == (NAME, number)
    story.check(right, "the lead does not hold the name and the number that were given")
    shown = lead.get("consent_words") == story.turns[-2].answer
    story.check(shown, "the consent record does not hold the words that the visitor was shown")


def _say(words: str, contact_id: str, cast: Cast, story: Story) -> None:
    _heard(cast.phone.say(contact_id, words), cast, story)


def _heard(turn: PhoneTurn, cast: Cast, story: Story) -> None:
    widths = _widths(cast.width)
    number = len(story.phone_turns)
    story.phone_turns.append(turn)
    words = turn.words or "(answers)"
    # What Connect's flow says itself, nobody served.
    served = (turn.served.start, by(turn.served)) if number else ("-", "Connect")
    cells = (str(number or ""), words, turn.heard, f"{turn.milliseconds:.0f}", *served)
    cast.tell(row(cells[: len(widths)], widths))


def _widths(width: int) -> list[int]:
    columns = _WIDTHS if width >= _NARROW else _NARROW_WIDTHS
    left = width - sum(map(abs, columns)) - len(GAP) * (len(columns) - 1)
    return [column or left for column in columns]


def _discloses(words: str) -> bool:
    return "AI" in words and "recorded" in words


def _plain(words: str) -> str:
    return re.sub(r"[^a-z ]", "", words.lower())
