"""The log read again into the live tables, on a real broker and a real PostgreSQL, while the live sink goes on."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from deploy.local.broker import Broker
from deploy.local.database import LocalPostgres
from runtime.kafka.consumer import read_topics
from runtime.settings import KafkaSettings
from schemas.registry import COLLECTIONS, METRICS, STATUS
from sinks.settings import SinkSettings
from sinks.timescale import schema
from sinks.timescale.service import TOPICS
from tests.conftest import cloned_database
from tests.integration.timescale_log import running, until, write, write_raw
from tests.integration.timescale_setup import collected, looked, one, registered, rows, settings_of, status_changed

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]

ROOT = Path(__file__).parents[2]
BOOKS = {
    *("sink_offsets", "sequence_ledger", "schema_version", "metric_series", "metric_conflicts", "retention"),
    *("rollups", "rollup_touched", "metric_samples_1m", "metric_samples_1h", "metric_samples_1d"),
}
"""Not of the log's making alone: offsets and ledger are the live sink's, series ids are given by the database, and
rollups follow from samples in their own time."""

Snapshot = dict[str, list[str]]


@pytest.fixture
def second(postgres_server: LocalPostgres) -> Iterator[str]:
    for database in cloned_database(postgres_server, template="empty"):
        schema.migrate(settings_of(database.url))
        yield database.url


def tables(url: str) -> list[str]:
    found = rows(url, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
                      " AND table_type = 'BASE TABLE' ORDER BY 1")  # fmt: skip
    return [name for (name,) in found if name not in BOOKS]


def snapshot(url: str) -> Snapshot:
    """Every row of every table as text; samples by what they measure, for ids are another database's own."""
    found = {
        name: [row for (row,) in rows(url, f"SELECT t::text FROM {name} t ORDER BY 1")]
        for name in tables(url)
        if name != "metric_samples"
    }
    found["metric_samples"] = [
        str(row) for row in rows(url, "SELECT device_id, name, labels, time, value FROM metrics ORDER BY 1, 2, 3, 4")
    ]
    return found


def emptied(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"TRUNCATE {', '.join(tables(url))}".encode())


async def load(kafka: KafkaSettings, *, devices: int = 4, looks: int = 60) -> None:
    """Events of several families, some of them twice, some of them bad."""
    names = [f"back-{uuid4().hex[:6]}-{number}" for number in range(devices)]
    events = [looked(n, device=d, values=(1.0, 2.0, 3.0)) for n in range(1, looks + 1) for d in names]
    await write(kafka, METRICS, events)
    await write(kafka, METRICS, events[-7:])
    await write_raw(kafka, METRICS, [(names[0].encode(), b"not json")])
    for name in names:
        await write(kafka, COLLECTIONS, [registered(1, device=name)])
        await write(kafka, COLLECTIONS, [collected(number, device=name) for number in range(2, 20)])
        await write(kafka, STATUS, [status_changed(1, device=name), status_changed(2, device=name, status="offline")])


async def stored_up_to_the_end(kafka: KafkaSettings, url: str) -> None:
    """Until the sink has stored all that is in the log, its own dead letters included."""

    async def ends() -> dict[tuple[str, int], int]:
        return {(raw.topic, raw.partition): raw.offset + 1 async for raw in read_topics(kafka, TOPICS)}

    def there(wanted: Mapping[tuple[str, int], int]) -> bool:
        found = {(t, p): at for t, p, at in rows(url, "SELECT topic, partition, next_offset FROM sink_offsets")}
        return all(found.get(place, 0) >= at for place, at in wanted.items())

    for _ in range(2):
        wanted = await ends()
        await until(lambda wanted=wanted: there(wanted))  # type: ignore[misc]


def environment(broker: Broker, url: str, folder: Path, **more: str) -> dict[str, str]:
    return {
        **os.environ,
        "INFRASTRUCTOR_KAFKA__BOOTSTRAP_SERVERS": broker.bootstrap,
        "INFRASTRUCTOR_DATABASE__URL": url,
        "INFRASTRUCTOR_DATA_DIR": str(folder),
        **more,
    }


