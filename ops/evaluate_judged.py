"""One model's answers, judged: shares, figures, and what a tool reads of them. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

from chalicelib.answer import Answer, Generated
from ops.evaluate_answers import Case, Wording
from ops.evaluate_golden import CHECKS

_PROFILE = re.compile(r"(?:(?P<geography>[a-z-]+)\.)?anthropic\.claude-(?P<family>[a-z]+-\d+-\d+)")
IN_PRODUCTION: tuple[Wording, ...] = ("golden", "folded")
"""What visitors are answered from, so the thresholds hold for both; plain is the comparison."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One case's answer; `problems` by check, "" where all is well."""

    case: Case
    answer: Answer
    problems: Mapping[str, str]

    @property
    def is_good(self) -> bool:
        return not any(self.problems.values())

    @property
    def name(self) -> str:
        return f"{self.case.golden.intent}, {self.case.channel}"

    def to_json(self) -> dict[str, Any]:
        case, generated = self.case, self.answer.generated
        return {
            "intent": case.golden.intent,
            "channel": case.channel,
            "wording": case.wording,
            "asked": case.asked,
            "prompted": case.text,
            "shown": self.answer.text,
            "source": str(self.answer.source),
            "stop_reason": generated.stop_reason if generated else "",
            "problems": {check: found for check, found in self.problems.items() if found},
        }


@dataclass(frozen=True, slots=True)
class ModelReport:
    """One model's answers.

    `generated`: one for each call. `in_time`: the share of them that was whole within the deadline
    of a turn on their channel. `usd_per_1000`: None where the route table has no prices.
    """

    model: str
    judged: Sequence[Judged]
    generated: Sequence[Generated]
    in_time: float
    usd_per_1000: float | None

    @property
    def name(self) -> str:
        """Short enough for a column: the family, and the geography that it is kept to."""
        found = _PROFILE.search(self.model)
        if found is None:
            return self.model
        geography = found["geography"] if found["geography"] not in (None, "global") else ""
        return ".".join(filter(None, (geography, found["family"])))

    def of(self, wording: Wording) -> list[Judged]:
        return [each for each in self.judged if each.case.wording == wording]

    def pairs(self) -> list[tuple[Judged, Judged]]:
        """Each wording that folds, plain and folded."""
        folded = {self._asked(each): each for each in self.of("folded")}
        plain = ((each, folded.get(self._asked(each))) for each in self.of("plain"))
        return [(each, other) for each, other in plain if other is not None]

    @staticmethod
    def _asked(judged: Judged) -> tuple[str, str]:
        return judged.case.golden.intent, judged.case.asked

    def by_name(self) -> dict[str, tuple[int, int]]:
        """Good answers and all answers to the golden questions, by intent and channel."""
        counts: dict[str, tuple[int, int]] = {}
        for each in self.of("golden"):
            good, all_ = counts.get(each.name, (0, 0))
            counts[each.name] = (good + each.is_good, all_ + 1)
        return counts

    def misses(self, thresholds: Mapping[str, float]) -> list[str]:
        """The checks that too few answers pass, in words."""
        return [
            f"{check} {share:.0%} of {wording} questions, {thresholds[check]:.0%} needed"
            for wording in IN_PRODUCTION
            for check, share in rates(self.of(wording)).items()
            if share is not None and share < thresholds[check]
        ]

    @property
    def seconds(self) -> float:
        return median([each.seconds for each in self.generated] or [0.0])

    @property
    def stop_reasons(self) -> Counter[str]:
        return Counter(each.counted_stop_reason for each in self.generated)

    def tokens(self) -> tuple[float, float]:
        """The mean in and out, of calls that Bedrock has counted."""
        counted = [each for each in self.generated if each.input_tokens]
        return (
            fmean([each.input_tokens for each in counted] or [0]),
            fmean([each.output_tokens for each in counted] or [0]),
        )

    def to_json(self, thresholds: Mapping[str, float]) -> dict[str, Any]:
        tokens_in, tokens_out = self.tokens()
        wordings: tuple[Wording, ...] = ("golden", "plain", "folded")
        return {
            "model": self.model,
            "pass_rates": {wording: rates(self.of(wording)) for wording in wordings},
            "misses": self.misses(thresholds),
            "calls": len(self.generated),
            "stop_reasons": dict(self.stop_reasons),
            "truncated": sum(each.was_truncated for each in self.generated),
            "tokens_in_mean": round(tokens_in, 1),
            "tokens_out_mean": round(tokens_out, 1),
            "seconds_median": round(self.seconds, 3),
            "in_time": round(self.in_time, 3),
            "usd_per_1000_answers": self.usd_per_1000,
            "answers": [each.to_json() for each in self.judged],
        }


def rates(judged: Sequence[Judged]) -> dict[str, float | None]:
    """The share that passes each check, None where it was never judged."""
    found: dict[str, float | None] = {}
    for check in CHECKS:
        verdicts = [not each.problems[check] for each in judged if check in each.problems]
        found[check] = fmean(verdicts) if verdicts else None
    return found
