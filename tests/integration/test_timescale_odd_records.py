"""Records that nobody should send and that must stop nobody: each is stored or put aside, and the rest goes on."""

import secrets
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError

from replay.restore import Restorer
from schemas.alert import AlertResolved, AlertResolvedData
from schemas.gap import GapData, GapDetected
from schemas.headers import (
    DEAD_ATTEMPTS,
    DEAD_CONSUMER,
    DEAD_OFFSET,
    DEAD_PARTITION,
    DEAD_TOPIC,
    REDRIVE_FOR,
)
from schemas.notification import NotificationRequested, NotificationRequestedData
from schemas.record import RawRecord, RecordReader
from schemas.registry import ALERTS, COLLECTIONS, DEAD_LETTERS, METRICS, NOTIFICATIONS
from sinks.timescale.batch import Item, read
from sinks.timescale.writer import Writer
from tests.integration.timescale_setup import (
    EPOCH,
    START,
    admitted,
    looked,
    metrics,
    ms,
    one,
    owned,
    raw,
    rows,
    settings_of,
    writer_on,
)

pytestmark = pytest.mark.postgres

LONG = secrets.token_hex(4000)


@pytest.mark.parametrize(
    ("subject", "key"),
    [(r'"a\u0000b"', b"a\x00b"), (r'"\ud800"', b"?"), (f'"{LONG}"', LONG.encode()), ('"No Device"', b"No Device")],
)
async def test_a_refused_record_about_what_is_no_subject_is_put_aside_and_its_neighbour_stored(
    url: str, writer: Writer, subject: str, key: bytes
) -> None:
    value = (
        f'{{"specversion":"1.0","id":"{uuid4()}","type":"infrastructor.metric.collected.v1",'
        f'"source":"/agents/web-1/{EPOCH}/system","subject":{subject},"time":"2026-11-01T12:00:00Z","sequence":3,"data":{{}}}}'
    )
    spoilt = RawRecord(METRICS, 0, 0, ms(START), key, value.encode())
    batch = await admitted(writer, await owned(writer), [spoilt, *metrics(looked(1), begin=1)])
    await writer.store(batch)
    assert len(batch.letters) == 1
    assert one(url, "SELECT count(*) FROM events") == 1
    assert rows(url, "SELECT subject FROM sequence_ledger") == [("web-1",)]


@pytest.mark.parametrize("later_s", [0, 5])
async def test_an_event_that_stands_twice_in_a_batch_under_two_numbers_is_stored_once(
    url: str, writer: Writer, later_s: int
) -> None:
    same = uuid4()

    def requested(sequence: int) -> NotificationRequested:
        data = NotificationRequestedData(
            receiver="gotify", kind="raised", alert_ids=(same,), severity="info", title="t", body="b"
        )
        at = START + timedelta(seconds=later_s * sequence)
        return NotificationRequested(
            id=same, source="/streams/notifications", subject="web-1", time=at, sequence=sequence, data=data
        )

    raws = [raw(requested(number), NOTIFICATIONS, offset=number - 1) for number in (1, 2)]
    await writer.store(await admitted(writer, await owned(writer, NOTIFICATIONS), raws))
    assert rows(url, "SELECT id, sequence FROM events") == [(same, 1)]
    assert rows(url, "SELECT seen::text FROM sequence_ledger") == [("{[1,3)}",)]


async def test_a_repetition_is_one_whatever_came_late_before_it(url: str, writer: Writer) -> None:
    events = {number: looked(number) for number in range(1, 5)}
    batch = await admitted(writer, await owned(writer), metrics(*(events[number] for number in (1, 3, 4, 2, 3))))
    assert (len(batch.items), batch.duplicates) == (4, 1)
    stored = await writer.store(batch)
    assert not stored.merged
    assert one(url, "SELECT count(*) FROM metric_conflicts") == 0


def items(raws: Sequence[RawRecord]) -> list[Item]:
    reader = RecordReader()
    return [found for one in raws if isinstance(found := read(one, reader, now_ms=one.appended_ms), Item)]


async def test_samples_that_are_an_events_own_are_no_conflict_when_it_is_stored_again(url: str, writer: Writer) -> None:
    raws = metrics(looked(1), looked(2))
    await writer.store(await admitted(writer, await owned(writer), raws))
    rows_before = rows(url, "SELECT id FROM events ORDER BY 1")
    restorer = Restorer(settings_of(url))
    await run(url, "DELETE FROM events")
    restored = await restorer.store(items(raws), None)
    await restorer.close()
    assert (restored.conflicts, one(url, "SELECT count(*) FROM metric_conflicts")) == (0, 0)
    assert rows(url, "SELECT id FROM events ORDER BY 1") == rows_before


