"""Records to rows: what each family becomes, how it is packed, and what is refused on the way."""

import struct
from array import array
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from hypothesis import given
from hypothesis import strategies as st

from runtime.kafka.dead_letters import DeadLetter, refused, to_record
from runtime.sql import load_statements
from schemas.alert import AlertRaised, AlertRaisedData, AlertResolved, AlertResolvedData
from schemas.clock import ClockTicked, ClockTickedData
from schemas.codec import encode
from schemas.fields import Evidence
from schemas.gap import GapData, GapDetected
from schemas.headers import REDRIVE_FOR
from schemas.metric_look import MetricLook
from schemas.record import RawRecord, RecordReader
from schemas.refusal import EventRefused, Reason
from schemas.registry import ALERTS, COLLECTIONS, DEAD_LETTERS, DEVICES, METRICS, NOTIFICATIONS
from sinks.timescale.batch import Batch, Item, Owned, read, refused_stream
from sinks.timescale.binary import HEADER, TRAILER, EventPacker, micros, pack_samples, pieces
from sinks.timescale.packed import UPSERTS, Unpackable, pack, rows_of
from sinks.timescale.project.collections import row
from sinks.timescale.revision import REVISION
from sinks.timescale.rows import LetterRow, Rows
from sinks.timescale.samples import sorted_columns, staged_columns
from sinks.timescale.series import SeriesCache, identity
from tests.contract.receivers import requested
from tests.integration.timescale_setup import START, collected, looked, ms, raw, registered

READER = RecordReader()


def item(record: RawRecord) -> Item:
    found = read(record, READER, now_ms=0)
    assert isinstance(found, Item)
    return found


def raised() -> AlertRaised:
    return AlertRaised(
        id=uuid4(),
        source="/streams/alerts-metrics",
        subject="web-1",
        time=START,
        sequence=1,
        data=AlertRaisedData(
            rule="disk_full",
            rule_revision=2,
            severity="critical",
            labels={"device": "sda"},
            value=0.98,
            threshold=0.9,
            unit="1",
            since=START - timedelta(minutes=5),
            summary="the disk is full",
            evidence=(Evidence(topic=METRICS, partition=3, offset=9, id=UUID(int=1)),),
        ),
    )


def test_an_alert_is_one_row_and_each_event_about_it_a_transition() -> None:
    event = raised()
    over = AlertResolved(
        id=uuid4(),
        source="/streams/alerts-metrics",
        subject="web-1",
        time=START + timedelta(hours=1),
        sequence=2,
        data=AlertResolvedData(
            rule="disk_full",
            rule_revision=2,
            severity="critical",
            value=0.5,
            alert_id=event.id,
            reason="cleared",
            raised_at=START,
            summary="the disk has room",
        ),
    )
    rows = rows_of([item(raw(event, ALERTS, offset=0)), item(raw(over, ALERTS, offset=1))])
    (begin,), (end,) = rows.raised, rows.resolved
    assert (begin.alert_id, begin.raised_at, begin.value, begin.resolved_at) == (event.id, START, 0.98, None)
    assert (end.alert_id, end.raised_at, end.resolved_value, end.since) == (event.id, START, 0.5, None)
    assert [(one.alert_id, one.transition, one.reason) for one in rows.transitions] == [
        (event.id, "raised", None),
        (event.id, "resolved", "cleared"),
    ]
    assert rows.transitions[0].evidence[0]["offset"] == 9
    assert len(rows.events) == 2


def test_a_gap_and_a_request_become_rows() -> None:
    gap = GapDetected(
        id=uuid4(),
        source="/sinks/timescale",
        subject="_partition-3",
        time=START,
        data=GapData(scope="timescale", topic=METRICS, subject="_partition-3", first=4, last=9, reason="retention"),
    )
    request = requested()
    rows = rows_of([item(raw(gap, COLLECTIONS, offset=0)), item(raw(request, NOTIFICATIONS, offset=0))])
    assert [(one.first_missing, one.last_missing) for one in rows.gaps] == [(4, 9)]
    assert [(one.notification_id, one.receiver) for one in rows.requests] == [(request.id, "gotify")]


