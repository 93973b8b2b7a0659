"""What goes back into a topic, and which letters stay: pure, and on the log in memory."""

import json
from collections import Counter
from dataclasses import replace

import pytest

from replay.letters import Book, Wanted, before, type_of
from replay.redrive import MOST_ATTEMPTS, put_back, why_left
from runtime.kafka.dead_letters import DeadLetter, from_record, noted, to_note, to_record
from runtime.kafka.producer import Outgoing
from schemas.headers import REDRIVE_ATTEMPT, REDRIVE_FOR, REDRIVE_HISTORY, header, headers_of
from schemas.record import RawRecord

ORIGIN = RawRecord("infra.metrics", 3, 42, 1000, b"web-1", b'{"type":"t"}', (("sent", b"1"),))
LETTER = DeadLetter("timescale", ORIGIN, "sqlstate_23514", "no", 2000)


def lying(record: Outgoing, offset: int) -> RawRecord:
    """The record as it lies in the log."""
    return RawRecord(record.topic, record.partition or 0, offset, 3000, record.key, record.value, record.headers)


def test_the_same_key_and_bytes_go_to_the_same_place_for_one_consumer() -> None:
    record = put_back(LETTER)
    assert (record.topic, record.partition, record.key, record.value) == ("infra.metrics", 3, b"web-1", ORIGIN.value)
    assert header(record.headers, "sent") == b"1"
    assert header(record.headers, REDRIVE_FOR) == b"timescale"


def test_each_failure_is_remembered_and_attempts_are_counted_up_to_a_limit() -> None:
    letter = LETTER
    for attempt in range(1, MOST_ATTEMPTS + 1):
        assert why_left(letter, {"infra.metrics": 12}, book=Book(()), again=False) is None
        back = lying(put_back(letter), 100 + attempt)
        assert headers_of(back.headers, REDRIVE_ATTEMPT) == [b"%d" % attempt]
        came_back = from_record(lying(to_record(replace(LETTER, origin=back)), attempt))
        assert came_back is not None
        letter = came_back
        assert (letter.attempts, letter.redriven) == (attempt + 1, attempt)
    assert why_left(letter, {"infra.metrics": 12}, book=Book(()), again=True) == "too_many_attempts"
    history = [json.loads(value) for value in headers_of(letter.origin.headers, REDRIVE_HISTORY)]
    assert [before["offset"] for before in history] == [42, 101, 102, 103, 104]
    assert history[0] == {
        "partition": 3, "offset": 42, "failed_at_ms": 2000, "reason": "sqlstate_23514", "message": "no",
    }  # fmt: skip


def test_putting_back_again_counts_and_ends_with_what_failed_again_or_after_so_many_times() -> None:
    partitions = {"infra.metrics": 12}
    book = Book((), {LETTER.identity: 1}, Counter({LETTER.identity: MOST_ATTEMPTS - 1}))
    assert why_left(LETTER, partitions, book=book, again=True) is None
    back = put_back(LETTER, before=book.times[LETTER.identity])
    assert header(back.headers, REDRIVE_ATTEMPT) == b"%d" % MOST_ATTEMPTS
    book.times[LETTER.identity] += 1
    assert why_left(LETTER, partitions, book=book, again=True) == "too_many_attempts"
    later = Book((), {LETTER.identity: 1}, Counter({LETTER.identity: 1}), {LETTER.identity})
    assert [why_left(LETTER, partitions, book=later, again=again) for again in (False, True)] == ["failed_again"] * 2


@pytest.mark.parametrize("history", [b"{", b"[]", b"{}", b'{"partition":"3","offset":42}', b'{"partition":3}'])
def test_a_history_that_anybody_wrote_names_nothing(history: bytes) -> None:
    good = lying(put_back(LETTER), 100)
    letter = replace(LETTER, origin=good._replace(headers=(*good.headers, (REDRIVE_HISTORY, history))))
    assert list(before(letter)) == [LETTER.identity]


def test_a_note_is_no_letter_and_names_one() -> None:
    note = lying(to_note(LETTER, redriven_ms=5000), 7)
    assert from_record(note) is None
    assert noted(note) == (LETTER.identity, 5000)
    assert noted(lying(to_record(LETTER), 8)) is None
    book = Book((), {LETTER.identity: 5000})
    assert why_left(LETTER, {"infra.metrics": 12}, book=book, again=False) == "already_put_back"
    assert why_left(LETTER, {"infra.metrics": 12}, book=book, again=True) is None


@pytest.mark.parametrize("partitions", [{}, {"infra.metrics": 3}])
def test_a_letter_that_names_a_foreign_place_is_left(partitions: dict[str, int]) -> None:
    assert why_left(LETTER, partitions, book=Book(()), again=False) == "no_such_topic_or_partition"


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted(), True),
        (Wanted(consumer="gotify"), False),
        (Wanted("timescale", "sqlstate_23514", "t", 2000), True),
        (Wanted(since_ms=2001), False),
        (Wanted(reason="not_json"), False),
        (Wanted(type="u"), False),
    ],
)
def test_letters_are_chosen(wanted: Wanted, expected: bool) -> None:
    assert wanted.wants(LETTER) is expected


@pytest.mark.parametrize("value", [None, b"", b"\xff", b"[1]", b'{"type":1}', b"{}"])
def test_what_says_no_type_is_of_none(value: bytes | None) -> None:
    assert type_of(replace(LETTER, origin=ORIGIN._replace(value=value))) is None
