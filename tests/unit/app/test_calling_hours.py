"""When a number may ring: quiet hours by the called person's clock, wherever that may be."""

from __future__ import annotations

import zoneinfo
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import calling_hours, phone_table
from chalicelib.calling_hours import earliest_call, local_time, time_zones
from chalicelib.phone_numbers import PhoneNumber, classified

NIGHT = (21 * 60, 8 * 60)
SIESTA = (13 * 60, 15 * 60)


def phone(e164: str) -> PhoneNumber:
    found = classified(e164)
    assert found is not None
    return found


NEW_YORK = phone("+12125550132")
LOS_ANGELES = phone("+14155550132")
LONDON = phone("+442079460958")
BERLIN = phone("+4930901820")
PHOENIX = phone("+16025550132")
AUSTRALIAN_MOBILE = phone("+61412345678")


def at(text: str, zone: str, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()


@pytest.mark.parametrize(
    ("number", "zone"),
    [
        (NEW_YORK, "America/New_York"),
        (LOS_ANGELES, "America/Los_Angeles"),
        (LONDON, "Europe/London"),
        (BERLIN, "Europe/Berlin"),
    ],
)
@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-23 08:00:00", "2026-11-23 08:00:00"),
        ("2026-11-23 12:34:56.5", "2026-11-23 12:34:56.5"),
        ("2026-11-23 20:59:59", "2026-11-23 20:59:59"),
        ("2026-11-23 21:00:00", "2026-11-24 08:00:00"),
        ("2026-11-23 23:59:59", "2026-11-24 08:00:00"),
        ("2026-11-24 00:00:00", "2026-11-24 08:00:00"),
        ("2026-11-24 07:59:59", "2026-11-24 08:00:00"),
        ("2026-12-31 22:00:00", "2027-01-01 08:00:00"),
    ],
)
def test_a_call_waits_for_the_end_of_the_night_where_the_number_is(
    number: PhoneNumber, zone: str, now: str, expected: str
) -> None:
    assert earliest_call(number, at(now, zone), NIGHT) == at(expected, zone)


def test_the_clock_is_the_called_persons() -> None:
    now = at("2026-11-23 09:00:00", "Europe/Berlin")
    assert earliest_call(BERLIN, now, NIGHT) == now
    assert earliest_call(NEW_YORK, now, NIGHT) == at("2026-11-23 08:00:00", "America/New_York")


def test_quiet_hours_within_a_day() -> None:
    zone = "Europe/Berlin"
    assert earliest_call(BERLIN, at("2026-11-23 14:00", zone), SIESTA) == at(
        "2026-11-23 15:00", zone
    )
    before = at("2026-11-23 12:59", zone)
    assert earliest_call(BERLIN, before, SIESTA) == before


@pytest.mark.parametrize("quiet", [None, (480, 480)])
def test_without_quiet_hours_it_rings_at_once(quiet: tuple[int, int] | None) -> None:
    assert earliest_call(NEW_YORK, 1_800_000_000.25, quiet) == 1_800_000_000.25


# Changes of clocks: 2026-03-08 and 2026-11-01 in New York, 2026-03-29 in Berlin.


def test_the_night_before_clocks_go_forward_is_an_hour_shorter() -> None:
    now = at("2026-03-07 21:00", "America/New_York")
    assert earliest_call(NEW_YORK, now, NIGHT) == now + 10 * 3_600


def test_the_night_before_clocks_go_back_is_an_hour_longer() -> None:
    now = at("2026-10-31 21:00", "America/New_York")
    assert earliest_call(NEW_YORK, now, NIGHT) == now + 12 * 3_600


def test_a_place_without_summer_time_keeps_its_nights() -> None:
    now = at("2026-03-07 21:00", "America/Phoenix")
    assert earliest_call(PHOENIX, now, NIGHT) == now + 11 * 3_600


def test_quiet_hours_that_end_in_the_hour_left_out_end_when_clocks_have_passed_it() -> None:
    zone = "America/New_York"
    ends = earliest_call(NEW_YORK, at("2026-03-08 01:00", zone), (22 * 60, 2 * 60 + 30))
    assert at("2026-03-08 03:00", zone) <= ends <= at("2026-03-08 03:30", zone)


