"""Reads `ops/team.toml`, what only the team knows, and names everything wrong with it at once."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from ops.errors import RefusedError

TEAM_FILE = Path(__file__).resolve().parent / "team.toml"
LEAD_DEFAULTS = ("company", "first_name", "source", "status")

_COUNTRY = re.compile(r"[A-Z]{2}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_FIELD_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_HOURS = re.compile(rf"off|({_TIME})-(?!\1)({_TIME})")
_WINDOW = re.compile(rf"any|({_TIME})-(?!\1)({_TIME})")
# As much of an address as SNS looks at; whether it is read, its confirmation shows.
_EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[A-Za-z]{2,}")
_CONNECT = ("connect_instance_id", "connect_source_phone_number")


@dataclass(frozen=True, slots=True)
class Team:
    """One stage's table of `ops/team.toml`, which says what each field means."""

    connect_instance_id: str
    connect_contact_flow_id: str
    connect_source_phone_number: str
    allowed_countries: tuple[str, ...]
    default_country: str
    calls_per_number_per_day: int
    calls_per_hour: int
    quiet_hours: str
    ring_seconds: int
    recording_wait_seconds: int
    recording_key_pattern: str
    salesforce_external_id_field: str
    lead_defaults: Mapping[str, str]
    alarm_email: str
    change_freezes: tuple[str, ...]
    release_window: str


def team_file() -> Path:
    """The repository's file, or the one that ATLAS_TEAM_FILE names.

    Beside it lies what a deployment notes, so a try elsewhere leaves the repository as it is.
    """
    return Path(os.environ.get("ATLAS_TEAM_FILE") or TEAM_FILE).resolve()


def team(stage: str) -> Team:
    """The stage's table of `team_file()`; RefusedError names every problem in it."""
    return _team_of(team_file(), stage)


@cache
def _team_of(path: Path, stage: str) -> Team:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise RefusedError(f"{path} cannot be read: {error.strerror}") from error
    return read_team(text, stage, "ops/team.toml" if path == TEAM_FILE else str(path))


def read_team(text: str, stage: str, name: str = "ops/team.toml") -> Team:
    """The stage's table of `text`; RefusedError names every problem in it."""
    try:
        table = tomllib.loads(text).get(stage)
    except tomllib.TOMLDecodeError as error:
        raise RefusedError(f"{name} is not TOML: {error}") from error
    if not isinstance(table, dict):
        raise RefusedError(f"{name} has no table [{stage}]")
    if found := _problems(table):
        raise RefusedError(f"{name} [{stage}]: {'; '.join(found)}")
    lists = {key: tuple(table[key]) for key in ("allowed_countries", "change_freezes")}
    return Team(**table | lists)


def _problems(table: Mapping[str, Any]) -> list[str]:
    missing = [f"{name} is missing" for name in _RULES if name not in table]
    unknown = [f"{name} is not used" for name in table if name not in _RULES]
    wrong = [
        f"{name} must be {rule.must_be}"
        for name, rule in _RULES.items()
        if name in table and not rule.holds(table[name])
    ]
    return [*missing, *unknown, *wrong, *_contradictions(table)]


def _contradictions(table: Mapping[str, Any]) -> list[str]:
    found = []
    if len({bool(table.get(name)) for name in _CONNECT}) > 1:
        found.append(f"either all of {', '.join(_CONNECT)} are filled in, or none")
    if table.get("connect_contact_flow_id") and not table.get("connect_instance_id"):
        found.append("connect_contact_flow_id needs a connect_instance_id")
    allowed = table.get("allowed_countries")
    if isinstance(allowed, list) and table.get("default_country") not in allowed:
        found.append("default_country must be one of allowed_countries")
    return found


@dataclass(frozen=True, slots=True)
class _Rule:
    holds: Callable[[Any], bool]
    must_be: str


def _text(form: re.Pattern[str], must_be: str, *, may_be_empty: bool = False) -> _Rule:
    def holds(value: Any) -> bool:
        return isinstance(value, str) and (
            bool(form.fullmatch(value)) or (may_be_empty and not value)
        )

    return _Rule(holds, must_be + (", or empty" if may_be_empty else ""))


def _whole(high: int, low: int = 1) -> _Rule:
    must_be = f"a whole number from {low} to {high}"
    return _Rule(lambda v: type(v) is int and low <= v <= high, must_be)


def _are_countries(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_country, value))


def _is_country(value: Any) -> bool:
    return isinstance(value, str) and bool(_COUNTRY.fullmatch(value))


def _are_freezes(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_freeze, value))


def _is_freeze(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        first, last = map(date.fromisoformat, value.split("/"))
    except ValueError:
        return False
    return first <= last


def _is_recording_pattern(value: Any) -> bool:
    try:
        return isinstance(value, str) and "contact" in re.compile(value).groupindex
    except re.error:
        return False


def _are_lead_defaults(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == set(LEAD_DEFAULTS)
        and all(isinstance(text, str) for text in value.values())
        and bool(value["company"] and value["source"] and value["status"])
    )


_RULES = {
    "connect_instance_id": _text(_UUID, "a UUID", may_be_empty=True),
    "connect_contact_flow_id": _text(_UUID, "a UUID", may_be_empty=True),
    "connect_source_phone_number": _text(_E164, "like +14155550100", may_be_empty=True),
    "allowed_countries": _Rule(_are_countries, "a list of two-letter countries"),
    "default_country": _text(_COUNTRY, "a two-letter country"),
    "calls_per_number_per_day": _whole(1000),
    "calls_per_hour": _whole(1_000_000),
    "quiet_hours": _text(_HOURS, "off or two different times such as 21:00-08:00"),
    # What Connect takes for an automated call.
    "ring_seconds": _whole(60, low=15),
    "recording_wait_seconds": _whole(86_400),
    "recording_key_pattern": _Rule(
        _is_recording_pattern, "a regular expression with a group named contact"
    ),
    "salesforce_external_id_field": _text(_FIELD_NAME, "a field's API name", may_be_empty=True),
    "lead_defaults": _Rule(
        _are_lead_defaults, f"a table of {', '.join(LEAD_DEFAULTS)}; only first_name may be empty"
    ),
    "alarm_email": _text(_EMAIL, "an e-mail address", may_be_empty=True),
    "change_freezes": _Rule(
        _are_freezes, 'a list of "first day/last day", as 2026-12-20/2027-01-03'
    ),
    "release_window": _text(_WINDOW, "any or two different times such as 06:00-09:00"),
}
