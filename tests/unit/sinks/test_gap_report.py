"""What a stream lost, from what is known of it."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.timescale.gap_report import Report, account
from sinks.timescale.ranges import Ranges

STREAM = ("infra.metrics", "web-1", "0192f3a1-6c00-7a10-9f2e-5b1c3d4e5f60")
AT = datetime(2026, 11, 21, tzinfo=UTC)


def reported(first: int, last: int) -> Report:
    return Report(UUID(int=first), first, last, "spool_full", None, "/agents/web-1", AT, None)


@pytest.mark.parametrize(
    ("seen", "dead", "lowest", "since", "lost", "expected"),
    [
        pytest.param([(1, 11)], [], 3, 1, [], 8, id="nothing"),
        pytest.param([(1, 5), (7, 11)], [], 3, 1, [(5, 7)], 8, id="a hole inside"),
        pytest.param([(1, 5), (7, 11)], [], 7, 1, [(5, 7)], 6, id="a hole that ends where the time begins"),
        pytest.param([(1, 3), (5, 11)], [], 7, 1, [], 4, id="a hole before the time"),
        pytest.param([(1, 5), (7, 11)], [(5, 6)], 7, 1, [(6, 7)], 5, id="a dead letter is not lost"),
        pytest.param([(5, 11)], [], 5, 1, [(1, 5)], 10, id="the stream's beginning"),
        pytest.param([(5, 11)], [], 5, 5, [], 6, id="before this projection began to read"),
        pytest.param([(1, 5), (9, 11)], [], 6, 1, [(5, 6), (7, 9)], 6, id="the lowest was restored by a backfill"),
    ],
)
def test_what_is_lost(
    seen: list[tuple[int, int]],
    dead: list[tuple[int, int]],
    lowest: int,
    since: int,
    lost: list[tuple[int, int]],
    expected: int,
) -> None:
    found = account(STREAM, Ranges(tuple(seen)), Ranges(tuple(dead)), lowest=lowest, highest=10, since=since)
    assert list(found.lost.spans) == lost
    assert found.expected == expected
    assert found.stored == expected - found.lost.count - found.dead.count


def test_what_was_restored_is_not_lost_and_reports_are_those_of_what_is() -> None:
    found = account(
        STREAM,
        Ranges(((1, 5), (7, 9), (10, 12))),
        Ranges(),
        lowest=1,
        highest=11,
        since=1,
        reports=[reported(5, 6), reported(9, 9)],
        restored=[5, 6],
    )
    assert found.lost.spans == ((9, 10),)
    assert [one.first for one in found.reports] == [9]


@given(st.sets(st.integers(1, 40), min_size=1), st.sets(st.integers(1, 40)), st.integers(1, 40))
def test_stored_lost_and_dead_are_all_there_is(seen: set[int], dead: set[int], lowest: int) -> None:
    seen |= {lowest}
    dead -= seen
    highest = max(seen)
    stored, letters = Ranges().with_numbers(sorted(seen)), Ranges().with_numbers(sorted(dead))
    found = account(STREAM, stored, letters, lowest=lowest, highest=highest, since=1)
    begin = highest + 1 - found.expected
    counted = range(begin, highest + 1)
    lost = {number for start, end in found.lost.spans for number in range(start, end)}
    assert lost == set(counted) - seen - dead
    assert found.stored == len(seen & set(counted))
    assert begin == lowest or not (seen | dead) & set(range(begin, lowest))
