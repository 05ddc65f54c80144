"""The world's numbering plans and time zones, read once from the generated table. Pure.

The rules by which the patterns are applied are libphonenumber's (`_number_type_helper` and
`_maybe_strip_national_prefix_carrier_code` of the Python package that the table is drawn from).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "phone_table.json"
FIXED, MOBILE, FIXED_OR_MOBILE = "fixed", "mobile", "fixed_or_mobile"
_KINDS = (
    "premium",
    "toll_free",
    "shared_cost",
    "voip",
    "personal",
    "pager",
    "uan",
    "voicemail",
    FIXED,
    MOBILE,
)
_LONGEST_CODE = 3


@dataclass(frozen=True, slots=True)
class Region:
    """One region's plan. `trunk` is what stands before a number dialled within the country."""

    name: str
    code: str
    patterns: Mapping[str, tuple[str, tuple[int, ...]]]
    trunk: str = ""
    trunk_rule: str = ""
    abroad: str = ""
    leading: str = ""
    same_mobile: bool = False

    @property
    def lengths(self) -> tuple[int, ...]:
        """How many digits a number has without code and trunk prefix."""
        return self.patterns["any"][1]

    def kind(self, national: str) -> str:
        """The kind of a number of this plan, FIXED_OR_MOBILE among them; empty for none."""
        if not self._matches("any", national):
            return ""
        kind = next((kind for kind in _KINDS if self._matches(kind, national)), "")
        if kind == FIXED and (self.same_mobile or self._matches(MOBILE, national)):
            return FIXED_OR_MOBILE
        return kind

    def without_trunk(self, digits: str) -> str:
        """The digits without the prefix that only callers within the country dial."""
        match = re.match(self.trunk, digits) if self.trunk else None
        if match is None:
            return digits
        captured = match.groups()[-1] if match.groups() else None
        if self.trunk_rule and captured is not None:
            stripped = re.sub(self.trunk, self.trunk_rule, digits, count=1)
        else:
            stripped = digits[match.end() :]
        was_whole = self._matches_pattern("any", digits)
        is_whole = self._matches_pattern("any", stripped)
        return digits if was_whole and not is_whole else stripped

    def _matches(self, kind: str, national: str) -> bool:
        _, lengths = self.patterns.get(kind, ("", ()))
        return (not lengths or len(national) in lengths) and self._matches_pattern(kind, national)

    def _matches_pattern(self, kind: str, national: str) -> bool:
        pattern, _ = self.patterns.get(kind, ("", ()))
        return bool(pattern) and re.fullmatch(pattern, national) is not None


def code_of(digits: str) -> str:
    """The calling code that international digits begin with; empty when there is none."""
    starts = (digits[:length] for length in range(1, _LONGEST_CODE + 1))
    return next((start for start in starts if start in _table()["codes"]), "")


def regions_of(code: str) -> tuple[Region, ...]:
    """The regions that share a calling code, the main one first."""
    return tuple(region(name) for name in _table()["codes"][code])


@cache
def region(name: str) -> Region:
    """A region's plan by its two letters; KeyError for an unknown one."""
    facts: dict[str, Any] = dict(_table()["regions"][name])
    patterns = {kind: facts.pop(kind) for kind in ("any", *_KINDS) if kind in facts}
    return Region(
        name, patterns={kind: _pattern(*each) for kind, each in patterns.items()}, **facts
    )


def is_region(name: str) -> bool:
    """Whether the table has that country."""
    return name in _table()["regions"]


def zones_of(phone: str, kind: str) -> tuple[str, ...]:
    """The time zones a number in E.164 may ring in; empty where nobody knows.

    A mobile is only as local as its country makes it: in most, its digits tell no place.
    """
    digits = phone.removeprefix("+")
    code = code_of(digits)
    is_local = kind in (FIXED, FIXED_OR_MOBILE)
    is_local |= kind == MOBILE and code in _table()["geographic_mobiles"]
    known = digits if is_local else code
    zones_by_prefix = _zones_by_prefix()
    prefixes = (known[:length] for length in range(len(known), 0, -1))
    return next((zones_by_prefix[each] for each in prefixes if each in zones_by_prefix), ())


def _pattern(pattern: str, lengths: list[int] | None = None) -> tuple[str, tuple[int, ...]]:
    return pattern, tuple(lengths or ())


@cache
def _zones_by_prefix() -> Mapping[str, tuple[str, ...]]:
    groups = _table()["zones"].items()
    return {prefix: tuple(zones.split()) for zones, all_ in groups for prefix in all_.split()}


@cache
def _table() -> Any:
    return json.loads(FILE.read_text(encoding="ascii"))
