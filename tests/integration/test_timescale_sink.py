"""The database sink on a real broker and a real PostgreSQL."""

import asyncio
import json
import os
import random
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import uuid4

import orjson
import psycopg
import pytest
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition

from deploy.local.broker import Broker
from runtime.errors import DatabaseRefused, Poisoned
from runtime.kafka.consumer import read_topics
from runtime.kafka.dead_letters import from_record
from runtime.settings import KafkaSettings
from schemas.codec import encode
from schemas.envelope import Envelope
from schemas.registry import COLLECTIONS, DEAD_LETTERS, METRICS, STATUS
from sinks.settings import SinkSettings
from sinks.timescale import schema
from sinks.timescale.batch import Owned
from sinks.timescale.writer import StoredOffset, Writer
from tests.conftest import TestDatabase
from tests.integration.timescale_log import running, until, write, write_raw
from tests.integration.timescale_setup import (
    START,
    collected,
    connecting,
    looked,
    one,
    registered,
    rows,
    settings_of,
    status_changed,
)

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]


async def test_every_topic_is_stored_and_bad_records_become_dead_letters(topics: KafkaSettings, url: str) -> None:
    device = f"web-{uuid4().hex[:8]}"
    good = [looked(number, device=device) for number in range(1, 6)]
    await write(topics, METRICS, good[:3])
    document = json.loads(encode(looked(7, device=device)))
    nan = orjson.dumps(looked(8, device=device).model_dump(mode="json", exclude_none=True)).replace(b"0.5", b"NaN")
    ahead = looked(9, device=device, time=START.replace(year=2046))
    bad: dict[str, bytes] = {
        "not_json": b"\xff\x00 no json",
        "unknown_type": json.dumps(document | {"type": "infrastructor.moon.phased.v1"}).encode(),
        "not_an_event": b"[1, 2]",
        "time_ahead": encode(ahead),
        "too_large": b'{"pad": "' + b"x" * 5_000_000 + b'"}',
    }
    no_type = json.dumps({name: value for name, value in document.items() if name != "type"}).encode()
    await write_raw(topics, METRICS, [(device.encode(), value) for value in [*bad.values(), no_type, nan]])
    await write_raw(topics, METRICS, [(b"somebody-else", encode(looked(10, device=device)))])
    await write(topics, METRICS, good[3:])
    await write(topics, COLLECTIONS, [registered(1, device=device), collected(2, device=device)])
    await write(topics, STATUS, [status_changed(1, device=device)])

    def there() -> bool:
        letters = one(url, "SELECT count(*) FROM dead_letters")
        return bool(letters == 8 and one(url, "SELECT count(*) FROM events") == 8)

    async with running(topics, url) as (around, task):
        await until(there, task=task)
        assert around.readiness.ready

    assert one(url, "SELECT count(*) FROM metric_samples") == 10
    assert rows(url, "SELECT status, hostname FROM device_overview") == [("online", "web-1.example")]
    letters = rows(url, "SELECT reason, consumer, value_bytes, length(value) FROM dead_letters ORDER BY reason")
    assert {reason for reason, *_ in letters} >= {*bad, "key_mismatch"}
    assert all(consumer == "timescale" for _, consumer, *_ in letters)
    assert ("too_large", "timescale", len(bad["too_large"]), 65536) in letters
    kept = {
        letter.reason: letter.origin.value
        async for raw in read_topics(topics, [DEAD_LETTERS])
        if (letter := from_record(raw)) is not None
    }
    assert kept["too_large"] == bad["too_large"]
    assert kept["not_json"] == bad["not_json"]
    # 7, 8 and 9 were refused with envelopes that can be read: dead, not missing; 10 is nobody's.
    ledger = one(url, f"SELECT dead::text FROM sequence_ledger WHERE subject = '{device}' AND topic = '{METRICS}'")
    assert ledger == "{[7,10)}"


