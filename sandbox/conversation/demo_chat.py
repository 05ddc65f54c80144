"""The demo in the chat: some questions, then a booking with name, number and a clear yes."""

from __future__ import annotations

from collections.abc import Sequence

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.conversation.layout import GAP, row
from sandbox.conversation.story import Cast, Story, StoryEndedError
from sandbox.conversation.talk import Served, Turn

# The same question comes back, so that a cache shows; one is asked that no intent knows.
QUESTIONS = (
    "hello",
    "What technology do you use?",
    "what technology do you use",
    "Would this work for a small sales team in Spain?",
    "How long does the demo take?",
)
BOOK, NAME, WRONG_NUMBER, YES = "start the demo", "Maria Alvarez", "555-01", "yes"
TYPING_SECONDS = 1.0
"""A visitor needs longer to type a number; meanwhile the scenario is written."""

_HEAD = ("", "words", "answer", "ms", "source", "start", "by")
# The answer takes what is left; a narrow terminal does without the last column.
_WIDTHS = (-2, 17, 0, -5, 8, 11, 8)
_NARROW_WIDTHS = (-2, 14, 0, -5, 8, 11)
_NARROW = 96


def script(number: str) -> tuple[str, ...]:
    """What the visitor types, up to the yes."""
    return (*QUESTIONS, BOOK, NAME, WRONG_NUMBER, number, YES)


def hold_chat(cast: Cast, story: Story) -> None:
    """Every turn of the script; StoryEndedError when one fails or nothing was booked."""
    cast.begin("1  The chat", "A visitor's words through boto3's lexv2-runtime, and who answered.")
    widths = _widths(cast.width)
    for line in (row(_HEAD[: len(widths)], widths), "-" * cast.width):
        cast.tell(line)
    for words in script(spoken(cast.phone.number)):
        _say(words, cast, story)
        cast.tell(row(_cells(len(story.turns), story.turns[-1])[: len(widths)], widths))
    last = story.turns[-1]
    story.interaction_id = last.attributes.get("bookedInteraction", "")
    if not story.interaction_id:
        raise StoryEndedError(f"the yes booked no call; the bot said: {last.answer}")


def fault_of(name: str, served: Served, source: str) -> str:
    """What is wrong with how a turn was answered in one sentence, "" when nothing is."""
    if served.errors:
        return f"{name} made the function fail: {'; '.join(served.errors)}"
    if served.on_latest:
        return f"{name} was answered by $LATEST: Lex is not bound to a released alias"
    if served.start == "cold":
        return f"{name} met a cold start: the released version has too little provisioned"
    if source == "-":
        return f"{name} came back without the source of its answer"
    return ""


def chat_faults(turns: Sequence[Turn]) -> list[str]:
    """What is wrong with the turns of the chat."""
    names = (f"turn {number} ({turn.words!r})" for number, turn in enumerate(turns, 1))
    faults = [fault_of(n, t.served, t.source) for n, t in zip(names, turns, strict=False)]
    if turns and all(turn.served.by_lex_alone for turn in turns):
        faults.append("no turn reached a function through an alias: Lex is not bound to a release")
    return [fault for fault in faults if fault]


def spoken(number: str) -> str:
    """+14155550132 as people write it."""
    return f"{number[:-10]} {number[-10:-7]} {number[-7:-4]} {number[-4:]}"


def by(served: Served) -> str:
    """Which release answered."""
    return "Lex" if served.by_lex_alone else f"{served.alias} v{served.version}"


def _say(words: str, cast: Cast, story: Story) -> None:
    if words not in (*QUESTIONS, BOOK):
        cast.sleep(TYPING_SECONDS)
    if words == YES:
        story.consent_at = cast.clock()
    try:
        story.turns.append(cast.conversation.say(words))
    except (ClientError, BotoCoreError) as error:
        number = len(story.turns) + 1
        raise StoryEndedError(f"turn {number} ({words!r}) failed: {error}") from error


def _widths(width: int) -> list[int]:
    columns = _WIDTHS if width >= _NARROW else _NARROW_WIDTHS
    answer = width - sum(map(abs, columns)) - len(GAP) * (len(columns) - 1)
    return [column or answer for column in columns]


def _cells(number: int, turn: Turn) -> tuple[str, ...]:
    wait = f"{turn.milliseconds:.0f}"
    start = (turn.source, turn.served.start, by(turn.served))
    return (str(number), turn.words, turn.answer, wait, *start)
