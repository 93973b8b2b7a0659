"""A state that was written too late, by a worker that had lost its partition: it counts for nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from schemas.codec import encode
from schemas.record import AnyRead, RawRecord, Record
from schemas.registry import COLLECTIONS
from streams.derivations import all_derivations
from streams.device_status.core import DeviceStatus
from streams.entries import TERM, Entries, Term, term_of
from streams.fleet import AnyDerivation
from streams.folds import Fold, fold_of
from streams.notifications.core import Notifications
from streams.stored import Changes, device_key
from streams.worker.faust_app import StateTable
from streams.worker.owned import Ownership, Recovered
from tests.unit.streams.alert_story import Story
from tests.unit.streams.log_of_events import Collections
from tests.unit.streams.test_batches import CHANGELOG, Shell
from tests.unit.streams.test_worker_assigning import app

KEY = b"3|web-1"


def entry(value: bytes | None, term: Term, *, key: bytes = KEY, offset: int = 0, partition: int = 3) -> RawRecord:
    return RawRecord(CHANGELOG, partition, offset, 0, key, value, term.headers())


FIRST = Term().after(4)
SECOND, RIVAL = FIRST.after(5), Term().after(5)
"""The rival found as little as the first, which had not written yet, and came later."""


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ([entry(b"a", FIRST), entry(b"b", FIRST)], b"b"),
        ([entry(b"a", FIRST), entry(b"b", SECOND)], b"b"),
        ([entry(b"b", SECOND), entry(b"a", FIRST)], b"b"),
        ([entry(b"b", RIVAL), entry(b"a", FIRST)], b"b"),
        ([entry(b"a", FIRST), entry(b"b", SECOND), entry(None, FIRST)], b"b"),
        ([entry(b"a", FIRST), entry(None, SECOND), entry(b"a", FIRST)], None),
        # What came late is late for all keys of the partition, and for no other partition.
        ([entry(b"b", SECOND, key=b"3|web-2"), entry(b"a", FIRST)], None),
        ([entry(b"b", SECOND, key=b"4|web-2", partition=4), entry(b"a", FIRST)], b"a"),
        # From before there were terms.
        ([entry(b"a", FIRST)._replace(headers=()), entry(b"b", FIRST)], b"b"),
    ],
)
def test_the_last_word_is_that_of_the_last_owner(written: list[RawRecord], kept: bytes | None) -> None:
    entries = Entries()
    for one in written:
        entries.take(one)
    assert entries.values.get(KEY) == kept
    assert (KEY in entries.partitions[3].overwritten) == (written[-1].value != kept)


def test_a_term_is_a_header() -> None:
    assert Term(51, 3).headers() == ((TERM, b"51.3"),)
    assert term_of(Term(51, 3).headers()) == Term(51, 3)
    assert term_of(()) == Term() < FIRST < RIVAL < SECOND


def written(changes: Changes | None, term: Term, *, whole: bool = True) -> list[RawRecord]:
    """What a worker writes; not `whole`: all but the partition's own."""
    assert changes is not None
    forgotten = [(key, None) for key in changes.forgotten]
    values = [*changes.states, *([changes.partition, *forgotten] if whole else [])]
    return [entry(value, term, key=key) for key, value in values]


def folded(
    derivation: AnyDerivation, records: Iterable[Record[AnyRead]], start: Fold | None = None
) -> tuple[Fold, list[bytes]]:
    fold = start or fold_of(derivation, 3)
    return fold, [encode(one.event) for record in records for one in fold.apply(record).outputs]


def loaded(derivation: AnyDerivation, records: Iterable[RawRecord]) -> Fold:
    entries, fold = Entries(), fold_of(derivation, 3)
    for one in records:
        entries.take(one)
    fold.load(entries.values.items())
    return fold


def looks() -> Sequence[Record[AnyRead]]:
    log = Collections(3)
    for _ in range(2):
        log.completed("web-1")
        log.failed("web-1")
        log.failed("web-1", status="unreachable")
        log.tick()
    return log.records


