"""The dated table of AWS's prices: read from ops/prices.toml, and refused where an entry is bad."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.errors import RefusedError

PRICES_FILE = Path(__file__).parent / "prices.toml"
_DATE = re.compile(r"20\d{2}-\d{2}-\d{2}")
_KINDS: Mapping[str, type | tuple[type, ...]] = {
    "usd": (int, float),
    "per": (int, float),
    "unit": str,
    "seen": str,
    "confirmed": bool,
    "source": str,
}
_OPTIONAL = frozenset(("note",))


@dataclass(frozen=True, slots=True)
class Price:
    """USD for `per` of a unit; `seen`: the day of its source; unconfirmed: AWS's page unread."""

    name: str
    usd: float
    per: float
    unit: str
    seen: str
    is_confirmed: bool
    source: str
    note: str = ""

    def of(self, quantity: float) -> float:
        """USD for so many of the unit."""
        return quantity * self.usd / self.per


def prices(path: Path = PRICES_FILE) -> dict[str, Price]:
    """Every price by its name; RefusedError names everything that is wrong in the file."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise RefusedError(f"{path.name}: {error}") from error
    if problems := [problem for name, row in table.items() for problem in _problems(name, row)]:
        raise RefusedError(f"{path.name}: {'; '.join(problems)}")
    return {name: _price(name, row) for name, row in table.items()}


def _problems(name: str, row: Any) -> Iterator[str]:
    if not isinstance(row, dict):
        yield f"{name} must be a table"
        return
    for odd in sorted(row.keys() - _KINDS.keys() - _OPTIONAL):
        yield f"{name}.{odd} is unknown"
    for field, kind in _KINDS.items():
        if not isinstance(row.get(field), kind) or (kind is not bool and row[field] is True):
            yield f"{name}.{field} is missing or of the wrong type"
        elif field in ("usd", "per") and row[field] <= 0:
            yield f"{name}.{field} must be above 0"
    if not _DATE.fullmatch(str(row.get("seen"))):
        yield f"{name}.seen must be a date such as 2026-11-24"


def _price(name: str, row: Mapping[str, Any]) -> Price:
    return Price(
        name,
        float(row["usd"]),
        float(row["per"]),
        row["unit"],
        row["seen"],
        row["confirmed"],
        row["source"],
        row.get("note", ""),
    )
