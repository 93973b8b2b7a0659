"""From Kafka to committed rows: how the sink grows with partitions and processes, beside COPY and Quix Streams.

A real broker and a database as they are shipped (fsync on), metric events of 50 samples (`load.py`), our sink as users
start it. For each number of partitions a broker of its own is filled once; then so many processes share them. The
clock runs from when the group has settled and the first rows are there until the last commit. In the same run and into
the same tables: a bare binary COPY of the same rows, in the order they come; and Quix Streams' PostgreSQL sink from the
same topic, a part of the events. Everything, server and broker too, shares the cores of this machine: with two of them,
two processes of the sink and their server connections have no core each.

`python -m benchmarks.growth` prints a line for each.
"""

import argparse
import asyncio
import gc
import json
import os
import time
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from typing import Any

import psycopg
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from benchmarks.load import SAMPLES, Load, Row, first_met, load, rows, series_ids
from benchmarks.sink import BARE_BATCHES, bare_copy, emptied, sink
from benchmarks.surroundings import Stack, busy_s, peer, peers_there, resident_mb, running, stack, topics, until
from runtime.kafka.options import producer_options
from runtime.settings import KafkaSettings
from schemas.registry import METRICS
from sinks.timescale.reader import GROUP

SETUPS = ((1, 1), (2, 1), (2, 2), (4, 1), (4, 2), (4, 4), (12, 1))
"""Partitions, and processes that share them."""

GOAL_MB = 250
DEADLINE_S = 300.0


@dataclass(frozen=True, slots=True)
class Rate:
    """Rows a second, processor time a row of all sink processes in microseconds, most memory of one of them in MB."""

    rate: float
    busy_us: float
    mb: float


async def fill(kafka: KafkaSettings, made: Load) -> None:
    """The load into the topic, each device in its partition."""
    producer = AIOKafkaProducer(**producer_options(kafka, "benchmark"))
    await producer.start()
    try:
        sent = [await producer.send(METRICS, key=one.key, value=one.value) for one in made.records]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


async def members(kafka: KafkaSettings) -> int:
    """How many members the settled group of the sink has; 0 while it is not settled."""
    admin = AIOKafkaAdminClient(bootstrap_servers=list(kafka.bootstrap_servers))
    await admin.start()
    try:
        answers: list[Any] = await admin.describe_consumer_groups([GROUP])
        (group,) = answers[0].groups
        return len(group[5]) if group[2] == "Stable" else 0
    except KafkaError:
        # The broker's first group: its own topic is just being made.
        return 0
    finally:
        await admin.close()


def committed(connection: "psycopg.Connection[Any]") -> int:
    """How many events of the topic are stored: offsets are committed with their rows."""
    row = connection.execute(
        "SELECT coalesce(sum(next_offset), 0) FROM sink_offsets WHERE topic = %s", [METRICS]
    ).fetchone()
    return int(row[0]) if row else 0


def through_processes(made: Stack, kafka: KafkaSettings, events: int, *, processes: int) -> Rate:
    """So many sink processes until everything is stored."""
    environment = made.environment | {"INFRASTRUCTOR_KAFKA__TOPICS_FILE": str(kafka.topics_file)}
    with psycopg.connect(made.url, autocommit=True) as connection, ExitStack() as after:
        started = [
            after.enter_context(running("sink", "timescale", environment=environment, log=made.folder / "sink.log"))
            for _ in range(processes)
        ]
        until(lambda: asyncio.run(members(kafka)) == processes, seconds=60, every=0.1, why="a settled group")
        until(lambda: committed(connection), seconds=60, every=0.005, why="the first commit")
        first, begun, busy = committed(connection), time.perf_counter(), sum(map(busy_s, started))
        most, there = 0.0, 0
        while there < events:
            there = committed(connection)
            most = max(most, *map(resident_mb, started))
            if time.perf_counter() - begun > DEADLINE_S:
                raise TimeoutError(f"{there} of {events} events were stored")
            time.sleep(0.02)
        took, busy = time.perf_counter() - begun, sum(map(busy_s, started)) - busy
    counted = (events - first) * SAMPLES
    return Rate(counted / took, busy / max(counted, 1) * 1e6, most)


def bare(made: Stack, found: list[Row], size: int) -> float:
    """Rows a second of a bare COPY."""
    emptied(made.url)
    begun, _ = bare_copy(made.url, found, size, warm=0)
    return len(found) / (time.perf_counter() - begun)


def quix(made: Stack, events: int) -> None:
    """The same through Quix Streams, as many events as take some seconds; print it."""
    with psycopg.connect(made.url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS quix_samples (LIKE metric_samples INCLUDING ALL)")
    path = made.folder / "series.json"
    path.write_text(json.dumps({"|".join(key): number for key, number in series_ids(made.url).items()}))
    found = peer("quix_postgres.py", made.bootstrap, str(events), made.url, str(path), "quix-sink")
    if found is not None:
        print(
            f"  {'Quix Streams PostgreSQL sink':<32}{found['rate']:>10,.0f} rows/s"
            f"{found['busy_us']:>8.2f} µs of a core a row {found['mb']:>6.0f} MB",
            flush=True,
        )


def measure(partitions: int, processes: list[int], made: Load, *, rounds: int) -> None:
    """One broker with so many partitions: COPY and the sink with each number of processes in turn; print medians."""
    with stack() as server:
        kafka = topics(server, f"bench-{partitions}", partitions=partitions)
        asyncio.run(fill(kafka, made))
        sink(server.database, first_met())
        found = rows(made.events, series_ids(server.url))
        copies: dict[int, list[float]] = {size: [] for size in BARE_BATCHES}
        ours: dict[int, list[Rate]] = {number: [] for number in processes}
        for _ in range(rounds):
            for size, rates in copies.items():
                rates.append(bare(server, found, size))
            for number, runs in ours.items():
                emptied(server.url)
                runs.append(through_processes(server, kafka, len(made.records), processes=number))
        for number, runs in ours.items():
            tell(f"{partitions} partitions, {number} processes", runs, copies)
        for size, rates in copies.items():
            print(f"  {f'bare COPY by {size:,}':<32}{median(rates):>10,.0f} rows/s", flush=True)
        if partitions == max(SETUPS)[0] and peers_there():
            quix(server, min(len(made.records), 4_000))


def tell(name: str, runs: list[Rate], copies: dict[int, list[float]]) -> None:
    """Print the medians of one setup; ratios are those of the same round."""
    beside = ", ".join(
        f"{median(one.rate / rate for one, rate in zip(runs, rates, strict=True)):.2f} of COPY by {size:,}"
        for size, rates in copies.items()
    )
    rate, busy, most = (median(one.rate for one in runs), median(one.busy_us for one in runs), max(r.mb for r in runs))
    print(f"  {name:<32}{rate:>10,.0f} rows/s{busy:>8.2f} µs of a core a row {most:>6.0f} MB   {beside}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=30_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--partitions", type=int, nargs="*", help="of those measured, these only")
    options = parser.parse_args()
    made = load(options.events)
    gc.collect()
    gc.freeze()
    print(
        f"growth: {options.events * SAMPLES:,} samples from Kafka to committed, {os.cpu_count()} cores shared by all;"
        f" goals: 1.0 of COPY, {GOAL_MB} MB"
    )
    for partitions in sorted({one for one, _ in SETUPS}):
        if not options.partitions or partitions in options.partitions:
            measure(partitions, [number for one, number in SETUPS if one == partitions], made, rounds=options.rounds)


if __name__ == "__main__":
    main()
