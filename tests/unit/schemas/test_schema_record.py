"""What the boundary says of what Kafka gave: the reason, the field, and a sentence."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from schemas.headers import CAUSE_APPENDED, REDRIVE_FOR, SENT, event_headers, header, header_number
from schemas.metric_look import MetricLook
from schemas.record import MAX_AHEAD_MS, RawRecord, RecordReader
from schemas.refusal import EventRefused, Reason
from schemas.registry import COLLECTIONS, DEAD_LETTERS, METRICS

TIME = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
TIME_MS = int(TIME.timestamp() * 1000)
TICK: dict[str, Any] = {
    "id": "0192f401-7a01-7101-8001-a1b2c3d4e501",
    "source": "/streams/clock",
    "subject": "_partition-3",
    "time": "2026-11-21T02:00:00Z",
    "type": "infrastructor.clock.ticked.v1",
    "data": {"period_seconds": 5},
}
LOOK: dict[str, Any] = {
    "id": "0192f401-7a01-7101-8001-a1b2c3d4e502",
    "source": "/agents/nas/0192f3a1-6c00-7a10-9f2e-5b1c3d4e5f60/system",
    "subject": "nas",
    "time": "2026-11-21T02:00:00Z",
    "sequence": 1,
    "type": "infrastructor.metric.collected.v1",
    "data": {"collector": "system", "samples": [{"name": "system.uptime", "value": 1.5, "unit": "s"}]},
}


def raw(
    value: bytes | None, *, key: bytes | None = b"_partition-3", topic: str = METRICS, late_ms: int = 0
) -> RawRecord:
    return RawRecord(topic=topic, partition=3, offset=41, appended_ms=TIME_MS + late_ms, key=key, value=value)


def look(*, instead: bytes = b"1.5", key: bytes = b"nas", topic: str = METRICS) -> RawRecord:
    return raw(orjson.dumps(LOOK).replace(b"1.5", instead), key=key, topic=topic)


def tick(**changes: Any) -> bytes:
    return orjson.dumps({name: value for name, value in (TICK | changes).items() if value is not ...})


def refused(record: RawRecord) -> EventRefused:
    with pytest.raises(EventRefused) as caught:
        RecordReader().read(record)
    return caught.value


@pytest.mark.parametrize(
    ("record", "reason", "field"),
    [
        pytest.param(raw(None), Reason.EMPTY, "", id="no value"),
        pytest.param(raw(b""), Reason.EMPTY, "", id="empty value"),
        pytest.param(raw(b" "), Reason.NOT_JSON, "", id="blank value"),
        pytest.param(raw(b"\xff\x00\x01"), Reason.NOT_JSON, "", id="bytes"),
        pytest.param(raw(tick()[:-1]), Reason.NOT_JSON, "", id="cut"),
        pytest.param(raw(b"[]"), Reason.NOT_AN_EVENT, "", id="a list"),
        pytest.param(raw(b"{}"), Reason.NOT_AN_EVENT, "type", id="an empty object"),
        pytest.param(raw(tick(type=...)), Reason.NOT_AN_EVENT, "type", id="no type"),
        pytest.param(raw(tick(type="infrastructor.x.y.v1")), Reason.UNKNOWN_TYPE, "type", id="unknown type"),
        pytest.param(raw(tick(type=7)), Reason.UNKNOWN_TYPE, "type", id="a number for a type"),
        pytest.param(raw(tick(id="x")), Reason.INVALID_FIELD, "id", id="bad id"),
        pytest.param(raw(tick(time="2026-11-21T02:00:00")), Reason.INVALID_FIELD, "time", id="naive time"),
        pytest.param(raw(tick(sequence=1)), Reason.INVALID_FIELD, "sequence", id="a tick with a sequence"),
        pytest.param(raw(tick(data={})), Reason.INVALID_FIELD, "data.period_seconds", id="a field missing"),
        pytest.param(raw(tick(data=None)), Reason.INVALID_FIELD, "data", id="no data"),
        pytest.param(raw(tick(), topic="infra.notifications"), Reason.WRONG_TOPIC, "type", id="wrong topic"),
        pytest.param(raw(tick(), topic="somewhere"), Reason.WRONG_TOPIC, "type", id="unknown topic"),
        pytest.param(raw(tick(), topic=DEAD_LETTERS), Reason.WRONG_TOPIC, "type", id="dead letters hold no events"),
        pytest.param(raw(tick(), key=b"_partition-4"), Reason.KEY_MISMATCH, "subject", id="another key"),
        pytest.param(raw(tick(), key=None), Reason.KEY_MISMATCH, "subject", id="no key"),
        pytest.param(raw(tick(), key=b"\xff"), Reason.KEY_MISMATCH, "subject", id="a key of bytes"),
        pytest.param(raw(tick(), late_ms=-MAX_AHEAD_MS - 1), Reason.TIME_AHEAD, "time", id="ahead by more than 10 min"),
        pytest.param(raw(tick(time="2036-11-21T02:00:00Z")), Reason.TIME_AHEAD, "time", id="ten years ahead"),
        pytest.param(raw(b" " * 5_000_000), Reason.TOO_LARGE, "", id="5 MB"),
        pytest.param(look(key=b"web"), Reason.KEY_MISMATCH, "subject", id="a metric's key"),
        pytest.param(look(topic=COLLECTIONS), Reason.WRONG_TOPIC, "type", id="a metric's topic"),
        pytest.param(look(instead=b"NaN"), Reason.INVALID_FIELD, "data.samples.0.value", id="NaN"),
        pytest.param(look(instead=b'"1"'), Reason.INVALID_FIELD, "data.samples.0.value", id="a text for a value"),
    ],
)
def test_what_is_refused_says_why_and_where(record: RawRecord, reason: Reason, field: str) -> None:
    refusal = refused(record)
    assert (refusal.reason, refusal.field) == (reason, field)
    assert 0 < len(refusal.message) < 400
    assert str(refusal).startswith(field)


@pytest.mark.parametrize(
    "record",
    [
        raw(tick(type="infrastructor.hunter 2/+.v1")),
        raw(tick(id="hunter 2/+")),
        raw(tick(time="hunter 2/+")),
        raw(tick(data="hunter 2/+")),
        raw(tick(), key=b"hunter 2/+"),
        raw(b"password=hunter 2/+"),
        look(instead=b'1.5, "labels": {"hunter 2/+": "x"}'),
    ],
)
def test_what_is_no_event_is_not_quoted(record: RawRecord) -> None:
    assert "hunter" not in str(refused(record))


def test_a_value_of_one_mebibyte_is_read_and_one_byte_more_is_not() -> None:
    fits = tick().ljust(1 << 20)
    assert RecordReader().read(raw(fits)).event.subject == "_partition-3"
    assert refused(raw(fits + b" ")).reason is Reason.TOO_LARGE


def test_a_time_ten_minutes_ahead_is_still_read() -> None:
    assert RecordReader().read(raw(tick(), late_ms=-MAX_AHEAD_MS)).event_ms == TIME_MS


def test_a_record_keeps_its_place_and_the_three_clocks() -> None:
    headers = (*event_headers(sent_ms=TIME_MS + 61_000, cause_appended_ms=TIME_MS + 5), (REDRIVE_FOR, b"timescale"))
    given = RawRecord(METRICS, 3, 41, TIME_MS + 62_000, b"nas", orjson.dumps(LOOK), headers)
    record = RecordReader().read(given)
    assert isinstance(record.event, MetricLook)
    assert (record.topic, record.partition, record.offset) == (METRICS, 3, 41)
    assert (record.event_ms, record.sent_ms, record.appended_ms) == (TIME_MS, TIME_MS + 61_000, TIME_MS + 62_000)
    assert record.cause_appended_ms == TIME_MS + 5
    assert record.redrive_for == "timescale"
    assert record.late


@pytest.mark.parametrize(("sent_ms", "late"), [(None, False), (TIME_MS + 60_000, False), (TIME_MS + 60_001, True)])
def test_late_goes_by_the_senders_clock_alone(sent_ms: int | None, late: bool) -> None:
    headers = tuple(event_headers(sent_ms=sent_ms))
    far_later = TIME_MS + int(timedelta(days=1).total_seconds() * 1000)
    given = RawRecord(METRICS, 3, 41, far_later, b"_partition-3", tick(), headers)
    assert RecordReader().read(given).late is late


def test_headers_that_are_no_numbers_are_passed_over() -> None:
    headers = [(SENT, b"soon"), (CAUSE_APPENDED, b"-5"), ("n", b"1"), ("n", b"2"), ("long", b"9" * 30), ("empty", b"")]
    assert header_number(headers, SENT) is None
    assert header_number(headers, CAUSE_APPENDED) is None
    assert header_number(headers, "long") is None
    assert header_number(headers, "empty") is None
    assert header_number(headers, "none") is None
    assert header(headers, "n") == b"2"