async def backfill(env: dict[str, str], *options: str, code: int = 0) -> dict[str, Any]:
    """`replay backfill` to its end, in a process of its own."""
    command = (sys.executable, "-m", "cli.main", "replay", "backfill", "--from", "1d", "--json", *options)
    process = await asyncio.create_subprocess_exec(
        *command, env=env, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, said = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == code, (out.decode(), said.decode())
    found: dict[str, Any] = json.loads(out)
    return found


async def test_emptied_tables_get_back_what_they_had_while_the_sink_goes_on(
    broker: Broker, topics: KafkaSettings, url: str, second: str, tmp_path: Path
) -> None:
    await load(topics)
    env = environment(broker, url, tmp_path, INFRASTRUCTOR_SINK__BATCH_ROWS_BEHIND="300")
    async with running(topics, url, settings=SinkSettings(batch_window_s=0.2)):
        await stored_up_to_the_end(topics, url)
        before = snapshot(url)
        emptied(url)

        dry = await backfill(env, "--dry-run", code=1)
        assert {name: count for name, count in snapshot(url).items() if count} == {}
        more = asyncio.create_task(load(topics, devices=2, looks=100))
        done = await backfill(env, code=1)
        # What is not JSON was not stored by the live sink either, which has put it into the dead letters.
        assert done["refused"] == {"not_json": done["refused"]["not_json"]}
        assert done["changed"]["metric_samples"] >= len(before["metric_samples"])
        assert dry["changed"]["metric_samples"] == len(before["metric_samples"])
        await more
        await stored_up_to_the_end(topics, url)
        again = await backfill(env, code=1)
        assert again["changed"] == {}
        assert again["records"] >= done["records"]

    after = snapshot(url)
    assert {name: set(found) - set(after[name]) for name, found in before.items()} == {name: set() for name in before}
    async with running(topics, second):
        await stored_up_to_the_end(topics, second)
    live = snapshot(second)
    # It has put the same letters aside once more itself.
    assert len(live.pop("dead_letters")) == len(after.pop("dead_letters")) > 0
    assert live == after


async def test_a_killed_backfill_goes_on_where_it_was(
    broker: Broker, topics: KafkaSettings, url: str, tmp_path: Path
) -> None:
    await load(topics, devices=6, looks=300)
    async with running(topics, url):
        await stored_up_to_the_end(topics, url)
    before = snapshot(url)
    emptied(url)
    env = environment(broker, url, tmp_path, INFRASTRUCTOR_SINK__BATCH_ROWS_BEHIND="40")
    command = (sys.executable, "-m", "cli.main", "replay", "backfill", "--from", "1d")
    process = await asyncio.create_subprocess_exec(*command, env=env, cwd=ROOT, stdout=subprocess.DEVNULL)

    def begun() -> bool:
        return bool(one(url, "SELECT count(*) FROM events") > 300)

    await until(begun)
    process.send_signal(signal.SIGKILL)
    await process.wait()
    (file,) = (tmp_path / "replay").glob("*.json")
    far = json.loads(file.read_text())
    assert 0 < far["totals"]["stored"] < len(before["events"])
    assert one(url, "SELECT count(*) FROM events") < len(before["events"])

    done = await backfill(env, code=1)
    assert done["whole"]
    assert done["stored"] + done["repeated"] >= len(before["events"])
    assert not file.exists()
    assert snapshot(url) == before


async def test_only_what_is_asked_for_is_stored_again(
    broker: Broker, topics: KafkaSettings, url: str, tmp_path: Path
) -> None:
    device, other = (f"one-{uuid4().hex[:6]}" for _ in range(2))
    for name in (device, other):
        await write(topics, METRICS, [looked(number, device=name) for number in range(1, 4)])
        await write(topics, COLLECTIONS, [registered(1, device=name), collected(2, device=name)])
    async with running(topics, url):
        await stored_up_to_the_end(topics, url)
    emptied(url)
    env = environment(broker, url, tmp_path)
    assert (await backfill(env, "--device", device, "--topic", COLLECTIONS))["changed"] == {
        "collections": 1,
        "devices": 1,
        "events": 2,
    }
    kind = "infrastructor.metric.collected.v1"
    assert (await backfill(env, "--device", device, "--type", kind))["changed"] == {"events": 3, "metric_samples": 6}
    assert rows(url, "SELECT DISTINCT subject FROM events") == [(device,)]
    assert (await backfill(env, "--to", "1h"))["records"] == 0


async def test_a_row_that_the_database_refuses_is_named_and_its_neighbours_are_stored(
    broker: Broker, topics: KafkaSettings, url: str, tmp_path: Path
) -> None:
    device = f"picky-{uuid4().hex[:6]}"
    await write(topics, METRICS, [looked(number, device=device) for number in range(1, 9)])
    async with running(topics, url):
        await stored_up_to_the_end(topics, url)
    emptied(url)
    with psycopg.connect(url) as connection:
        connection.execute(f"ALTER TABLE events ADD CHECK (subject <> '{device}' OR sequence <> 5)".encode())
    done = await backfill(environment(broker, url, tmp_path), "--device", device, code=1)
    assert done["refused"] == {"sqlstate_23514": 1}
    assert "infra.metrics" in done["named"][0]
    assert rows(url, f"SELECT count(*) FROM events WHERE subject = '{device}'") == [(7,)]


async def test_ctrl_c_ends_it_with_what_is_done_kept(
    broker: Broker, topics: KafkaSettings, url: str, tmp_path: Path
) -> None:
    await load(topics, devices=4, looks=200)
    env = environment(broker, url, tmp_path, INFRASTRUCTOR_SINK__BATCH_ROWS_BEHIND="20")
    command = (sys.executable, "-m", "cli.main", "replay", "backfill", "--from", "1d")
    process = await asyncio.create_subprocess_exec(*command, env=env, cwd=ROOT, stdout=subprocess.PIPE)
    await until(lambda: bool(one(url, "SELECT count(*) FROM events") > 50))
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    out, _ = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 130, out.decode()
    assert b"goes on from here" in out
    assert (await backfill(env, code=1))["whole"]


@pytest.mark.timescaledb
async def test_continuous_aggregates_over_what_was_stored_again_are_refreshed(
    broker: Broker, topics: KafkaSettings, url: str, tmp_path: Path
) -> None:
    device = f"rolled-{uuid4().hex[:6]}"
    at = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=5)
    looks = [looked(n, device=device, time=at + timedelta(seconds=20 * n)) for n in range(1, 31)]
    await write(topics, METRICS, looks)
    async with running(topics, url):
        await stored_up_to_the_end(topics, url)
    emptied(url)
    done = await backfill(environment(broker, url, tmp_path), "--device", device)
    assert done["changed"]["metric_samples"] == 60
    # Without what would be computed as it is asked for: what is there was put there by the refresh.
    with psycopg.connect(url, autocommit=True) as connection:
        for rollup in ("metric_samples_1m", "metric_samples_1h"):
            connection.execute(f"ALTER MATERIALIZED VIEW {rollup} SET (timescaledb.materialized_only = true)".encode())
            assert one(url, f"SELECT sum(samples) FROM {rollup} JOIN metric_series s USING (series_id)"
                            f" WHERE s.device_id = '{device}'") == 60  # fmt: skip


async def test_a_connection_that_is_ended_is_made_anew_and_nothing_is_lost(
    broker: Broker, topics: KafkaSettings, url: str, tmp_path: Path
) -> None:
    await load(topics, devices=5, looks=200)
    async with running(topics, url):
        await stored_up_to_the_end(topics, url)
    before = snapshot(url)
    emptied(url)
    env = environment(broker, url, tmp_path, INFRASTRUCTOR_SINK__BATCH_ROWS_BEHIND="40")
    working = asyncio.create_task(backfill(env, code=1))
    ended, again = 0, time.monotonic()
    with psycopg.connect(url, autocommit=True) as connection:
        while not working.done():
            if time.monotonic() >= again and one(url, "SELECT count(*) FROM events") > 100 and ended < 3:
                ended += connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND application_name = 'infrastructor-sink-timescale'"
                ).rowcount
                again = time.monotonic() + 0.3
            await asyncio.sleep(0.01)
    assert ended >= 1
    assert (await working)["whole"]
    assert snapshot(url) == before
