"""What AWS grants by default, dated: read from quotas.toml; a team's own values replace them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ops.errors import RefusedError

QUOTAS_FILE = Path(__file__).parent / "quotas.toml"


@dataclass(frozen=True, slots=True)
class Quota:
    """So many of `unit`; unconfirmed: the figure was not read on AWS's own page."""

    name: str
    value: float
    unit: str
    is_adjustable: bool
    seen: str
    is_confirmed: bool
    source: str
    note: str = ""


def quotas(own: Mapping[str, float] | None = None, path: Path = QUOTAS_FILE) -> dict[str, Quota]:
    """Every quota by its name, with a team's own values; RefusedError for a name that is none."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    found = {
        name: Quota(
            name,
            float(row["value"]),
            row["unit"],
            row["adjustable"],
            row["seen"],
            row["confirmed"],
            row["source"],
            row.get("note", ""),
        )
        for name, row in table.items()
    }
    if odd := sorted((own or {}).keys() - found.keys()):
        raise RefusedError(f"there is no quota {', '.join(odd)}; there are {', '.join(found)}")
    return found | {
        name: replace(found[name], value=value, source="given", is_confirmed=True)
        for name, value in (own or {}).items()
    }
