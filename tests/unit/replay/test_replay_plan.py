"""Which part of the log is read again, what is wanted of it, and how far it came: all without a broker."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from replay.aggregates import window
from replay.compare import Comparison
from replay.figures import Totals
from replay.plan import Bounds, Reach, Selection, left, reaches
from replay.progress import Progress, ProgressFile
from replay.window import moment_ms
from runtime.errors import AlreadyRunning, InputInvalid
from schemas.identity import uuid7
from schemas.record import RawRecord

ALL = Selection(from_ms=1000, to_ms=2000, topics=("b", "a"))
NOW = 1_790_000_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2h", NOW - 7_200_000),
        ("1970-01-01T00:00:01Z", 1000),
        ("1970-01-01T01:00:01+01:00", 1000),
    ],
)
def test_moments(text: str, expected: int) -> None:
    assert moment_ms(text, "--from", now_ms=NOW) == expected


@pytest.mark.parametrize("text", ["yesterday", "2026-11-20T12:00", "2026-11-20", "", "-2h"])
def test_what_is_no_moment_is_refused_by_the_name_of_the_option(text: str) -> None:
    with pytest.raises(InputInvalid, match="--from"):
        moment_ms(text, "--from", now_ms=NOW)


@pytest.mark.parametrize(
    ("bounds", "stored", "expected"),
    [
        (Bounds(0, 100, 10, 50), None, (10, 50)),
        (Bounds(0, 100, 10, None), None, (10, 100)),
        (Bounds(0, 100, None, None), None, None),
        (Bounds(0, 100, 10, 10), None, None),
        (Bounds(20, 100, 10, 50), None, (20, 50)),
        (Bounds(0, 100, 10, 50), 30, (10, 30)),
        (Bounds(0, 100, 10, 50), 90, (10, 50)),
        (Bounds(0, 100, 10, 50), 5, None),
        (Bounds(0, 0, None, None), None, None),
    ],
)
def test_ranges_end_with_the_window_and_where_the_live_sink_is(
    bounds: Bounds, stored: int | None, expected: tuple[int, int] | None
) -> None:
    found = reaches(ALL, {("a", 3): bounds}, {} if stored is None else {("a", 3): stored})
    assert [(one.begin, one.end) for one in found] == ([] if expected is None else [expected])


def test_topics_come_in_the_order_asked_for_and_a_window_without_end_reaches_to_the_end() -> None:
    whole = Bounds(0, 7, 0, None)
    asked = Selection(from_ms=0, to_ms=None, topics=("b", "a"))
    found = reaches(asked, {("a", 0): whole, ("b", 1): whole, ("b", 0): whole}, {})
    assert [one.place for one in found] == [("b", 0), ("b", 1), ("a", 0)]
    assert left(found, {("b", 0): 7, ("b", 1): 3}) == [Reach("b", 1, 3, 7), Reach("a", 0, 0, 7)]


def test_what_is_not_wanted_need_not_be_decoded() -> None:
    chosen = Selection(0, None, ("a",), device="web-1", type="infrastructor.metric.collected.v1")
    value = b'{"type":"infrastructor.metric.collected.v1"}'
    assert chosen.wants(RawRecord("a", 0, 0, 0, b"web-1", value))
    assert not chosen.wants(RawRecord("a", 0, 0, 0, b"web-2", value))
    assert not chosen.wants(RawRecord("a", 0, 0, 0, b"web-1", b"{}"))
    assert not chosen.wants(RawRecord("a", 0, 0, 0, b"web-1", None))
    assert not chosen.takes(None)


def test_progress_is_found_again_by_the_same_options_only(tmp_path: Path) -> None:
    file = ProgressFile(tmp_path, {"from": "2h"})
    totals = Totals(records=5, changed=Counter(events=3), refused=Counter(not_json=1), named=["a/0@1 not_json: no"])
    totals.touch(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC))
    progress = Progress([Reach("a", 0, 1, 9)], {("a", 0): 4}, totals)
    with file.held():
        assert file.load() is None
        file.save(progress)
        with pytest.raises(AlreadyRunning), ProgressFile(tmp_path, {"from": "2h"}).held():
            pass
    assert ProgressFile(tmp_path, {"from": "2h"}).load() == progress
    assert ProgressFile(tmp_path, {"from": "3h"}).load() is None
    file.path.write_text("{")
    assert file.load() is None
    file.remove()
    file.remove()


def test_a_folder_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "replay").write_text("a file")
    with pytest.raises(InputInvalid, match="INFRASTRUCTOR_DATA_DIR"), ProgressFile(tmp_path, {}).held():
        pass


HOUR = timedelta(hours=1)


def at(hour: float) -> datetime:
    return datetime(2026, 11, 20, tzinfo=UTC) + hour * HOUR


@pytest.mark.parametrize(
    ("low", "high", "reach", "expected"),
    [
        (3.2, 5.5, None, (3, 6)),
        (3.0, 3.0, None, (3, 4)),
        (3.2, 5.5, 20 * HOUR, (4, 6)),
        (3.2, 5.5, 19.5 * HOUR, (5, 6)),
        (3.2, 3.5, 19.5 * HOUR, None),
    ],
)
def test_whole_buckets_are_refreshed_and_none_whose_source_may_be_gone(
    low: float, high: float, reach: timedelta | None, expected: tuple[int, int] | None
) -> None:
    found = window(at(low), at(high), HOUR, reach=reach, now=at(24))
    assert found == (None if expected is None else (at(expected[0]), at(expected[1])))


def test_differences_are_sentences() -> None:
    one, two, three, four = (uuid7(NOW + number) for number in range(4))
    compared = Comparison()
    compared.derive(one, b'{"a":1,"b":2}', "x/0@1")
    compared.find(one, b'{"b":2,"a":1}', "y/0@1", early=False)
    assert compared.differences() == []
    compared.derive(two, b"{}", "x/0@2")
    compared.find(three, b"{}", "y/0@3", early=True)
    compared.find(four, b"{}", "y/0@4", early=False)
    compared.find(one, b'{"b":3,"a":1}', "y/0@5", early=True)
    assert compared.missing() == [two]
    assert compared.differences() == [
        f"{one} lies in two versions at y/0@1 and y/0@5",
        f"{two} follows from x/0@2 and is not in the topic",
        f"{three} lies at y/0@3 and does not follow again",
    ]
