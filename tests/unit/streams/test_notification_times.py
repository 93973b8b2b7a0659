"""Windows of local time: right on the days on which the clocks are changed, and on those between."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from streams.notifications.policy import PlannedMaintenance, QuietHours
from streams.notifications.times import hours_at, window_at, zone

BERLIN = zone("Europe/Berlin")
HOUR = timedelta(hours=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "duration", "begins", "ends"),
    [
        # In summer and in winter the same local time.
        (time(3), HOUR, "2026-07-05 01:00", "2026-07-05 02:00"),
        (time(3), HOUR, "2026-12-06 02:00", "2026-12-06 03:00"),
        # 29 March 2026, 2:00 becomes 3:00: half past two is half past three.
        (time(2, 30), HOUR, "2026-03-29 01:30", "2026-03-29 02:30"),
        (time(1), 3 * HOUR, "2026-03-29 00:00", "2026-03-29 03:00"),
        # 25 October 2026, 3:00 becomes 2:00: the first of the two, and an hour is an hour.
        (time(2, 30), HOUR, "2026-10-25 00:30", "2026-10-25 01:30"),
        (time(1), 3 * HOUR, "2026-10-24 23:00", "2026-10-25 02:00"),
        (time(22), timedelta(days=3), "2026-10-25 21:00", "2026-10-28 21:00"),
    ],
)
def test_a_window_begins_at_its_local_time_and_lasts_so_long(
    start: time, duration: timedelta, begins: str, ends: str
) -> None:
    def at(now: datetime) -> tuple[datetime, datetime] | None:
        return window_at(now, BERLIN, start=start, duration=duration, weekdays=["sun"])

    expected = (utc(begins), utc(ends))
    second = timedelta(seconds=1)
    assert at(utc(begins)) == expected
    assert at(utc(ends) - second) == expected
    assert at(utc(begins) - second) is None
    assert at(utc(ends)) is None


def test_windows_of_dates_and_of_days_of_the_week() -> None:
    days: Any = {"weekdays": ["mon"], "dates": [date(2026, 12, 24)]}
    for now, inside in (("2026-12-24 20:00", True), ("2026-12-21 20:00", True), ("2026-12-22 20:00", False)):
        assert (window_at(utc(now), BERLIN, start=time(20), duration=2 * HOUR, **days) is not None) is inside


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-07-01 21:00", "2026-07-02 05:00"),
        ("2026-07-01 03:00", "2026-07-01 05:00"),
        ("2026-07-01 12:00", None),
        ("2026-03-28 22:00", "2026-03-29 05:00"),
        ("2026-10-24 22:00", "2026-10-25 06:00"),
        ("2026-10-25 05:59", "2026-10-25 06:00"),
    ],
)
def test_hours_over_midnight_end_at_their_local_time(now: str, until: str | None) -> None:
    found = hours_at(utc(now), BERLIN, start=time(22), end=time(7))
    assert (found[1] if found else None) == (utc(until) if until else None)


def test_hours_of_a_day_of_the_week_are_those_that_begin_on_it() -> None:
    def quiet(now: str) -> bool:
        return hours_at(utc(now), zone("UTC"), start=time(22), end=time(7), weekdays=["fri"]) is not None

    assert quiet("2026-11-20 23:00")
    assert quiet("2026-11-21 06:00")
    assert not quiet("2026-11-21 23:00")
    assert not quiet("2026-11-20 06:00")


def test_times_are_read_quoted_or_as_yaml_reads_them_without_quotes() -> None:
    for written in ("22:30", 22 * 60 + 30):
        assert QuietHours.model_validate({"from": written, "to": "7:00"}).from_ == time(22, 30)
    window = {"name": "x", "dates": ["2026-12-24"], "start": "00:00", "duration": "1d"}
    assert PlannedMaintenance.model_validate(window).dates == (date(2026, 12, 24),)
    for wrong in ("7", "24:00", "7:5", 1440, "7:00:00"):
        with pytest.raises(ValueError, match="from"):
            QuietHours.model_validate({"from": wrong, "to": "7:00"})
