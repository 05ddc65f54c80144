"""The row on personal data in the logs, and what counts as such in a line."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from ops.audit.facts import Facts
from ops.audit.reading import Unobserved
from ops.audit.rows import Row, Verdict, judged

# Lambda's own lines hold ids and figures, and nothing that the function was given.
_PLATFORM = re.compile(r"(START|END|REPORT|INIT_START|INIT_REPORT|XRAY|RESTORE_\w+) ")
# Written by machines: what looks like a number in them is nobody's.
_MACHINES = re.compile(
    r"arn:aws[\w-]*:\S+"
    r"|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|\b[0-9a-f]{16,64}\b"
    r"|\b1-[0-9a-f]{8}-[0-9a-f]{24}\b"
    r"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"
    r"|\b1[6-9]\d{8}(?:\d{3})?\b"
)
_KINDS = {
    "a telephone number": re.compile(r"(?<![\w.-])\+?\d(?:[\s().-]{0,2}\d){9,14}(?![\w.]*\d)"),
    "an e-mail address": re.compile(r"[^\s@\"'<>]+@[^\s@\"'<>]+\.[a-zA-Z]{2,}"),
    "a query": re.compile(r"\bSELECT\b.+\bFROM\b", re.IGNORECASE | re.DOTALL),
    "a token": re.compile(r"\beyJ[\w-]{10,}\.[\w-]{10,}"),
}
# Names of Lex's, Salesforce's and our own fields that hold what a person said or is.
_FIELDS = frozenset(
    name.lower()
    for name in (
        *("inputTranscript", "transcript", "transcriptions", "utterance", "sessionAttributes"),
        *("interpretations", "slots", "VisitorFullName", "VisitorPhoneNumber", "VisitorLastName"),
        *("phone", "phone_number", "DestinationPhoneNumber", "FirstName", "LastName", "email"),
        *("task_token", "taskToken", "private_key", "scenario_text", "summary"),
    )
)


def no_personal_data(facts: Facts) -> Verdict:
    lines = facts.lines
    if not lines:
        raise Unobserved(f"no function has logged anything in {facts.hours} h")
    found = Counter((line.function, kind) for line in lines for kind in set(kinds(line.text)))
    problems = (
        f"{kind} in {count} {'lines' if count > 1 else 'line'} of {function}"
        for (function, kind), count in sorted(found.items())
    )
    functions = len({line.function for line in lines})
    return judged(problems, f"none in a sample of {len(lines)} lines, functions: {functions}")


def kinds(text: str) -> Iterator[str]:
    """What of a person stands in a line, told without repeating it."""
    if _PLATFORM.match(text):
        return
    for name, value in _texts(text):
        if name.lower() in _FIELDS and value:
            yield f"the field {name}"
        plain = _MACHINES.sub(" ", value)
        yield from (kind for kind, pattern in _KINDS.items() if pattern.search(plain))


def _texts(text: str) -> Iterator[tuple[str, str]]:
    """A JSON line's texts and whole numbers with their fields' names; any other line whole."""
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    yield from _leaves("", value)


def _leaves(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, int):
        yield name, str(value)
    elif isinstance(value, Mapping):
        for key, each in value.items():
            # The metric directive names metrics.
            if key != "_aws":
                yield from _leaves(key, each)
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(name, each)


ROWS = (
    Row(
        "personal-data",
        "Logs are read by more people, and kept longer, than a visitor agreed to.",
        "find the line (ops logs), mend the code, delete the log streams",
        no_personal_data,
    ),
)
