"""Ranges behave as sets of numbers do."""

from hypothesis import given
from hypothesis import strategies as st

from sinks.timescale.ledger import Changes, Known, folded
from sinks.timescale.limits import Limit, Tally, exceeded
from sinks.timescale.ranges import Ranges, parse_ranges

NUMBERS = st.lists(st.integers(1, 60), max_size=40)


@given(NUMBERS, NUMBERS)
def test_ranges_are_a_set(added: list[int], taken: list[int]) -> None:
    ranges, numbers = Ranges().with_numbers(added), set(added)
    for number in taken:
        ranges, numbers = ranges.without(number), numbers - {number}
    assert {number for number in range(70) if number in ranges} == numbers
    assert ranges.count == len(numbers)
    assert parse_ranges(str(ranges)) == ranges
    assert all(end < start for (_, end), (start, _) in zip(ranges.spans, ranges.spans[1:], strict=False))
    assert bool(ranges) == bool(numbers)


def test_the_text_is_a_multirange() -> None:
    assert str(Ranges().with_numbers([1, 2, 3, 7])) == "{[1,4),[7,8)}"
    assert str(Ranges()) == "{}"


STREAM = ("infra.metrics", "web-1", "epoch")


@given(NUMBERS, NUMBERS)
def test_the_ledger_is_the_same_however_the_events_are_cut_into_batches(seen: list[int], dead: list[int]) -> None:
    at_once = folded({}, Changes({STREAM: seen}, {STREAM: dead}, {}))
    one_by_one: dict[tuple[str, str, str], Known] = {}
    for number in seen:
        one_by_one.update(folded(one_by_one, Changes({STREAM: [number]}, {}, {})))
    for number in dead:
        one_by_one.update(folded(one_by_one, Changes({}, {STREAM: [number]}, {})))
    assert at_once.get(STREAM) == one_by_one.get(STREAM, Known())
    assert not set(_numbers(at_once[STREAM].seen)) & set(_numbers(at_once[STREAM].dead))


def _numbers(ranges: Ranges) -> list[int]:
    return [number for start, end in ranges.spans for number in range(start, end)]


def test_a_redriven_event_is_not_dead_any_more() -> None:
    known = Known(dead=Ranges().with_numbers([4, 5, 6])).with_seen([5])
    assert (str(known.seen), str(known.dead)) == ("{[5,6)}", "{[4,5),[6,7)}")
    assert known.has(4)
    assert not known.has(7)


LIMIT = Limit(in_a_row=10, share=0.01, minimum=5, remembered=1000)


def test_a_few_bad_records_are_no_reason_to_stop() -> None:
    assert exceeded(Tally().bad(4, LIMIT), LIMIT) is None
    assert exceeded(Tally().good(600, LIMIT).bad(6, LIMIT), LIMIT) is None


def test_a_run_of_bad_ones_is() -> None:
    assert exceeded(Tally().good(990, LIMIT).bad(10, LIMIT), LIMIT) is not None
    assert exceeded(Tally().bad(9, LIMIT).good(1, LIMIT).bad(1, LIMIT), LIMIT) is not None


def test_more_than_the_share_is() -> None:
    assert "1%" in (exceeded(Tally().good(300, LIMIT).bad(5, LIMIT), LIMIT) or "")


def test_what_is_long_ago_is_forgotten() -> None:
    tally = Tally().bad(8, LIMIT).good(10_000, LIMIT)
    assert tally.refused == 0
    assert tally.run == 0


def test_records_dead_before_any_was_seen_are_counted_in_a_row() -> None:
    tally = Tally()
    for _ in range(10):
        tally = tally.bad(1, LIMIT)
    assert exceeded(tally, LIMIT) == "10 records in a row could not be processed"
