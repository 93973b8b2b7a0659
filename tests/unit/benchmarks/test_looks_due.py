"""What the benchmark of many devices counts as missed."""

from itertools import pairwise

import pytest

from benchmarks.looks_due import GRACE_S, Schedule, Seen, missed, passed_over

INTERVAL_S = 30.0
SCHEDULE = Schedule(1_000.0, 500, INTERVAL_S)


def looks(points: list[float], *, seconds: float = 0.1, status: str = "success") -> list[Seen]:
    return [Seen(point + 0.01, seconds, status) for point in points]


def test_looks_are_due_on_a_grid_until_shortly_before_the_end() -> None:
    due = SCHEDULE.due("h-1", until=1_150.0)
    assert due[0] == SCHEDULE.first("h-1")
    assert 4 <= len(due) <= 6
    assert {round(after - before, 6) for before, after in pairwise(due[1:])} == {INTERVAL_S}
    assert 1_150.0 - GRACE_S - INTERVAL_S <= due[-1] < 1_150.0 - GRACE_S


def test_the_start_is_found_out_of_the_first_looks() -> None:
    seen = {name: looks(SCHEDULE.due(name, until=1_150.0)) for name in ("h-1", "h-2", "h-3")}
    assert Schedule.seen(seen, devices=500, interval_s=INTERVAL_S).start == pytest.approx(1_000.0, abs=0.02)


def test_none_is_missed_when_each_began_in_time() -> None:
    due = SCHEDULE.due("h-1", until=1_150.0)
    assert missed(due, looks(due), interval_s=INTERVAL_S) == []


def test_one_that_is_not_there_or_failed_is_missed() -> None:
    due = SCHEDULE.due("h-1", until=1_150.0)
    assert missed(due, looks(due[:2] + due[3:]), interval_s=INTERVAL_S) == [due[2]]
    failed = looks(due[2:3], status="timeout")
    assert missed(due, [*looks(due[:2]), *failed, *looks(due[3:])], interval_s=INTERVAL_S) == [due[2]]


def test_a_slow_look_stands_for_the_next_which_is_told_as_passed_over() -> None:
    due = SCHEDULE.due("h-1", until=1_150.0)
    seen = [*looks(due[:1], seconds=due[1] - due[0] + 1), *looks(due[2:])]
    assert missed(due, seen, interval_s=INTERVAL_S) == []
    assert passed_over(due, seen, interval_s=INTERVAL_S) == [due[1]]