def test_what_infra_metrics_says_of_a_device_is_an_event_and_no_second_entry_of_the_inventory() -> None:
    news = registered(1)
    rows = rows_of([item(raw(news, METRICS, offset=0)), item(raw(looked(2), METRICS, offset=1))])
    assert (len(rows.events), len(rows.looks), rows.devices) == (2, 1, [])
    assert len(rows_of([item(raw(news, DEVICES, offset=0))]).devices) == 1


def test_ticks_tombstones_and_what_is_redriven_for_others_are_nothing_to_store() -> None:
    tick = ClockTicked(
        id=uuid4(),
        source="/streams/clock",
        subject="_partition-0",
        time=START,
        data=ClockTickedData(period_seconds=5.0),
    )
    assert read(raw(tick, METRICS, offset=0), READER, now_ms=0) is None
    assert read(RawRecord(DEVICES, 0, 0, ms(START), b"web-1", None), READER, now_ms=0) is None
    other = raw(looked(1), METRICS, offset=0, headers=((REDRIVE_FOR, b"alerts-metrics"),))
    assert read(other, READER, now_ms=0) is None
    assert item(raw(looked(1), METRICS, offset=0, headers=((REDRIVE_FOR, b"timescale"),))).redriven


def test_a_refused_record_keeps_its_place_in_the_ledger_where_it_tells_it() -> None:
    good = raw(looked(7), METRICS, offset=5)
    assert good.value is not None
    broken = RawRecord(METRICS, 0, 5, good.appended_ms, good.key, good.value.replace(b'"unit":"1"', b'"unit":""'))
    found = read(broken, READER, now_ms=1)
    assert isinstance(found, DeadLetter)
    assert refused_stream(found.origin) == ((METRICS, "web-1", "01935c1e-7e1c-7000-8000-000000000001"), 7)
    # No JSON, strictly: but many writers take NaN for it, and the envelope is legible.
    constant = RawRecord(METRICS, 0, 5, good.appended_ms, good.key, good.value.replace(b"0.25", b"NaN"))
    assert isinstance(read(constant, READER, now_ms=1), DeadLetter)
    assert refused_stream(constant) == refused_stream(found.origin)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"web-1", b"no json"),
        (b"web-1", b"[]"),
        (b"web-1", None),
        (b"other", encode(looked(7))),
        (b"web-1", encode(looked(7)).replace(b'"sequence":7', b'"sequence":-7')),
        (b"web-1", encode(looked(7)).replace(b'"/agents/', b'"/elsewhere/')),
    ],
)
def test_a_refused_record_that_does_not_tell_its_stream_has_none(key: bytes, value: bytes | None) -> None:
    assert refused_stream(RawRecord(METRICS, 0, 0, 0, key, value)) is None


def test_a_record_in_a_topic_that_is_not_its_own_takes_no_number_there() -> None:
    value = encode(looked(4711))
    assert refused_stream(RawRecord(ALERTS, 0, 0, 0, b"web-1", value)) is None
    # A type that a newer release knows may well belong here: its number is dead, not missing.
    newer = value.replace(b"metric.collected.v1", b"metric.collected.v9")
    assert refused_stream(RawRecord(METRICS, 0, 0, 0, b"web-1", newer)) is not None


def test_repetitions_are_left_out_within_a_batch() -> None:
    owner, batch = Owned(METRICS, 0, known=0, ahead=0, first=0), Batch()
    for offset, sequence in enumerate((1, 2, 2, 1, 3)):
        record = raw(looked(sequence), METRICS, offset=offset)
        batch.take(owner, record, read(record, READER, now_ms=0))
    (part,) = batch.parts
    part.admit()
    part.admit()
    assert (len(part.items), part.duplicates, part.next, owner.ahead, owner.known) == (3, 2, 5, 5, 0)
    (numbers,) = part.changes.seen.values()
    assert numbers == [1, 2, 3]


VALUES = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(st.tuples(st.integers(-(2**62), 2**62), st.integers(1, 2**40), VALUES), max_size=50))
def test_packed_samples_are_what_struct_packs(samples: list[tuple[int, int, float]]) -> None:
    packed = pack_samples(
        array("q", [time for time, _, _ in samples]),
        array("q", [series for _, series, _ in samples]),
        array("d", [value for _, _, value in samples]),
    )
    rows = b"".join(struct.pack(">hiqiqid", 3, 8, time, 8, series, 8, value) for time, series, value in samples)
    assert bytes(packed) == HEADER + rows + TRAILER
    assert b"".join(bytes(piece) for piece in pieces(packed)) == bytes(packed)


