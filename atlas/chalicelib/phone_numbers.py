"""From a visitor's words to one phone number that may be called, or to why not. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

from chalicelib.phone_table import Region, code_of, region, regions_of
from chalicelib.phone_words import (
    E164_DIGITS,
    Digits,
    candidates,
    has_extension,
    has_letters,
    plain,
)

Reason = Literal[
    "missing",
    "not_a_number",
    "too_short",
    "too_long",
    "unknown_country_code",
    "not_valid",
    "several",
    "extension",
    "letters",
    "premium_rate",
    "service_number",
    "country_not_allowed",
]

_PROBLEM_BY_KIND: dict[str, Reason] = {
    "premium": "premium_rate",
    "shared_cost": "premium_rate",
    # Personal numbers are forwarded at the caller's cost; in Britain often at a premium.
    "personal": "premium_rate",
    "toll_free": "service_number",
    "uan": "service_number",
    "pager": "service_number",
    "voicemail": "service_number",
}


@dataclass(frozen=True, slots=True)
class PhoneNumber:
    """A number that exists: E.164, its country's two letters, and its kind as the table names it.

    Those that may be called are fixed, mobile, fixed_or_mobile or voip.
    """

    e164: str
    country: str
    kind: str

    @property
    def readable(self) -> str:
        """The number in groups, as people read it out: +1 415 555 0132."""
        code = code_of(self.e164[1:])
        national = self.e164[1 + len(code) :]
        # Groups of three; what is left over at the end makes one of two to four.
        return " ".join([f"+{code}", *re.findall(r"\d{2,4}$|\d{3}", national)])


@dataclass(frozen=True, slots=True)
class Problem:
    """Why there is no number to call."""

    reason: Reason


def read(
    text: str, default_country: str, allowed_countries: Collection[str] | None
) -> PhoneNumber | Problem:
    """The one number in a text, of a country that may be called, or why there is none.

    A number without a country's code is taken for one of the default country. With None for the
    countries any number is one, whether or not it may be called.
    """
    if not text.strip():
        return Problem("missing")
    words = plain(text)
    if has_extension(words):
        return Problem("extension")
    found = candidates(words)
    if found is None:
        return Problem("several")
    tries = [_read(each, region(default_country)) for each in found]
    number = next((each for each in tries if isinstance(each, PhoneNumber)), None)
    if number is not None:
        return _callable(number, allowed_countries)
    if has_letters(words):
        return Problem("letters")
    return tries[0] if tries else Problem("not_a_number")


def classified(e164: str) -> PhoneNumber | None:
    """A number in E.164 with country and kind; None when no plan has such a number."""
    code = code_of(e164[1:])
    return _classified(code, e164[1 + len(code) :]) if code else None


def _callable(number: PhoneNumber, allowed: Collection[str] | None) -> PhoneNumber | Problem:
    if allowed is None:
        return number
    if (reason := _PROBLEM_BY_KIND.get(number.kind)) is not None:
        return Problem(reason)
    return number if number.country in allowed else Problem("country_not_allowed")


def _read(given: Digits, home: Region) -> PhoneNumber | Problem:
    """The first reading that is a number, else what is wrong with the likeliest one."""
    problem: Problem | None = None
    for code, national in _readings(given, home):
        if not code:
            problem = problem or Problem("unknown_country_code")
        elif (number := _classified(code, national)) is not None:
            return number
        else:
            problem = problem or Problem(_wrong_with(regions_of(code)[0], national))
    return problem or Problem("not_a_number")


def _readings(given: Digits, home: Region) -> Iterator[tuple[str, str]]:
    """Calling code and national number, in the order of their likelihood; code "" for unknown."""
    digits = given.digits
    if given.has_plus:
        yield _international(digits.removeprefix("00"))
        return
    abroad = re.match(rf"(?:{home.abroad or '00'})|00", digits)
    if abroad is not None and _classified(home.code, home.without_trunk(digits)) is None:
        yield _international(digits[abroad.end() :])
    yield home.code, _without_trunk(digits, home)
    if digits.startswith(home.code) or len(digits) > max(home.lengths):
        # Somebody left the plus out.
        yield _international(digits)


def _international(digits: str) -> tuple[str, str]:
    code = code_of(digits)
    if not code:
        return "", digits
    return code, _without_trunk(digits[len(code) :], regions_of(code)[0])


def _without_trunk(digits: str, plan: Region) -> str:
    """`+44 (0)20 ...` without its zero; digits that would become too few stay as they are."""
    stripped = plan.without_trunk(digits)
    fits = len(stripped) in plan.lengths or len(stripped) > max(plan.lengths)
    return stripped if fits else digits


def _classified(code: str, national: str) -> PhoneNumber | None:
    plan = next((each for each in regions_of(code) if _is_of(each, national)), None)
    kind = plan.kind(national) if plan is not None else ""
    if plan is None or not kind:
        return None
    return PhoneNumber(f"+{code}{national}", plan.name.partition("-")[0], kind)


def _is_of(plan: Region, national: str) -> bool:
    if plan.leading:
        return re.match(plan.leading, national) is not None
    return bool(plan.kind(national))


def _wrong_with(plan: Region, national: str) -> Reason:
    if len(national) < min(plan.lengths):
        return "too_short"
    if len(national) > min(max(plan.lengths), E164_DIGITS):
        return "too_long"
    return "not_valid"
