"""A bill and its claims as text for people and as JSON for tools."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ops.cost_bill import FOUR, Bill, Line
from ops.cost_claims import Claim
from ops.cost_prices import Price
from ops.cost_usage import Traffic, Usage
from ops.stages import MODEL_TABLE

UNCONFIRMED = "?"
_TITLES = ("component", "item", "quantity", "unit", "USD", "price of")
_CLAIM_TITLES = ("component", "reported", "modelled", "that is", "hoped", "Atlas", "the hope is")


def text(stage: str, usage: Usage, traffic: Traffic, bill: Bill, rows: Sequence[Claim]) -> str:
    return "\n".join(_text(stage, usage, traffic, bill, rows))


def _text(
    stage: str, usage: Usage, traffic: Traffic, bill: Bill, rows: Sequence[Claim]
) -> Iterator[str]:
    yield f"A month of stage {stage} in us-east-1, without free tiers, taxes and discounts"
    yield f"Assumed: {traffic.told()}."
    measured = "; ".join(f"{what} from {origin}" for what, origin in usage.origins.items())
    yield f"Measured: {measured}.\n"
    yield from columns([_TITLES, *(_row(line) for line in bill.lines)], right=(2, 4))
    yield f"\nThe predecessor's four components: {bill.total(FOUR):,.2f} USD."
    a_thousand = 1000 * bill.total() / traffic.turns
    yield f"All of it: {bill.total():,.2f} USD, or {a_thousand:.2f} for 1,000 turns.\n"
    yield "The predecessor's totals (USD a month), at the same traffic:"
    yield from columns([_CLAIM_TITLES, *map(_claim_row, rows)], right=(1, 2, 4, 5))
    yield from (f"- {row.component}: {row.why}" for row in rows)
    yield ""
    yield from doubts([line.price for line in bill.lines if line.price])


def _row(line: Line) -> list[str]:
    quantity = f"{line.quantity:,.0f}" if line.quantity >= 10 else f"{line.quantity:,.2f}"
    seen = line.price.seen if line.price else _models_seen()
    mark = UNCONFIRMED if line.price and not line.price.is_confirmed else ""
    usd = f"{line.usd:,.2f}"
    return [line.component, line.item, quantity, line.unit, usd, f"{seen} {mark}".rstrip()]


def _models_seen() -> str:
    return max(str(facts["priced_on"]) for facts in MODEL_TABLE.values())


def _claim_row(row: Claim) -> list[str]:
    before = [f"{row.reported:,.0f}", f"{row.modelled_before:,.2f}", row.before]
    return [row.component, *before, f"{row.hoped:,.0f}", f"{row.modelled_now:,.2f}", row.after]


def doubts(used: Sequence[Price]) -> Iterator[str]:
    """Every price whose figure was not read on AWS's own page."""
    unsure = {price.name: price for price in used if not price.is_confirmed}
    if unsure:
        yield f"{UNCONFIRMED} Not read on AWS's own page; look there before you rely on it:"
    for price in unsure.values():
        note = f" ({price.note})" if price.note else ""
        figure = (
            f"{price.usd:.10f}".rstrip("0").rstrip(".") + f" USD for {price.per:,.0f} {price.unit}"
        )
        yield f"  {price.name}: {figure}; {price.source}{note}"


def as_json(
    stage: str, usage: Usage, traffic: Traffic, bill: Bill, rows: Sequence[Claim]
) -> dict[str, Any]:
    return {
        "stage": stage,
        "assumed": {
            "turns": traffic.turns,
            "phone_turns": traffic.phone_turns,
            "captures": traffic.captures,
            "calls": traffic.calls,
            "call_minutes": traffic.minutes,
        },
        "measured": dict(usage.origins),
        "lines": [line.to_json() for line in bill.lines],
        "components_usd": bill.components,
        "the_four_usd": bill.total(FOUR),
        "total_usd": bill.total(),
        "claims": [row.to_json() for row in rows],
        "unconfirmed_prices": _unconfirmed(bill),
    }


def _unconfirmed(bill: Bill) -> Mapping[str, str]:
    used = (line.price for line in bill.lines if line.price)
    return {price.name: price.source for price in used if not price.is_confirmed}


def columns(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> Iterator[str]:
    """Rows as a text table; numbers of the columns `right` end at the same place."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (
            cell.rjust(width) if index in right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()