def _look(event_raw: RawRecord) -> MetricLook:
    record = item(event_raw).record
    assert record is not None
    assert isinstance(record.event, MetricLook)
    return record.event


@given(
    st.lists(st.tuples(st.integers(1, 30), st.sampled_from(["a", "b"]), st.integers(1, 4)), unique=True, max_size=12)
)
def test_columns_hold_every_sample_sorted_by_series_and_time(shape: list[tuple[int, str, int]]) -> None:
    looks = [
        _look(raw(looked(at, device=device, values=tuple(float(at + n) for n in range(width))), METRICS, offset=0))
        for at, device, width in shape
    ]
    cache = SeriesCache()
    answer = {one.identity: number for number, one in enumerate(cache.missing(looks), 1)}
    layouts = cache.completed(looks, answer)
    times, series, values = sorted_columns(looks, layouts)
    expected = sorted(
        (answer[identity(look.subject, one)], micros(look.time), value)
        for look in looks
        for one, value in zip(look.series, look.values, strict=True)
    )
    assert sorted(zip(series, times, values, strict=True)) == expected
    assert list(series) == sorted(series)
    (_, again, _), numbers = staged_columns(looks, layouts)
    assert sorted(again) == list(series)
    assert len(numbers) == len(series)


def test_the_cache_knows_only_what_it_was_told_and_stays_within_its_bounds() -> None:
    cache = SeriesCache(most_series=3, most_layouts=2)
    looks = [_look(raw(looked(1, device=f"d{n}"), METRICS, offset=0)) for n in range(4)]
    for look in looks:
        rows = cache.missing([look])
        answer = {one.identity: number for number, one in enumerate(rows, 1)}
        assert cache.known([look]) is None
        layouts = cache.completed([look], answer)
        assert cache.known([look]) is None
        cache.learn([look], layouts, answer)
        assert cache.known([look]) == layouts
    assert len(cache) == 3
    cache.clear()
    assert cache.known([looks[-1]]) is None


def test_series_differ_by_device_name_unit_and_labels() -> None:
    one, other = _look(raw(looked(1), METRICS, offset=0)).series
    assert identity("web-1", one) != identity("web-1", other)
    assert identity("web-1", one) != identity("web-2", one)
    assert identity("web-1", one) == identity("web-1", one)


def test_a_number_beyond_its_column_is_unpackable_not_a_crash() -> None:
    event = collected(1).model_copy(update={"data": collected(1).data.model_copy(update={"events": 2**70})})
    rows = Rows()
    rows.collections.append(row(event))
    with pytest.raises(Unpackable):
        pack(rows, {}, packer=EventPacker())


def test_a_letter_can_be_stored_whatever_its_headers_hold() -> None:
    origin = RawRecord(METRICS, 3, 17, ms(START), b"\x00k", b"v" * 70_000, (("na\x00me", b"\xff\x00"),))
    letter = refused(origin, EventRefused(Reason.NOT_JSON, "", "nul \x00"), consumer="timescale", failed_at_ms=10**18)
    sent = to_record(letter)
    record = RawRecord(DEAD_LETTERS, 0, 5, ms(START), sent.key, sent.value, sent.headers)
    found = item(record).letter
    assert isinstance(found, LetterRow)
    assert (found.value_bytes, len(found.value or ""), found.message) == (70_000, 87384, "nul \\x00")
    assert found.headers == {"na\\x00me": "\\xff\\x00"}
    assert found.failed_at == datetime.fromtimestamp(ms(START) / 1000, UTC)


def test_a_letter_without_headers_is_refused_itself() -> None:
    found = read(RawRecord(DEAD_LETTERS, 0, 5, 0, None, b"?"), READER, now_ms=1)
    assert isinstance(found, DeadLetter)
    assert found.origin.topic == DEAD_LETTERS


def test_every_upsert_has_its_rows_and_its_statement() -> None:
    statements = load_statements(Path("sinks/timescale/statements"))
    assert {statement for _, statement in UPSERTS} <= set(statements)
    assert {name for name, _ in UPSERTS} | {"events", "looks", "collections"} == set(Rows.__slots__)


def test_the_revision_written_is_the_newest_there_is() -> None:
    config = Config()
    config.set_main_option("script_location", "sinks/timescale/migrations")
    assert ScriptDirectory.from_config(config).get_current_head() == REVISION