async def test_kill_9_in_the_middle_changes_nothing(
    broker: Broker, topics: KafkaSettings, url: str, tmp_path: Path
) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    devices = [f"kill-{uuid4().hex[:6]}-{number}" for number in range(12)]
    events = [looked(n, device=d, values=(1.0,) * 20) for n in range(1, 151) for d in devices]
    again = chance.sample(events, 200)

    async def load() -> None:
        for start in range(0, len(events), 300):
            await write(topics, METRICS, events[start : start + 300])
            await asyncio.sleep(0.3)
        await write(topics, METRICS, again)

    environment = _small_batches(broker.bootstrap, url)
    command = (sys.executable, "-m", "cli.main", "sink", "timescale")
    loading = asyncio.create_task(load())
    count = "SELECT count(*) FROM events WHERE subject LIKE 'kill-%'"
    with (tmp_path / "sink.log").open("wb") as log:
        for _ in range(3):
            process = await asyncio.create_subprocess_exec(*command, env=environment, stderr=log)
            begun, before = time.monotonic(), one(url, count)
            while one(url, count) == before and time.monotonic() - begun < 25:
                await asyncio.sleep(0.02)
            await asyncio.sleep(chance.uniform(0, 0.4))
            process.send_signal(signal.SIGKILL)
            await process.wait()
        await loading
        process = await asyncio.create_subprocess_exec(*command, env=environment, stderr=log)
        try:
            await until(lambda: bool(one(url, count) == len(events)), within_s=40)
            ends = await _ends(topics)
            await until(lambda: _stored_up_to(url, ends), within_s=20)
            # Only then does it know what to do with a signal: it may have had nothing left to store.
            await until(lambda: (tmp_path / "sink.log").read_text().count('"storing"') == 4)
        finally:
            process.terminate()
            code = await asyncio.wait_for(process.wait(), 10)
    assert code == 0, (tmp_path / "sink.log").read_text()
    assert one(url, "SELECT count(DISTINCT id) FROM events WHERE subject LIKE 'kill-%'") == len(events)
    samples = "SELECT count(*) FROM metrics WHERE device_id LIKE 'kill-%'"
    assert one(url, samples) == 20 * len(events)
    assert rows(url, "SELECT * FROM sequence_holes WHERE subject LIKE 'kill-%'") == []
    assert one(url, "SELECT count(*) FROM dead_letters WHERE topic = 'infra.metrics' AND reason LIKE 'sql%'") == 0


def _small_batches(bootstrap: str, url: str) -> dict[str, str]:
    return {
        **os.environ,
        "INFRASTRUCTOR_KAFKA__BOOTSTRAP_SERVERS": bootstrap,
        "INFRASTRUCTOR_DATABASE__URL": url,
        "INFRASTRUCTOR_SINK__BATCH_ROWS": "1500",
        "INFRASTRUCTOR_SINK__BATCH_WINDOW_S": "0.1",
        "INFRASTRUCTOR_HTTP__ENABLED": "false",
        "INFRASTRUCTOR_KAFKA__SESSION_TIMEOUT_S": "6",
        "INFRASTRUCTOR_KAFKA__HEARTBEAT_S": "1",
    }


async def _ends(kafka: KafkaSettings) -> dict[int, int]:
    ends: dict[int, int] = {}
    async for raw in read_topics(kafka, [METRICS]):
        ends[raw.partition] = raw.offset + 1
    return ends


def _stored_up_to(url: str, ends: dict[int, int]) -> bool:
    stored = dict(rows(url, f"SELECT partition, next_offset FROM sink_offsets WHERE topic = '{METRICS}'"))
    return all(stored.get(partition) == end for partition, end in ends.items())


async def test_two_sinks_share_the_partitions_and_one_goes_on_alone(topics: KafkaSettings, url: str) -> None:
    devices = [f"pair-{uuid4().hex[:6]}-{number}" for number in range(10)]
    count = "SELECT count(*) FROM events WHERE subject LIKE 'pair-%'"
    async with running(topics, url) as (_, first):
        await write(topics, METRICS, [looked(n, device=d) for n in range(1, 21) for d in devices])
        async with running(topics, url) as (_, second):
            await write(topics, METRICS, [looked(n, device=d) for n in range(21, 61) for d in devices])
            await until(lambda: bool(one(url, count) == 600), task=second)
        await write(topics, METRICS, [looked(n, device=d) for n in range(61, 81) for d in devices])
        await until(lambda: bool(one(url, count) == 800), task=first)
    assert one(url, "SELECT count(DISTINCT id) FROM events WHERE subject LIKE 'pair-%'") == 800
    assert rows(url, "SELECT * FROM sequence_holes WHERE subject LIKE 'pair-%'") == []


