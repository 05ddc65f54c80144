"""What an evaluation found, per model and side by side: figures, and every answer that failed."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

from chalicelib.answer import Answer, Generated
from ops.evaluate_answers import Case, Wording
from ops.evaluate_golden import CHECKS

_FAMILY = re.compile(r"claude-[a-z]+-\d+-\d+")
_GRAVEST_FIRST = ("claims", "persona", "language", "answered", "complete", "length", "facts")
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
    """One model's answers. `usd_per_1000`: None where the route table has no prices."""

    model: str
    judged: Sequence[Judged]
    generated: Sequence[Generated]
    turn_seconds: float
    usd_per_1000: float | None

    @property
    def name(self) -> str:
        """The family, which is enough to tell models apart on a screen."""
        found = _FAMILY.search(self.model)
        return found[0].removeprefix("claude-") if found else self.model

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
    def in_time(self) -> float:
        """The share that was whole within a turn's deadline."""
        return fmean([each.seconds <= self.turn_seconds for each in self.generated] or [0])

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
            "within_turn": round(self.in_time, 3),
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


def table(reports: Sequence[ModelReport], thresholds: Mapping[str, float]) -> str:
    """The golden questions, a column for each model; * marks a miss."""
    shares = [rates(report.of("golden")) for report in reports]
    lines = [_row("golden questions", [report.name for report in reports], "needed")]
    for check in CHECKS:
        cells = [_share(share[check], thresholds[check]) for share in shares]
        lines.append(_row(f"  {check}", cells, f"{thresholds[check]:.0%}"))
    lines.extend(_row(f"  {label}", cells) for label, cells in _figures(reports))
    lines.append("")
    lines.append(_row("good in every check", [report.name for report in reports]))
    for name in reports[0].by_name() if reports else ():
        counts = [report.by_name().get(name, (0, 0)) for report in reports]
        lines.append(_row(f"  {name}", [f"{good} of {all_}" for good, all_ in counts]))
    return "\n".join(lines)


def _figures(reports: Sequence[ModelReport]) -> Iterator[tuple[str, list[str]]]:
    yield "calls", [str(len(r.generated)) for r in reports]
    reasons = sorted({reason for report in reports for reason in report.stop_reasons})
    for reason in reasons:
        label = "truncated (max_tokens)" if reason == "max_tokens" else f"ended by {reason}"
        yield label, [str(report.stop_reasons[reason]) for report in reports]
    yield "tokens in, mean", [f"{r.tokens()[0]:.0f}" for r in reports]
    yield "tokens out, mean", [f"{r.tokens()[1]:.0f}" for r in reports]
    yield "seconds, median", [f"{r.seconds:.2f}" for r in reports]
    if reports:
        yield f"whole in {reports[0].turn_seconds:g} s", [f"{r.in_time:.0%}" for r in reports]
    prices = [r.usd_per_1000 for r in reports]
    yield "USD per 1,000", ["no price" if usd is None else f"{usd:.2f}" for usd in prices]


def wordings(reports: Sequence[ModelReport]) -> str:
    """Every wording that folds, asked plain and folded; "" where none does."""
    pairs = [report.pairs() for report in reports]
    if not any(pairs):
        return ""
    lines = [_row("plain > folded", [report.name for report in reports])]
    both = [(rates([p for p, _ in found]), rates([f for _, f in found])) for found in pairs]
    for check in CHECKS:
        cells = [f"{_bare(plain[check])} > {_bare(folded[check])}" for plain, folded in both]
        lines.append(_row(f"  {check}", cells))
    lines.append(_row("  worse when folded", [str(len(_worse(found))) for found in pairs]))
    lines.append(_row("  better when folded", [str(len(_better(found))) for found in pairs]))
    folded, asked = pairs[0], reports[0].of("plain")
    onto = len({each.case.text for _, each in folded})
    lines.append(f"  {len(folded)} of {len(asked)} wordings fold, onto {onto} sample utterances")
    return "\n".join(lines)


def _worse(pairs: Sequence[tuple[Judged, Judged]]) -> list[Judged]:
    return [folded for plain, folded in pairs if plain.is_good and not folded.is_good]


def _better(pairs: Sequence[tuple[Judged, Judged]]) -> list[Judged]:
    return [folded for plain, folded in pairs if folded.is_good and not plain.is_good]


def failures(reports: Sequence[ModelReport], most: int) -> str:
    """Each answer that failed, once for all models that gave it, the gravest first."""
    models: dict[tuple[str, ...], list[str]] = {}
    failed = [(report, each) for report in reports for each in report.judged if not each.is_good]
    for report, each in sorted(failed, key=lambda pair: _gravity(pair[1])):
        names = models.setdefault(tuple(_failure(each)), [])
        if report.name not in names:
            names.append(report.name)
    if not models:
        return "Nothing was wrong with any answer."
    lines = [f"something wrong in {len(models)} answers"]
    for failure in list(models)[:most]:
        head, *rest = failure
        names = models[failure]
        is_all = len(names) == len(reports) > 1
        lines += [f"  {head}", f"    {'every model' if is_all else ', '.join(names)}", *rest]
    if (left := len(models) - most) > 0:
        lines.append(f"  … and {left} more: --failures N shows N, --json all")
    return "\n".join(lines)


def _gravity(judged: Judged) -> int:
    return min(_GRAVEST_FIRST.index(check) for check, found in judged.problems.items() if found)


def _failure(judged: Judged) -> Iterator[str]:
    case = judged.case
    folded = f" folded to “{case.text}”" if case.wording == "folded" else ""
    yield f"{judged.name}, “{case.asked}”{folded}"
    for check, problem in judged.problems.items():
        if problem:
            yield f"    {check}: {problem}"
    if not judged.problems["answered"]:
        said = " ".join(judged.answer.text.split())
        yield textwrap.fill(said, 98, initial_indent="    > ", subsequent_indent="      ")


def _row(label: str, cells: Sequence[str], last: str = "") -> str:
    return f"{label:<30}{''.join(f'{cell:>15}' for cell in cells)}{last:>10}".rstrip()


def _share(share: float | None, needed: float) -> str:
    if share is None:
        return "-"
    return f"{share:.0%}*" if share < needed else f"{share:.0%} "


def _bare(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"
