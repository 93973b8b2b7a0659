"""The write path on a real PostgreSQL: stored once, fenced, merged, bisected; without Kafka."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest
from pydantic import BaseModel

from schemas.headers import REDRIVE_FOR
from schemas.record import RawRecord
from schemas.registry import COLLECTIONS, METRICS
from schemas.rules import RulesLoaded, RulesLoadedData
from sinks.timescale.writer import Fenced, LockPatience, Writer
from tests.integration.timescale_setup import (
    EPOCH,
    START,
    admitted,
    collected,
    collections,
    connecting,
    looked,
    metrics,
    one,
    owned,
    raw,
    registered,
    rows,
    status_changed,
    writer_on,
)

pytestmark = pytest.mark.postgres


async def test_stores_events_samples_ledger_and_offset_together(writer: Writer, url: str) -> None:
    owner = await owned(writer)
    batch = await admitted(writer, owner, metrics(looked(1), looked(2)))

    stored = await writer.store(batch, writer.packed(batch))

    assert stored.rows == {"events": 2, "collections": 0, "metric_samples": 4}
    assert rows(url, "SELECT name, unit, labels, device_id, time, value FROM metrics ORDER BY time, value") == [
        ("system.cpu.utilization", "1", {"cpu": "1"}, "web-1", START + timedelta(seconds=10), 0.25),
        ("system.cpu.utilization", "1", {"cpu": "0"}, "web-1", START + timedelta(seconds=10), 0.5),
        ("system.cpu.utilization", "1", {"cpu": "1"}, "web-1", START + timedelta(seconds=20), 0.25),
        ("system.cpu.utilization", "1", {"cpu": "0"}, "web-1", START + timedelta(seconds=20), 0.5),
    ]
    assert rows(url, "SELECT scope, topic, subject, seen::text, dead::text FROM sequence_ledger") == [
        (str(EPOCH), METRICS, "web-1", "{[1,3)}", "{}")
    ]
    assert one(url, "SELECT next_offset FROM sink_offsets") == 2 == owner.known


async def test_events_keep_their_place_and_kin(writer: Writer, url: str) -> None:
    event = collected(7)
    owner = await owned(writer, COLLECTIONS, 3)
    record = raw(event, COLLECTIONS, offset=41, partition=3)
    await writer.store(await admitted(writer, owner, [record]))

    assert rows(url, "SELECT * FROM events") == [
        (
            event.time, event.id, event.type, "web-1", event.source, EPOCH, 7, COLLECTIONS, 3, 41,
            event.correlationid, None, event.time + timedelta(milliseconds=40),
        )
    ]  # fmt: skip
    assert rows(
        url, "SELECT device_id, collector, status, duration_seconds, events, output_bytes FROM collections"
    ) == [("web-1", "system", "success", 0.02, 1, 4096)]


async def test_a_batch_packed_ahead_is_stored_the_same(writer: Writer, url: str) -> None:
    owner = await owned(writer)
    await writer.store(await admitted(writer, owner, metrics(looked(1))))
    batch = await admitted(writer, owner, metrics(looked(2), begin=1))
    ready = writer.packed(batch)
    assert ready is not None
    await writer.store(batch, ready)
    assert one(url, "SELECT count(*) FROM metric_samples") == 4


async def test_a_writer_that_does_not_know_the_offset_is_fenced_and_writes_nothing(writer: Writer, url: str) -> None:
    zombie = writer_on(url)
    old = await owned(zombie)
    new = await owned(writer)
    await writer.store(await admitted(writer, new, metrics(looked(1))))

    batch = await admitted(zombie, old, metrics(looked(1), looked(2)))
    with pytest.raises(Fenced) as fenced:
        await zombie.store(batch)
    await zombie.close()

    assert fenced.value.owners == [old]
    assert one(url, "SELECT count(*) FROM events") == 1
    assert one(url, "SELECT next_offset FROM sink_offsets") == 1


async def test_one_fenced_partition_does_not_take_the_others_with_it(writer: Writer, url: str) -> None:
    mine, lost = await owned(writer, METRICS, 0), await owned(writer, METRICS, 1)
    other = writer_on(url)
    theirs = await owned(other, METRICS, 1)
    await other.store(await admitted(other, theirs, [raw(looked(1, device="db-1"), METRICS, offset=0, partition=1)]))
    await other.close()

    batch = await admitted(writer, mine, metrics(looked(1)))
    more = await admitted(writer, lost, [raw(looked(1, device="db-1"), METRICS, offset=0, partition=1)])
    batch.shares.update(more.shares)
    with pytest.raises(Fenced):
        await writer.store(batch)
    batch.leave([lost])
    await writer.store(batch)
    assert one(url, "SELECT count(*) FROM events") == 2
    assert lost.known == 0


async def test_eight_racing_writers_store_each_event_once(url: str) -> None:
    log = metrics(*(looked(number) for number in range(1, 201)))

    async def race(seed: int) -> int:
        writer, won = writer_on(url), 0
        owner = await owned(writer)
        while owner.known < len(log):
            batch = await admitted(writer, owner, log[owner.known : owner.known + 7 + seed])
            try:
                await writer.store(batch)
                won += 1
            except Fenced:
                owner = await owned(writer)
        await writer.close()
        return won

    wins = await asyncio.gather(*(race(seed) for seed in range(8)))
    assert sum(wins) >= 14
    assert one(url, "SELECT count(*) FROM events") == 200
    assert one(url, "SELECT count(DISTINCT id) FROM events") == 200
    assert one(url, "SELECT count(*) FROM metric_samples") == 400
    assert one(url, "SELECT seen::text FROM sequence_ledger") == "{[1,201)}"


async def test_repetitions_are_counted_and_skipped_also_by_a_new_process(writer: Writer, url: str) -> None:
    first, second, third = looked(1), looked(2), looked(3)
    await writer.store(await admitted(writer, await owned(writer), metrics(first, second, second)))
    after = writer_on(url)
    batch = await admitted(after, await owned(after), metrics(first, third, begin=3))
    await after.store(batch)
    await after.close()

    assert batch.parts[0].duplicates == 1
    assert one(url, "SELECT count(*) FROM events") == 3
    assert one(url, "SELECT count(*) FROM metric_samples") == 6


async def test_holes_are_seen_until_they_are_filled(writer: Writer, url: str) -> None:
    owner = await owned(writer)
    await writer.store(await admitted(writer, owner, metrics(looked(1), looked(4))))
    holes = "SELECT subject, first_missing, last_missing, missing FROM sequence_holes"
    assert rows(url, holes) == [("web-1", 2, 3, 2)]
    assert rows(url, "SELECT gap_id, first_missing, last_missing FROM gaps_open") == [(None, 2, 3)]
    await writer.store(await admitted(writer, owner, metrics(looked(2), looked(3), begin=2)))
    assert rows(url, holes) == []


async def test_what_came_before_the_first_read_is_no_hole(writer: Writer, url: str) -> None:
    found = (await writer.offsets({(METRICS, 0): 500}))[METRICS, 0]
    owner = await owned(writer)
    assert (found.first, owner.first, owner.known) == (500, 500, 500)
    await writer.store(await admitted(writer, owner, metrics(looked(40), looked(42), begin=500)))
    assert rows(url, "SELECT first_missing, last_missing FROM sequence_holes") == [(41, 41)]


async def test_two_events_that_claim_one_series_and_time_are_a_conflict(writer: Writer, url: str) -> None:
    owner = await owned(writer)
    await writer.store(await admitted(writer, owner, metrics(looked(1, values=(1.0, 2.0)))))
    rival = looked(2, values=(9.0, 9.5, 3.0), time=looked(1).time)
    stored = await writer.store(await admitted(writer, owner, metrics(rival, looked(3), begin=1)))

    assert (stored.conflicts, stored.merged) == (2, True)
    assert rows(url, "SELECT event_id, value FROM metric_conflicts ORDER BY value") == [
        (rival.id, 9.0),
        (rival.id, 9.5),
    ]
    assert one(url, "SELECT count(*) FROM events") == 3
    at = rival.time.isoformat()
    assert rows(url, f"SELECT value FROM metric_samples WHERE time = '{at}' ORDER BY 1") == [(1.0,), (2.0,), (3.0,)]


async def test_two_that_claim_one_key_in_one_batch_leave_it_to_the_first(writer: Writer, url: str) -> None:
    owner = await owned(writer)
    first, second = looked(1, values=(1.0,)), looked(2, values=(2.0,), time=looked(1).time)
    stored = await writer.store(await admitted(writer, owner, metrics(first, second)))
    assert stored.conflicts == 1
    assert rows(url, "SELECT value FROM metric_samples") == [(1.0,)]
    assert rows(url, "SELECT event_id FROM metric_conflicts") == [(second.id,)]


async def test_an_event_in_another_partition_again_is_merged_without_conflict(writer: Writer, url: str) -> None:
    event = looked(1)
    await writer.store(await admitted(writer, await owned(writer), metrics(event)))
    # A new ledger, as after another key's partitioner: only the keys of the tables are left to tell.
    with psycopg.connect(url) as connection:
        connection.execute("DELETE FROM sequence_ledger")
    owner = await owned(writer, METRICS, 1)
    stored = await writer.store(await admitted(writer, owner, [raw(event, METRICS, offset=0, partition=1)]))
    assert (stored.conflicts, stored.merged, stored.rows["events"]) == (0, True, 0)
    assert one(url, "SELECT count(*) FROM metric_samples") == 2


async def test_a_redriven_event_passes_the_sequence_and_is_stored_once(writer: Writer, url: str) -> None:
    owner = await owned(writer)
    bad = RawRecord(METRICS, 0, 0, raw(looked(1), METRICS, offset=0).appended_ms, b"web-1", _without_samples(looked(1)))
    good = looked(1)
    batch = await admitted(writer, owner, [bad, raw(looked(2), METRICS, offset=1)])
    await writer.store(batch)
    assert [letter.reason for letter in batch.letters] == ["invalid_field"]
    assert rows(url, "SELECT seen::text, dead::text FROM sequence_ledger") == [("{[2,3)}", "{[1,2)}")]
    assert rows(url, "SELECT * FROM sequence_holes") == []

    for offset in (2, 3):
        record = raw(good, METRICS, offset=offset, headers=((REDRIVE_FOR, b"timescale"),))
        await writer.store(await admitted(writer, owner, [record]))
    ignored = raw(looked(9), METRICS, offset=4, headers=((REDRIVE_FOR, b"device_status"),))
    await writer.store(await admitted(writer, owner, [ignored]))

    assert one(url, "SELECT count(*) FROM events") == 2
    assert rows(url, "SELECT seen::text, dead::text FROM sequence_ledger") == [("{[1,3)}", "{}")]
    assert one(url, "SELECT next_offset FROM sink_offsets") == 5


def _without_samples(event: object) -> bytes:
    assert isinstance(event, BaseModel)
    document = event.model_dump_json(exclude_none=True)
    return document.replace('"samples":[', '"samples":[{"name":"BAD","value":1,"unit":"1"},').encode()


async def test_a_row_that_the_database_refuses_is_found_and_the_rest_is_stored(writer: Writer, url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("ALTER TABLE events ADD CONSTRAINT picky CHECK (sequence NOT IN (5, 9))")
    owner = await owned(writer)
    batch = await admitted(writer, owner, metrics(*(looked(number) for number in range(1, 13))))
    with pytest.raises(psycopg.errors.CheckViolation):
        await writer.store(batch)
    refused = await writer.refused(batch)

    found = {
        item.record.event.sequence: refused[id(item)] for item in batch.items if item.record and id(item) in refused
    }
    assert {sequence: getattr(error, "sqlstate", None) for sequence, error in found.items()} == {5: "23514", 9: "23514"}
    assert one(url, "SELECT count(*) FROM events") == 0


async def test_a_commit_without_answer_is_looked_up_before_the_next_try(url: str) -> None:
    class Cut:
        """A connection that is lost right after the server has committed."""

        def __init__(self) -> None:
            self.left = 1

        async def __call__(self) -> psycopg.AsyncConnection[tuple[object, ...]]:
            connection = await connecting(url)()
            commit = connection.commit

            async def committed() -> None:
                await commit()
                if self.left and one(url, "SELECT count(*) FROM events"):
                    self.left -= 1
                    await connection.close()
                    raise psycopg.OperationalError("the connection is lost")

            connection.commit = committed  # type: ignore[method-assign]
            return connection

    writer = Writer(Cut())
    owner = await owned(writer)
    batch = await admitted(writer, owner, metrics(looked(1)))
    with pytest.raises(psycopg.OperationalError):
        await writer.store(batch)
    await writer.reset()
    await writer.store(batch)
    assert owner.known == 1
    await writer.store(await admitted(writer, owner, metrics(looked(2), begin=1)))
    await writer.close()
    assert one(url, "SELECT count(*) FROM events") == 2


async def test_what_was_packed_ahead_is_packed_anew_when_another_server_may_have_given_other_ids(url: str) -> None:
    writer = Writer(connecting(url))
    owner = await owned(writer)
    await writer.store(await admitted(writer, owner, metrics(looked(1))))
    batch = await admitted(writer, owner, metrics(looked(2), begin=1))
    ready = writer.packed(batch)
    assert ready is not None
    await writer.reset()
    with psycopg.connect(url) as connection:
        # A standby that takes over may lack what was committed last, and gives the series other numbers.
        connection.execute("DELETE FROM metric_samples")
        connection.execute("DELETE FROM metric_series")
    await writer.store(batch, ready)
    await writer.close()
    assert one(url, "SELECT count(*) FROM metric_samples") == one(url, "SELECT count(*) FROM metric_series") > 0
    assert one(url, "SELECT count(*) FROM metrics") == one(url, "SELECT count(*) FROM metric_samples")


async def test_a_writer_stopped_in_the_middle_of_copy_blocks_its_partition_only_for_a_while(url: str) -> None:
    # What SIGSTOP leaves: the offset is claimed, COPY is under way, and nothing more comes.
    stopped = psycopg.connect(url, application_name="infrastructor-test")
    writer = Writer(connecting(url), patience=LockPatience(wait_s=0.3, stopped_after_s=1.0))
    owner = await owned(writer)
    stopped.execute("UPDATE sink_offsets SET next_offset = 1")
    copying = stopped.cursor().copy("COPY metric_samples FROM STDIN")
    copying.__enter__().write("2026-11-01,1,")
    batch = await admitted(writer, owner, metrics(looked(1)))

    refused = 0
    async with asyncio.timeout(10):
        while owner.known == 0:
            try:
                await writer.store(batch)
            except psycopg.errors.LockNotAvailable:
                refused += 1
    await writer.close()
    stopped.close()
    assert refused >= 2
    assert one(url, "SELECT count(*) FROM events") == 1


async def test_current_state_is_the_newest_by_time_whatever_the_order(writer: Writer, url: str) -> None:
    owner = await owned(writer, COLLECTIONS)
    newer = registered(20, hostname="new.example")
    await writer.store(await admitted(writer, owner, collections(newer)))
    await writer.store(await admitted(writer, owner, collections(registered(10, hostname="old.example"), begin=1)))
    assert rows(url, "SELECT hostname, first_seen_at, observed_at, event_id, groups, labels FROM devices") == [
        ("new.example", START + timedelta(seconds=10), newer.time, newer.id, ["web"], {"rack": "a"})
    ]
    status = await owned(writer, "infra.status")
    changes = [status_changed(2, status="offline"), status_changed(1)]
    await writer.store(
        await admitted(writer, status, [raw(c, "infra.status", offset=at) for at, c in enumerate(changes)])
    )
    assert rows(url, "SELECT status FROM device_status") == [("offline",)]
    assert one(url, "SELECT count(*) FROM status_changes") == 2
    assert rows(url, "SELECT hostname, status, retired FROM device_overview") == [("new.example", "offline", False)]


async def test_unsequenced_events_are_told_apart_by_id_within_and_across_batches(writer: Writer, url: str) -> None:
    event = RulesLoaded(
        id=uuid4(),
        source="/streams/rules",
        subject="_partition-0",
        time=START,
        data=RulesLoadedData(kind="alert_rules", revision=3, hash="ab" * 32, document={"rules": []}),
    )
    again = event.model_copy(update={"time": START + timedelta(seconds=5)})
    owner = await owned(writer)
    log = [raw(one_event, METRICS, offset=at) for at, one_event in enumerate((event, again, event))]
    await writer.store(await admitted(writer, owner, log[:2]))
    await writer.store(await admitted(writer, owner, log[2:]))
    assert one(url, "SELECT count(*) FROM events") == 1
    assert rows(url, "SELECT kind, revision, document FROM rule_sets") == [("alert_rules", 3, {"rules": []})]