async def test_waits_for_a_database_that_is_away_and_loses_nothing(
    topics: KafkaSettings, postgres: TestDatabase
) -> None:
    url = postgres.url
    schema.migrate(settings_of(url))
    device = f"wait-{uuid4().hex[:8]}"
    count = f"SELECT count(*) FROM events WHERE subject = '{device}'"
    async with running(topics, url) as (around, task):
        await write(topics, METRICS, [looked(n, device=device) for n in range(1, 11)])
        await until(lambda: bool(one(url, count) == 10), task=task)
        postgres.server.kill()
        await write(topics, METRICS, [looked(n, device=device) for n in range(11, 21)])
        await until(lambda: not around.readiness.ready, task=task)
        assert "database" in around.readiness.conditions["database"].why
        # In this thread: the server dies with the thread that started it.
        postgres.server.start()
        await until(lambda: bool(one(url, count) == 20), task=task)
        assert around.readiness.ready


async def test_waits_for_the_schema(topics: KafkaSettings, postgres: TestDatabase) -> None:
    async with running(topics, postgres.url) as (around, task):
        await until(lambda: "db migrate" in around.readiness.conditions.get("database", _NONE).why, task=task)
        await asyncio.to_thread(schema.migrate, settings_of(postgres.url))
        await until(lambda: around.readiness.ready, task=task)


class _Nothing:
    why = ""


_NONE = _Nothing()


async def test_a_refused_login_at_the_start_is_an_error_at_once(topics: KafkaSettings, url: str) -> None:
    login, _, place = url.partition("@")
    wrong = f"{login.rsplit(':', 1)[0]}:wrong@{place}"
    with pytest.raises(DatabaseRefused, match="refused"):
        async with running(topics, wrong) as (_, task):
            await asyncio.wait_for(asyncio.shield(task), 20)


async def test_a_row_the_database_refuses_is_dead_lettered_with_its_sqlstate(topics: KafkaSettings, url: str) -> None:
    device = f"pick-{uuid4().hex[:8]}"
    with psycopg.connect(url) as connection:
        connection.execute("ALTER TABLE events ADD CONSTRAINT picky CHECK (subject NOT LIKE 'pick-%' OR sequence <> 5)")
    await write(topics, METRICS, [looked(n, device=device) for n in range(1, 31)])
    letters = f"SELECT reason, kafka_offset FROM dead_letters WHERE convert_from(key, 'UTF8') = '{device}'"
    async with running(topics, url) as (_, task):
        await until(lambda: bool(rows(url, letters)), task=task)
    assert [reason for reason, _ in rows(url, letters)] == ["sqlstate_23514"]
    assert one(url, f"SELECT count(*) FROM events WHERE subject = '{device}'") == 29
    ledger = f"SELECT seen::text, dead::text FROM sequence_ledger WHERE subject = '{device}'"
    assert rows(url, ledger) == [("{[1,5),[6,31)}", "{[5,6)}")]


async def test_too_much_that_is_refused_stops_the_sink_with_its_offsets_left(topics: KafkaSettings, url: str) -> None:
    # More than one poll brings, for the log has other partitions, too, whose good records come between.
    await write_raw(topics, METRICS, [(b"poison", b"no json") for _ in range(300)])
    settings = SinkSettings(batch_window_s=0.2, refused_in_a_row=30)
    with pytest.raises(Poisoned, match="dead-letters list"):
        async with running(topics, url, settings=settings) as (_, task):
            await asyncio.wait_for(asyncio.shield(task), 60)


