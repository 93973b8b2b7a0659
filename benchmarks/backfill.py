"""Rows a second of a backfill, beside the live sink over the same log in the same run.

A real broker and an embedded PostgreSQL as they are shipped (fsync on); metric events of 50 samples in 12 partitions.
First the sink stores them; then the tables are emptied and a backfill stores them again; then another finds everything
there. Each is a process of its own; its rate is that between the first fifth and the last event it commits, so that
neither start nor rebalance counts. Run `python -m benchmarks.backfill`.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import psutil
import psycopg
from aiokafka import AIOKafkaProducer
from pydantic import SecretStr

from benchmarks.load import SAMPLES, load
from deploy.local.broker import Broker
from deploy.local.database import LocalPostgres
from runtime.kafka.admin import apply_topics
from runtime.kafka.catalog import load_catalog
from runtime.kafka.options import producer_options
from runtime.settings import KafkaSettings, PostgresSettings
from schemas.registry import METRICS
from sinks.timescale import schema

SKIPPED = 0.2
"""The share of the events before the clock starts."""

BACKFILL = ("replay", "backfill", "--from", "1d", "--topic", METRICS, "--json")


async def fill(kafka: KafkaSettings, events: int) -> None:
    """The load of the sink's benchmark into a real topic, each device in its partition."""
    await apply_topics(kafka, load_catalog(kafka))
    producer = AIOKafkaProducer(**producer_options(kafka, "benchmark"))
    await producer.start()
    try:
        sent = [await producer.send(METRICS, key=one.key, value=one.value) for one in load(events).records]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


def started(arguments: tuple[str, ...], environment: Mapping[str, str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "cli.main", *arguments],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def timed(url: str, process: "subprocess.Popen[str]", events: int) -> tuple[float, float]:
    """Rows a second until all events are there, and the most memory of the process in MB."""
    first: tuple[float, int] | None = None
    most = 0
    deadline = time.monotonic() + 120
    with psycopg.connect(url, autocommit=True) as connection:
        while True:
            row = connection.execute("SELECT count(*) FROM events").fetchone()
            there, now = int(row[0]) if row else 0, time.perf_counter()
            if process.poll() is None:
                most = max(most, psutil.Process(process.pid).memory_info().rss)
            if first is None and there >= SKIPPED * events:
                first = (now, there)
            if there >= events:
                break
            if time.monotonic() > deadline or (process.poll() is not None and process.returncode):
                raise SystemExit(f"{there} of {events} events were stored, exit code {process.poll()}")
            time.sleep(0.02)
    assert first is not None
    return (events - first[1]) * SAMPLES / max(now - first[0], 1e-6), most / 1e6


def measure(url: str, environment: Mapping[str, str], events: int) -> dict[str, object]:
    sink = started(("sink", "timescale"), environment)
    live, live_mb = timed(url, sink, events)
    sink.terminate()
    sink.wait(15)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("TRUNCATE events, metric_samples")
        connection.execute("CHECKPOINT")
    again = started(BACKFILL, environment)
    restored, restored_mb = timed(url, again, events)
    told = json.loads(again.communicate(timeout=30)[0])
    begun = time.perf_counter()
    third = json.loads(started(BACKFILL, environment).communicate(timeout=120)[0])
    took = time.perf_counter() - begun
    assert told["changed"]["metric_samples"] == events * SAMPLES
    assert third["changed"] == {}, third
    return {
        "rows": events * SAMPLES,
        "live_rows_per_s": round(live),
        "backfill_rows_per_s": round(restored),
        "ratio": round(restored / live, 2),
        "goal": 1.0,
        "nothing_new_rows_per_s_with_start": round(events * SAMPLES / took),
        "live_mb": round(live_mb),
        "backfill_mb": round(restored_mb),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        Path(folder).chmod(0o755)
        server, broker = LocalPostgres(Path(folder) / "postgres"), Broker(Path(folder) / "kafka")
        server.start()
        try:
            broker.start()
            try:
                kafka = KafkaSettings(bootstrap_servers=(broker.bootstrap,))
                asyncio.run(fill(kafka, options.events))
                schema.migrate(PostgresSettings(url=SecretStr(server.url)))
                environment = {
                    "INFRASTRUCTOR_KAFKA__BOOTSTRAP_SERVERS": broker.bootstrap,
                    "INFRASTRUCTOR_DATABASE__URL": server.url,
                    "INFRASTRUCTOR_DATA_DIR": str(Path(folder) / "data"),
                    "INFRASTRUCTOR_HTTP__ENABLED": "false",
                    "INFRASTRUCTOR_LOG__LEVEL": "error",
                }
                print(json.dumps(measure(server.url, environment, options.events)))
            finally:
                broker.stop()
        finally:
            server.stop()


if __name__ == "__main__":
    main()
