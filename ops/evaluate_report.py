"""What an evaluation tells a person: models side by side, and every answer that failed. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence

from ops.evaluate_golden import CHECKS
from ops.evaluate_judged import Judged, ModelReport, rates

_GRAVEST_FIRST = ("claims", "persona", "language", "answered", "complete", "length", "facts")


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
    yield "whole within the deadline", [f"{r.in_time:.0%}" for r in reports]
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
