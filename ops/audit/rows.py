"""What a row of the audit is: a finding, why it matters, what to do, and how to look at it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ops.audit.facts import Facts

Status = Literal["pass", "fail", "unknown"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a look found; `unknown` where it cannot be observed, which is never a pass."""

    status: Status
    found: str


@dataclass(frozen=True, slots=True)
class Row:
    """One finding. `look` reads nothing but facts and may raise Unobserved."""

    name: str
    why: str
    do: str
    look: Callable[[Facts], Verdict]


def passed(found: str) -> Verdict:
    return Verdict("pass", found)


def failed(found: str) -> Verdict:
    return Verdict("fail", found)


def unknown(found: str) -> Verdict:
    return Verdict("unknown", found)


def grouped(problems: Iterable[tuple[str, str]]) -> list[str]:
    """One sentence a problem, with all that has it: from (problem, name) in any order."""
    names: dict[str, list[str]] = {}
    for problem, name in problems:
        names.setdefault(problem, []).append(name)
    return [f"{problem}: {', '.join(dict.fromkeys(them))}" for problem, them in names.items()]


def judged(problems: Iterable[str], fine: str) -> Verdict:
    """Failed with every problem, in order; passed with what is fine where there is none."""
    told = list(dict.fromkeys(problems))
    return failed("; ".join(told)) if told else passed(fine)
