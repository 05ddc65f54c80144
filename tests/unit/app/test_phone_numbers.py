"""From a visitor's words to a number: the table against its source, and every kind of answer."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneNumberType
from phonenumbers.phonemetadata import PhoneMetadata
from phonenumbers.timezone import UNKNOWN_TIMEZONE, time_zones_for_number

from chalicelib import phone_table
from chalicelib.phone_numbers import PhoneNumber, Problem, classified, read
from chalicelib.phone_words import CHARACTERS
from ops.phone_table import phone_table as generated_table

ALLOWED = frozenset(("US", "CA", "GB", "DE", "IT", "FR"))
NUMBER = "+14155550132"
KIND_BY_TYPE = {
    PhoneNumberType.FIXED_LINE: "fixed",
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE_OR_MOBILE: "fixed_or_mobile",
    PhoneNumberType.TOLL_FREE: "toll_free",
    PhoneNumberType.PREMIUM_RATE: "premium",
    PhoneNumberType.SHARED_COST: "shared_cost",
    PhoneNumberType.VOIP: "voip",
    PhoneNumberType.PERSONAL_NUMBER: "personal",
    PhoneNumberType.PAGER: "pager",
    PhoneNumberType.UAN: "uan",
    PhoneNumberType.VOICEMAIL: "voicemail",
}
KINDS_OF_SERVICES = {"toll_free", "uan", "pager", "voicemail"}
KINDS_AT_A_PRICE = {"premium", "shared_cost", "personal"}


def problem(text: str, home: str = "US") -> str:
    result = read(text, home, ALLOWED)
    assert isinstance(result, Problem), result
    return result.reason


def number(text: str, home: str = "US") -> str:
    result = read(text, home, ALLOWED)
    assert isinstance(result, PhoneNumber), result
    return result.e164


# The table, and the package that it is drawn from.


def test_the_shipped_table_is_the_generators() -> None:
    assert phone_table.FILE.read_text(encoding="ascii") == generated_table()


def test_the_table_is_small() -> None:
    assert phone_table.FILE.stat().st_size < 250_000


EXAMPLES_OF = (
    "fixed_line",
    "mobile",
    "toll_free",
    "premium_rate",
    "shared_cost",
    "personal_number",
    "voip",
    "pager",
    "uan",
    "voicemail",
)


@cache
def sample() -> tuple[tuple[int, str], ...]:
    """Calling code and national digits: every example there is, its neighbours, and noise."""
    chance = random.Random(20_261_123)
    return tuple(
        (code, national)
        for code, regions in COUNTRY_CODE_TO_REGION_CODE.items()
        for region in regions
        for example in _examples(code, region)
        for national in _around(example, chance)
    )


def _examples(code: int, region: str) -> Iterator[str]:
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(code, region)
    assert metadata is not None
    for name in EXAMPLES_OF:
        description = getattr(metadata, name)
        if description is not None and description.example_number:
            yield description.example_number


def _around(example: str, chance: random.Random) -> Iterator[str]:
    yield from (example, example[:-1], example + "0", "0" + example, "1" + example)
    for _ in range(12):
        at = chance.randrange(len(example))
        yield example[:at] + str(chance.randrange(10)) + example[at + 1 :]
    for _ in range(4):
        yield example[:3] + "".join(chance.choices("0123456789", k=len(example) - 3))


def test_validity_country_and_kind_agree_with_the_package_for_every_number_of_the_sample() -> None:
    differences, valid, kinds = [], 0, set()
    for code, national in sample():
        theirs = _theirs(f"+{code}{national}")
        ours = read(f"+{code}{national}", "US", {theirs.country} if theirs else ALLOWED)
        kinds.add(theirs.kind if theirs else "")
        valid += theirs is not None
        if not _agree(ours, theirs):
            differences.append((code, national, ours, theirs))
    assert differences == []
    assert kinds == {*KIND_BY_TYPE.values(), ""}
    assert len(sample()) > 20_000
    assert 0.2 < valid / len(sample()) < 0.8


def _theirs(text: str, home: str | None = None) -> PhoneNumber | None:
    try:
        parsed = phonenumbers.parse(text, home)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(parsed):
        return None
    e164 = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    region = phonenumbers.region_code_for_number(parsed)
    return PhoneNumber(e164, str(region), KIND_BY_TYPE[phonenumbers.number_type(parsed)])


def _agree(ours: PhoneNumber | Problem, theirs: PhoneNumber | None) -> bool:
    if theirs is None:
        return isinstance(ours, Problem) and ours.reason not in ("premium_rate", "service_number")
    if theirs.kind in KINDS_AT_A_PRICE:
        return ours == Problem("premium_rate")
    if theirs.kind in KINDS_OF_SERVICES:
        return ours == Problem("service_number")
    return ours == theirs


def test_what_is_not_shown_for_a_kind_agrees_too() -> None:
    for code, national in sample()[::5]:
        theirs = _theirs(f"+{code}{national}")
        if theirs is not None:
            assert classified(theirs.e164) == theirs


@pytest.mark.parametrize("home", ["US", "GB", "DE", "FR", "IT", "BR", "MX", "AU", "JP", "AR"])
def test_national_numbers_agree_with_the_package(home: str) -> None:
    """What the package reads, Atlas reads the same; what Atlas reads beyond it, is a number.

    Beyond it: 00 dialled from anywhere, and numbers whose plus was left out.
    """
    code = phonenumbers.country_code_for_region(home)
    texts = [
        text
        for number_code, national in sample()
        if number_code == code
        for text in (national, f"0{national}", f"{code}{national}")
    ]
    differences = [(text, theirs) for text in texts if (theirs := _misread(text, home))]
    assert differences == []


def _misread(text: str, home: str) -> object:
    theirs = _theirs(text, home)
    ours = read(text, home, {theirs.country} if theirs else ALLOWED)
    if isinstance(ours, PhoneNumber):
        return None if ours == (theirs or _theirs(ours.e164)) else (ours, theirs)
    is_refused = theirs is None or theirs.kind in KINDS_AT_A_PRICE | KINDS_OF_SERVICES
    return None if is_refused else (ours, theirs)


def test_time_zones_agree_with_the_package() -> None:
    seen = set()
    for code, national in sample():
        theirs = _theirs(f"+{code}{national}")
        if theirs is None:
            continue
        zones = time_zones_for_number(phonenumbers.parse(theirs.e164))
        expected = () if zones == (UNKNOWN_TIMEZONE,) else tuple(zones)
        assert phone_table.zones_of(theirs.e164, theirs.kind) == expected, theirs
        seen.add(expected)
    assert len(seen) > 200


def test_every_country_has_a_time_zone() -> None:
    countries = [r for each in COUNTRY_CODE_TO_REGION_CODE.values() for r in each if r != "001"]
    for country in countries:
        example = phonenumbers.example_number(country)
        assert example is not None
        e164 = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
        assert phone_table.zones_of(e164, "fixed"), country


# How people give their number.


@pytest.mark.parametrize(
    "text",
    [
        "+1 (415) 555-0132",
        "+14155550132",
        "1 415 555 0132",
        "(415) 555-0132",
        "415.555.0132",
        "415/555/0132",
        "415\u2011555\u20110132",
        "  415 555 0132  ",
        "it's 415 555 0132, thanks",
        "You can reach me on +1 415 555 0132.",
        "call me after 5 at 415-555-0132",
        "my number is 415,555,0132",
        "area code 415, number 555 0132",
        "tel:+1-415-555-0132",
        "\u202a+1 (415) 555\u20110132\u202c",
        "++1 415 555 0132",
        "\uff0b\uff11 \uff14\uff11\uff15 \uff15\uff15\uff15 \uff10\uff11\uff13\uff12",
        "\u0664\u0661\u0665 \u0665\u0665\u0665 \u0660\u0661\u0663\u0662",
        "\u096a\u0967\u096b \u096b\u096b\u096b \u0966\u0967\u0969\u0968",
        "four one five five five five zero one three two",
        "four one five, five five five, oh one three two",
        "four one five double five five oh one three two",
        "plus one four one five triple five zero one three two",
        "Four One Five dash Five Five Five dash Zero One Three Two",
        "four fifteen five fifty five oh one thirty two",
        "my cell is 415-555-0132 (that is 415-555-0132)",
        "415-555-0132, but write to maria1984@example.com first",
    ],
)
def test_a_number_is_read_however_it_is_written(text: str) -> None:
    assert number(text) == NUMBER


@pytest.mark.parametrize(
    ("text", "home", "expected"),
    [
        ("+44 (0)20 7946 0958", "US", "+442079460958"),
        ("0044 20 7946 0958", "US", "+442079460958"),
        ("011 44 20 7946 0958", "US", "+442079460958"),
        ("+0044 20 7946 0958", "US", "+442079460958"),
        ("442079460958", "US", "+442079460958"),
        ("020 7946 0958", "GB", "+442079460958"),
        ("(0)20 7946 0958", "GB", "+442079460958"),
        ("0049 30 901820", "US", "+4930901820"),
        ("030/90 18 20", "DE", "+4930901820"),
        ("+49 (0)151-23456789", "DE", "+4915123456789"),
        ("001 415 555 0132", "DE", NUMBER),
        ("+39 (0)6 1234 5678", "US", "+390612345678"),
        ("06 1234 5678", "IT", "+390612345678"),
        ("01 23 45 67 89", "FR", "+33123456789"),
        ("+1 416 555 0132", "US", "+14165550132"),
    ],
)
def test_codes_and_trunk_prefixes_are_understood(text: str, home: str, expected: str) -> None:
    assert number(text, home) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "missing"),
        (" \n", "missing"),
        ("no", "not_a_number"),
        ("I would rather not", "not_a_number"),
        ("+", "not_a_number"),
        ("plus double", "not_a_number"),
        ("hundred", "not_a_number"),
        ("maria1984@example.com", "not_a_number"),
        ("https://example.com/4155550132", "not_a_number"),
        ("12", "too_short"),
        ("555-0132", "too_short"),
        ("+1 415 555 013", "too_short"),
        ("911", "too_short"),
        ("+1 415 555 01320", "too_long"),
        ("4111 1111 1111 1111", "too_long"),
        ("1" * CHARACTERS * 2, "too_long"),
        ("+999 1234 5678", "unknown_country_code"),
        ("+0 415 555 0132", "unknown_country_code"),
        ("+1 015 555 0132", "not_valid"),
        ("115 555 0132", "not_valid"),
        ("415-555-0132 or 415-555-0133", "several"),
        ("+1 415 555 0132 +1 415 555 0133", "several"),
        ("415 555 0132, no sorry, 0133", "several"),
        ("415-555-0132 ext. 12", "extension"),
        ("415-555-0132 extension twelve", "extension"),
        ("415-555-0132x12", "extension"),
        ("415-555-0132 #12", "extension"),
        ("1-800-FLOWERS", "letters"),
        ("1 800 FLOWERS", "letters"),
        ("415-555-CALL", "letters"),
        ("+1 900 555 0132", "premium_rate"),
        ("+44 909 879 0000", "premium_rate"),
        ("+44 70 1234 5678", "premium_rate"),
        ("+49 180 5 123456", "premium_rate"),
        ("+1 800 555 0132", "service_number"),
        ("+44 800 123 4567", "service_number"),
        ("+800 1234 5678", "service_number"),
        ("+34 912 345 678", "country_not_allowed"),
        ("+1 876 555 0132", "country_not_allowed"),
        ("+44 1634 999", "not_valid"),
        ("+44 1534 456 789", "country_not_allowed"),
    ],
)
def test_what_cannot_be_called_is_named(text: str, reason: str) -> None:
    assert problem(text) == reason


@pytest.mark.parametrize(
    "text", ["+1 900 555 0132", "+1 800 555 0132", "+34 912 345 678", "+1 415 555 0132"]
)
def test_any_number_can_be_read_by_whom_it_shall_not_be_called(text: str) -> None:
    assert isinstance(read(text, "US", None), PhoneNumber)
    assert read("+1 415", "US", None) == Problem("too_short")


def test_a_number_is_read_out_in_groups() -> None:
    assert PhoneNumber(NUMBER, "US", "fixed").readable == "+1 415 555 0132"
    assert PhoneNumber("+4930901820", "DE", "fixed").readable == "+49 309 018 20"
    assert PhoneNumber("+442079460958", "GB", "fixed").readable == "+44 207 946 0958"


WORDS = ["+", "00", "415", "555 0132", "x", "ext", "double", "one", "oh", "twenty", ",", "or", "\n"]


@given(st.one_of(st.text(), st.lists(st.sampled_from(WORDS)).map(" ".join)))
def test_any_text_is_a_number_or_a_problem(text: str) -> None:
    result = read(text, "US", ALLOWED)
    if isinstance(result, PhoneNumber):
        assert classified(result.e164) == result
        assert result.country in ALLOWED
        assert number(result.readable) == result.e164