def test_quiet_hours_that_end_in_the_hour_that_comes_twice_end_at_its_first() -> None:
    zone = "America/New_York"
    quiet = (22 * 60, 60 + 30)
    first, second = (at("2026-11-01 01:30", zone, fold) for fold in (0, 1))
    assert earliest_call(NEW_YORK, at("2026-11-01 00:30", zone), quiet) == first
    # The clock then shows 01:00 once more, and people sleep once more.
    assert earliest_call(NEW_YORK, first + 1_800, quiet) == second


# Numbers that may be in several places.


def test_where_a_prefix_spans_zones_all_must_be_awake() -> None:
    idaho = phone("+12082002000")
    assert len(time_zones(idaho)) > 1
    now = at("2026-11-23 08:00", "America/Boise")
    assert earliest_call(idaho, now, NIGHT) == at("2026-11-23 08:00", "America/Los_Angeles")
    evening = at("2026-11-23 20:30", "America/Los_Angeles")
    assert earliest_call(idaho, evening, NIGHT) > evening


def test_a_mobile_may_be_anywhere_in_its_country() -> None:
    now = at("2026-11-23 08:30", "Australia/Sydney")
    assert "Australia/Perth" in time_zones(AUSTRALIAN_MOBILE)
    rings = earliest_call(AUSTRALIAN_MOBILE, now, NIGHT)
    assert rings >= at("2026-11-23 08:00", "Australia/Perth")
    assert (
        calling_hours._asleep([ZoneInfo(z) for z in time_zones(AUSTRALIAN_MOBILE)], rings, NIGHT)
        == 0
    )


def test_zones_that_are_never_awake_together_get_the_moment_that_wakes_the_fewest() -> None:
    almost_always = (18 * 60, 17 * 60)
    rings = earliest_call(AUSTRALIAN_MOBILE, 1_800_000_000, almost_always)
    zones = [ZoneInfo(z) for z in time_zones(AUSTRALIAN_MOBILE)]
    assert 0 < calling_hours._asleep(zones, rings, almost_always) < len(zones)
    assert 1_800_000_000 <= rings < 1_800_000_000 + 2 * 86_400


NUMBERS = [
    NEW_YORK,
    LOS_ANGELES,
    LONDON,
    BERLIN,
    PHOENIX,
    phone("+12082002000"),
    phone("+77012345678"),
]


@given(
    st.sampled_from(NUMBERS),
    st.floats(1_767_225_600, 1_830_297_600),
    st.tuples(st.integers(0, 1_439), st.integers(0, 1_439)),
)
def test_it_never_rings_in_a_quiet_hour_that_could_be_avoided(
    number: PhoneNumber, now: float, quiet: tuple[int, int]
) -> None:
    rings = earliest_call(number, now, quiet)
    assert now <= rings <= now + 49 * 3_600
    zones = [ZoneInfo(name) for name in time_zones(number)]
    if len(zones) == 1 and quiet[0] != quiet[1]:
        assert calling_hours._asleep(zones, rings, quiet) == 0
        if rings > now:
            assert calling_hours._asleep(zones, now, quiet) == 1


def test_every_zone_of_the_table_is_in_the_data_that_ships(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lambda's image has no time zones of its own."""
    monkeypatch.setattr(zoneinfo, "TZPATH", ())
    zoneinfo.reset_tzpath(to=[])
    ZoneInfo.clear_cache()
    try:
        names = {name for zones in phone_table._zones_by_prefix().values() for name in zones}
        assert len(names) > 200
        for name in [*names, *calling_hours._UNKNOWN]:
            ZoneInfo(name)
    finally:
        zoneinfo.reset_tzpath()
        ZoneInfo.clear_cache()


def test_the_time_that_a_visitor_is_told_is_their_own() -> None:
    moment = at("2026-11-24 08:00", "America/New_York")
    told = local_time(NEW_YORK, moment)
    assert told is not None
    assert (told.hour, told.minute, told.day) == (8, 0, 24)
    assert local_time(phone("+12082002000"), moment) is None