async def test_what_the_log_lost_before_it_was_read_is_a_gap(topics: KafkaSettings, url: str) -> None:
    device = f"lost-{uuid4().hex[:8]}"
    count = f"SELECT count(*) FROM events WHERE subject = '{device}'"
    settings = SinkSettings(batch_window_s=0.2, refused_in_a_row=10_000, refused_minimum=10_000)
    await write(topics, STATUS, [status_changed(n, device=device) for n in range(1, 6)])
    async with running(topics, url, settings=settings) as (_, task):
        await until(lambda: bool(one(url, count) == 5), task=task)
    where = rows(url, f"SELECT partition, max(kafka_offset) + 1 FROM events WHERE subject = '{device}' GROUP BY 1")
    partition, begin = where[0]
    await write(topics, STATUS, [status_changed(n, device=device) for n in range(6, 11)])
    admin = AIOKafkaAdminClient(bootstrap_servers=list(topics.bootstrap_servers))
    await admin.start()
    place = TopicPartition(STATUS, partition)
    await admin.delete_records({place: RecordsToDelete(before_offset=begin + 3)})
    await admin.close()
    gap = "SELECT counted_by, partition, first_missing, last_missing, reason FROM gaps WHERE topic = 'infra.status'"
    async with running(topics, url, settings=settings) as (_, task):
        await until(lambda: bool(one(url, count) == 7 and rows(url, gap)), task=task)
    assert rows(url, gap) == [("offset", partition, begin, begin + 2, "retention")]


async def test_a_partition_moved_by_another_is_left_and_taken_again_from_what_is_stored(
    topics: KafkaSettings, url: str
) -> None:
    device = f"moved-{uuid4().hex[:8]}"
    count = f"SELECT count(*) FROM events WHERE subject = '{device}'"
    settings = SinkSettings(batch_window_s=0.2, refused_in_a_row=10_000, refused_minimum=10_000)
    async with running(topics, url, settings=settings) as (_, task):
        await write(topics, METRICS, [looked(n, device=device) for n in range(1, 11)])
        await until(lambda: bool(one(url, count) == 10), task=task)
        # As a writer would that has taken over, or a database that was set back: the sink's knowledge is wrong now.
        # In a thread: it may wait for the transaction of the sink, which needs this one to go on.
        await asyncio.to_thread(_set_back, url)
        await write(topics, METRICS, [looked(n, device=device) for n in range(11, 21)])
        await until(lambda: bool(one(url, count) == 20), task=task)
    assert one(url, f"SELECT count(DISTINCT id) FROM events WHERE subject = '{device}'") == 20
    assert one(url, f"SELECT count(*) FROM metrics WHERE device_id = '{device}'") == 40


class _Overtaken(Writer):
    """A writer that finds, when it asks where to begin, that who had the partitions before has just stored more."""

    def __init__(self, kafka: KafkaSettings, url: str, events: Sequence[Envelope]) -> None:
        super().__init__(connecting(url))
        self._kafka, self._url, self._events = kafka, url, list(events)
        self.moved = asyncio.Event()
        self.skips = 0

    async def offsets(self, begins: Mapping[tuple[str, int], int]) -> dict[tuple[str, int], StoredOffset]:
        found = await super().offsets(begins)
        events, self._events = self._events, []
        if not events:
            return found
        await write(self._kafka, METRICS, events)
        moved = "UPDATE sink_offsets SET next_offset = %s WHERE topic = 'infra.metrics' AND partition = %s"
        with psycopg.connect(self._url) as connection:
            for partition, end in (await _ends(self._kafka)).items():
                connection.execute(moved, (end, partition))
        self.moved.set()
        return await super().offsets(begins)

    async def skip(self, owner: Owned, to: int) -> bool:
        self.skips += 1
        return await super().skip(owner, to)


async def test_what_was_stored_while_we_asked_where_to_begin_is_not_read_again(topics: KafkaSettings, url: str) -> None:
    device = f"over-{uuid4().hex[:8]}"
    count = f"SELECT count(*) FROM events WHERE subject = '{device}'"
    writer = _Overtaken(topics, url, [looked(n, device=device) for n in range(1, 6)])
    async with running(topics, url, writer=writer) as (_, task):
        await until(writer.moved.is_set, task=task)
        await write(topics, METRICS, [looked(n, device=device) for n in range(6, 11)])
        await until(lambda: bool(one(url, count) >= 5), task=task)
    assert (one(url, count), writer.skips) == (5, 0)


def _set_back(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE sink_offsets SET next_offset = first_offset WHERE topic = 'infra.metrics'")