def alerts() -> Sequence[Record[AnyRead]]:
    story = Story({"routes": [{"name": "all", "receivers": ["gotify"], "group_wait": "0s", "group_interval": "0s"}]})
    for _ in range(2):
        story.up("web-1:disk")
        story.tick()
        story.down("web-1:disk")
        story.tick()
    return story.records


@pytest.mark.parametrize(
    ("derivation", "records"), [(DeviceStatus(), looks()), (Notifications(), alerts())], ids=["devices", "parts"]
)
def test_a_worker_that_was_stopped_while_it_wrote_and_writes_on_changes_nothing(
    derivation: AnyDerivation, records: Sequence[Record[AnyRead]]
) -> None:
    """It had stored up to `stored`, and is stopped with what it folded to `stopped`; another then stores up to `to`.

    What the stopped one had still to write comes before all of the other, between its states and its own, or last.
    """
    expected = set(folded(derivation, records)[1])
    count = len(records)
    for stored, stopped, to in (
        (a, b, c)
        for a in range(count)
        for b in range(a + 1, min(a + 5, count))
        for c in range(a + 1, min(a + 5, count))
    ):
        first, told = folded(derivation, records[:stored])
        log = written(first.changes(), Term().after(1)) if stored else []
        other, more = folded(derivation, records[stored:to], loaded(derivation, log))
        # What it derived was acknowledged before it wrote states.
        _, also = folded(derivation, records[stored:stopped], first)
        late = written(first.changes(), Term().after(1), whole=False)
        states = written(other.changes(), Term().after(1).after(2) if stored else Term().after(2))
        for cut in (0, len(states) - 1, len(states)):
            third = loaded(derivation, [*log, *states[:cut], *late, *states[cut:]])
            assert third.next_offset == to
            assert {*told, *also, *more, *folded(derivation, records[to:], third)[1]} == expected


async def test_what_lies_under_a_late_state_is_written_again_with_the_next_batch() -> None:
    shell, log = Shell(), Collections(3)
    log.completed("a")
    log.failed("a")
    log.tick()
    await shell.batches.work_off(log.raws[:1])
    key = device_key(3, "a")
    late = next(raw for raw in shell.kafka.log.records(CHANGELOG) if raw.key == key)
    shell.take()
    await shell.batches.work_off(log.raws[1:2])
    await shell.kafka.log.send([replace(shell.kafka.calls[1][0])])
    assert [raw.value for raw in shell.kafka.log.records(CHANGELOG) if raw.key == key][-1] == late.value
    shell.take()
    (owned,) = shell.ownership
    ((mended, value),) = owned.mend
    assert (mended, value) != (key, late.value)
    await shell.batches.work_off(log.raws[2:])
    assert owned.mend == ()
    shell.take()
    (owned,) = shell.ownership
    assert owned.mend == ()
    assert [raw.value for raw in shell.kafka.log.records(CHANGELOG) if raw.key == key][-1] == value


class Changed:
    """An event of a changelog, as far as a table looks at it."""

    def __init__(self, raw: RawRecord) -> None:
        self.key, self.value, self.message = raw.key, raw.value, raw


def test_a_table_that_is_read_from_the_beginning_once_more_takes_all_again() -> None:
    table = StateTable(app(), name="device_status", partitions=12, key_type=bytes, value_type=bytes)
    raws = [entry(b"a", FIRST, offset=0), entry(b"b", SECOND, offset=1), entry(b"a", FIRST, offset=2)]
    for _ in range(2):
        events: list[Any] = [Changed(raw) for raw in raws]
        table.apply_changelog_batch(events)
        assert table.entries == {KEY: b"b"}
        assert table.precedence[3].overwritten == {KEY}
        assert table.precedence[3].term == SECOND
    places = Ownership(all_derivations())
    tables = {one.table: Recovered() for one in all_derivations()} | {"device_status": Recovered({}, table.precedence)}
    places.take([(COLLECTIONS, 3), (COLLECTIONS, 4)], tables, generation=9)
    assert [owned.term for owned in places] == [SECOND.after(9), Term().after(9)]
