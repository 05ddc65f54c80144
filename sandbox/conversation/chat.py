"""A person types, the bot answers; each answer with its wait and where it came from."""

from __future__ import annotations

import textwrap
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.conversation.layout import WIDTH, dim
from sandbox.conversation.talk import Conversation, Turn

HELP = "Type to the bot. /reset begins a new session, /quit (or Ctrl-D) ends."
# Lex refuses longer texts: https://docs.aws.amazon.com/lexv2/latest/dg/quotas.html
_LONGEST = 1024


def chat(
    conversation: Conversation,
    read: Callable[[], str],
    tell: Callable[[str], None],
    colour: bool = False,
    width: int = WIDTH,
) -> int:
    """Answer line by line until /quit or the end of the input; 0."""
    tell(HELP)
    while (words := _next(read)) is not None:
        try:
            tell(_reply(conversation, words, colour, width))
        except (ClientError, BotoCoreError) as error:
            tell(f"(no answer: {error})")
    return 0


def _reply(conversation: Conversation, words: str, colour: bool, width: int) -> str:
    if not words:
        return dim(HELP, colour)
    if words == "/reset":
        conversation.start_again()
        return dim("(a new session)", colour)
    if words.startswith("/"):
        return dim(f"There is no {words}. {HELP}", colour)
    if len(words) > _LONGEST:
        return dim(f"Lex takes at most {_LONGEST} characters; that was {len(words)}.", colour)
    return _answer(conversation.say(words), colour, width)


def _next(read: Callable[[], str]) -> str | None:
    """The next line without its blanks; None at the end."""
    try:
        words = read().strip()
    except EOFError:
        return None
    return None if words in ("/quit", "/exit", "/q") else words


def _answer(turn: Turn, colour: bool, width: int) -> str:
    served = turn.served
    by = "Lex alone" if served.by_lex_alone else f"{served.start}, {served.alias} v{served.version}"
    about = f"({turn.milliseconds:.0f} ms, {turn.source}, {turn.intent}, {by})"
    text = textwrap.fill(turn.answer, width, initial_indent="bot> ", subsequent_indent="     ")
    return f"{text}\n{dim('     ' + about, colour)}"
