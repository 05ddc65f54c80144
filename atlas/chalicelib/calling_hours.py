"""When a number may ring: never in the quiet hours of any place that it may be in. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from chalicelib.phone_numbers import PhoneNumber
from chalicelib.phone_table import zones_of

Quiet = tuple[int, int]
"""From and until when nobody is called, in minutes after local midnight; may pass midnight."""

_DAYS_AHEAD = 2
_UNKNOWN = ("Etc/UTC",)


def earliest_call(phone: PhoneNumber, now: float, quiet: Quiet | None) -> float:
    """The first moment from `now` on, in epoch seconds, at which the number may ring.

    Where the number may be in several time zones, it is outside the quiet hours of all. Zones so
    far apart that no such moment exists get the one at which most of them are awake.
    """
    if quiet is None or quiet[0] == quiet[1]:
        return now
    zones = [ZoneInfo(name) for name in time_zones(phone)]
    moments = [now, *sorted(_ends_of_quiet(zones, now, quiet))]
    return min(moments, key=lambda moment: (_asleep(zones, moment, quiet), moment))


def time_zones(phone: PhoneNumber) -> tuple[str, ...]:
    """The names of the zones that a number may be in."""
    return zones_of(phone.e164, phone.kind) or _UNKNOWN


def local_time(phone: PhoneNumber, moment: float) -> datetime | None:
    """What clocks show where the number is; None where its zones differ at that moment."""
    clocks = {datetime.fromtimestamp(moment, ZoneInfo(z)).utcoffset() for z in time_zones(phone)}
    if len(clocks) > 1:
        return None
    return datetime.fromtimestamp(moment, ZoneInfo(time_zones(phone)[0]))


def _asleep(zones: list[ZoneInfo], moment: float, quiet: Quiet) -> int:
    return sum(_is_quiet(zone, moment, quiet) for zone in zones)


def _is_quiet(zone: ZoneInfo, moment: float, quiet: Quiet) -> bool:
    clock = datetime.fromtimestamp(moment, zone)
    start, end = quiet
    minute = clock.hour * 60 + clock.minute
    return start <= minute < end if start < end else minute >= start or minute < end


def _ends_of_quiet(zones: list[ZoneInfo], now: float, quiet: Quiet) -> Iterator[float]:
    """Each zone's next ends of its quiet hours.

    Both readings of an hour that comes twice, and of one that a change of clocks leaves out.
    """
    end = time(*divmod(quiet[1] % (24 * 60), 60))
    for zone in zones:
        today = datetime.fromtimestamp(now, zone).date()
        for days in range(_DAYS_AHEAD + 1):
            wall = datetime.combine(today + timedelta(days), end, zone)
            for fold in (0, 1):
                moment = wall.replace(fold=fold).astimezone(UTC).timestamp()
                if moment > now:
                    yield moment
