"""Times of day in a place of the world: windows that come again, right across changes of the clock.

Source of the zones: the IANA time zone database, by `zoneinfo` (PEP 615).
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, StringConstraints

DAY = timedelta(days=1)
_MINUTES = 24 * 60
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def _time_of_day(value: Any) -> Any:
    """`22:30`; also the number of minutes that YAML 1.1 makes of it when it is not quoted."""
    if isinstance(value, int) and 0 <= value < _MINUTES:
        return time(value // 60, value % 60)
    if isinstance(value, str | int):
        hours, colon, minutes = str(value).partition(":")
        numbers = colon and hours.isdecimal() and minutes.isdecimal() and len(minutes) == 2
        if numbers and int(hours) < 24 and int(minutes) < 60:
            return time(int(hours), int(minutes))
        raise ValueError(f"{value!r} is no time of day such as 07:00 or 22:30")
    return value


def _date(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValueError(f"{value!r} is no date such as 2026-12-24") from None
    return value


def _zone_name(name: str) -> str:
    zone(name)
    return name


TimeOfDay = Annotated[
    time,
    BeforeValidator(_time_of_day, json_schema_input_type=str),
    PlainSerializer("{:%H:%M}".format, return_type=str, when_used="json"),
]
Date = Annotated[date, BeforeValidator(_date, json_schema_input_type=str)]
ZoneName = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_zone_name)]


@lru_cache(maxsize=256)
def zone(name: str) -> ZoneInfo:
    """The time zone of that IANA name. Raises ValueError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"there is no time zone {name!r} here: use a name like Europe/Berlin, "
            "or install the time zone database (the package tzdata)"
        ) from None


def window_at(
    now: datetime,
    place: ZoneInfo,
    *,
    start: time,
    duration: timedelta,
    weekdays: Iterable[str] = (),
    dates: Iterable[date] = (),
) -> tuple[datetime, datetime] | None:
    """The window that `now` (aware) lies in, as UTC times; None outside. Without any days: on all of them.

    A window begins at a local time and lasts so long by the clock of physics. A local time that a change of the clock
    leaves out is the one as much later; one that comes twice is the first.
    """
    for day in _days_before(now, place, duration):
        begins = _instant(day, start, place)
        if begins <= now < begins + duration and _is_on(day, weekdays, dates):
            return begins, begins + duration
    return None


def hours_at(
    now: datetime, place: ZoneInfo, *, start: time, end: time, weekdays: Iterable[str] = ()
) -> tuple[datetime, datetime] | None:
    """The hours from a local time to the next local time `end` that `now` lies in, as UTC times; None outside."""
    for day in _days_before(now, place, DAY):
        begins = _instant(day, start, place)
        ends = _instant(day if end > start else day + DAY, end, place)
        if begins <= now < ends and _is_on(day, weekdays, ()):
            return begins, ends
    return None


def _days_before(now: datetime, place: ZoneInfo, duration: timedelta) -> Iterator[date]:
    """The local days on which a window may have begun, the latest first."""
    today = now.astimezone(place).date()
    for back in range(duration // DAY + 2):
        yield today - back * DAY


def _is_on(day: date, weekdays: Iterable[str], dates: Iterable[date]) -> bool:
    named, listed = tuple(weekdays), tuple(dates)
    if not named and not listed:
        return True
    return DAYS[day.weekday()] in named or day in listed


def _instant(day: date, at: time, place: ZoneInfo) -> datetime:
    return datetime.combine(day, at, tzinfo=place).astimezone(UTC)