async def test_a_redriven_event_that_a_backfill_has_stored_is_a_dead_letter_no_more(url: str, writer: Writer) -> None:
    owner = await owned(writer)
    (good,) = metrics(looked(1))
    spoilt = good._replace(value=(good.value or b"").replace(b'"unit":"1"', b'"unit":null'))
    await writer.store(await admitted(writer, owner, [spoilt]))
    assert rows(url, "SELECT seen::text, dead::text FROM sequence_ledger") == [("{}", "{[1,2)}")]
    restorer = Restorer(settings_of(url))
    await restorer.store(items([good]), None)
    await restorer.close()
    again = good._replace(offset=1, headers=((REDRIVE_FOR, b"timescale"),))
    await writer.store(await admitted(writer, owner, [again]))
    assert one(url, "SELECT count(*) FROM events") == 1
    assert rows(url, "SELECT seen::text, dead::text FROM sequence_ledger") == [("{[1,2)}", "{}")]


async def test_headers_of_a_letter_may_hold_any_numbers(url: str, writer: Writer) -> None:
    owner = await owned(writer, DEAD_LETTERS)
    place = ((DEAD_CONSUMER, b"x"), (DEAD_TOPIC, b"t"), (DEAD_OFFSET, b"999999999999999999"))
    raws = [
        RawRecord(
            DEAD_LETTERS, 0, at, ms(START), b"k", b"v", (*place, (DEAD_PARTITION, part), (DEAD_ATTEMPTS, b"9" * 18))
        )
        for at, part in enumerate((b"999999999999", b"7"))
    ]
    batch = await admitted(writer, owner, raws)
    await writer.store(batch)
    assert rows(url, "SELECT partition, attempts FROM dead_letters") == [(7, 1_000_000)]
    assert [one.reason for one in batch.letters] == ["not_an_event"]


async def test_a_gap_ends_where_ranges_of_the_database_do(url: str, writer: Writer) -> None:
    def gap(last: int) -> GapData:
        return GapData(scope=str(EPOCH), topic=METRICS, subject="web-1", first=1, last=last, reason="spool_full")

    with pytest.raises(ValidationError, match="last"):
        gap(2**63 - 1)
    source = f"/agents/web-1/{EPOCH}/agent"
    told = GapDetected(id=uuid4(), source=source, subject="web-1", time=START, sequence=1, data=gap(2**63 - 2))
    await writer.store(await admitted(writer, await owned(writer, COLLECTIONS), [raw(told, COLLECTIONS, offset=0)]))
    assert rows(url, "SELECT missing FROM gaps_open") == [(2**63 - 2,)]


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("turned", [True, False])
async def test_which_end_of_an_alert_counts_hangs_on_no_order(
    url: str, writer: Writer, at_once: bool, turned: bool
) -> None:
    owner, alert = await owned(writer, ALERTS), uuid4()

    def resolved(number: int, *, days: int, historical: bool) -> AlertResolved:
        data = AlertResolvedData.model_validate(
            {
                "rule": "r",
                "rule_revision": 1,
                "severity": "info",
                "alert_id": alert,
                "reason": "cleared",
                "raised_at": START,
                "summary": "s",
                "historical": historical,
            }
        )
        at = START + timedelta(days=days)
        ids = UUID(int=(7 << 76) | (2 << 62) | (100 - number))
        return AlertResolved(
            id=ids, source="/streams/alerts-metrics", subject="web-1", time=at, sequence=number, data=data
        )

    ends = [
        resolved(1, days=2, historical=False),
        resolved(2, days=2, historical=False),
        resolved(3, days=3, historical=True),
    ]
    order = list(reversed(ends)) if turned else ends
    raws = [raw(event, ALERTS, offset=at) for at, event in enumerate(order)]
    for part in [raws] if at_once else [[alone] for alone in raws]:
        await writer.store(await admitted(writer, owner, part))
    assert rows(url, "SELECT resolved_event_id, resolved_at, historical FROM alerts") == [
        (ends[1].id, START + timedelta(days=2), True)
    ]


async def run(url: str, statement: str) -> None:
    writer = writer_on(url)
    connection = await writer._connected()
    await connection.execute(statement.encode())
    await connection.commit()
    await writer.close()
