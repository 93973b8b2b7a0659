"""Rows a second of the database sink, against a bare binary COPY of the same rows into the same table.

Both run in one go and take turns, on an embedded PostgreSQL as it is shipped (fsync on): raw records as Kafka gives
them (metric events of 50 samples) through the whole sink to committed rows, ledger and offsets included; and a COPY of
the same samples in the order they come, by psycopg's own row formatter, as many rows a transaction. Both find the first
two looks of each device in the tables already: what a process does once is no part of its rate. Run
`python -m benchmarks.sink`; `--profile` tells where the sink's time goes.
"""

import argparse
import asyncio
import cProfile
import gc
import json
import pstats
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import psycopg
import uvloop
from aiokafka import ConsumerRecord, TopicPartition
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from deploy.local.database import LocalPostgres
from runtime.clock import SystemClock
from runtime.health import Readiness
from runtime.kafka.connect import Waiting
from runtime.kafka.producer import Acknowledged, Outgoing
from runtime.log import get_logger
from runtime.metrics import KafkaMetrics
from runtime.postgres import connect
from runtime.process import Stop
from runtime.settings import KafkaSettings, PostgresSettings
from schemas.codec import encode
from schemas.identity import agent_source, uuid7
from schemas.metric import MetricCollected, MetricCollectedData, Sample
from schemas.registry import METRICS
from sinks.process import GC_THRESHOLD
from sinks.settings import SinkSettings
from sinks.surroundings import Surroundings
from sinks.timescale import schema
from sinks.timescale.batch import Owned
from sinks.timescale.limits import Limit
from sinks.timescale.metrics import SinkMetrics
from sinks.timescale.reader import LogReader
from sinks.timescale.service import TimescaleSink
from sinks.timescale.store import Store
from sinks.timescale.writer import Writer

SAMPLES = 50
DEVICES = 200
WARM = 2 * DEVICES
"""Events before the clock starts."""

START = datetime(2026, 11, 1, tzinfo=UTC)
BARE = "COPY metric_samples (time, series_id, value) FROM STDIN (FORMAT BINARY)"
Row = tuple[datetime, int, float]


@dataclass(frozen=True, slots=True)
class Load:
    """The same looks as Kafka's records and as rows for the bare COPY."""

    records: list["ConsumerRecord[bytes, bytes]"]
    rows: list[Row]


def load(events: int) -> Load:
    """Looks of 200 devices, 10 s apart, 50 samples each."""
    records, rows = [], []
    epochs = [UUID(int=(7 << 76) | (2 << 62) | device) for device in range(DEVICES)]
    for number in range(events):
        turn, device = divmod(number, DEVICES)
        event = _look(f"host-{device}", epochs[device], turn)
        records.append(_record(event, number))
        rows += [(event.time, device * SAMPLES + at + 1, one.value) for at, one in enumerate(event.data.samples)]
    return Load(records, rows)


def _look(device: str, epoch: UUID, turn: int) -> MetricCollected:
    at = START + timedelta(seconds=10 * turn)
    samples = tuple(
        Sample(
            name="system.disk.io",
            value=float(turn * 1000 + number) + 0.5,
            unit="By",
            labels={"system.device": f"sd{number // 2}", "disk.io.direction": ("read", "write")[number % 2]},
        )
        for number in range(SAMPLES)
    )
    return MetricCollected(
        id=uuid7(int(at.timestamp() * 1000)),
        source=agent_source(device, epoch, "system"),
        subject=device,
        time=at,
        sequence=turn + 1,
        data=MetricCollectedData(collector="system", interval_seconds=10.0, samples=samples),
    )


def _record(event: MetricCollected, offset: int) -> "ConsumerRecord[bytes, bytes]":
    value = encode(event)
    appended_ms = int(event.time.timestamp() * 1000) + 40
    key = event.subject.encode()
    return ConsumerRecord(METRICS, 0, offset, appended_ms, 1, key, value, None, len(key), len(value), ())


@dataclass(frozen=True, slots=True)
class Timed:
    """One run: rows a second, and this process's CPU time a row in microseconds."""

    rate: float
    cpu_us: float


class Feed(LogReader):
    """The log in memory: one partition, handed out as quickly as it is asked for; asks to stop at its end."""

    def __init__(
        self, records: Sequence["ConsumerRecord[bytes, bytes]"], stop: Stop, revoking: Callable[[], Awaitable[None]]
    ) -> None:
        super().__init__(KafkaSettings(), [METRICS], revoking=revoking)
        self._records = records
        self._stop = stop
        self._at = 0
        self.begun: tuple[float, float] | None = None
        """Wall and CPU time when the warm-up was stored."""
        self.owned = {TopicPartition(METRICS, 0): Owned(METRICS, 0, known=0, ahead=0, first=0)}

    async def start(self, waiting: Waiting) -> None:
        pass

    async def poll(self, timeout_s: float, most: int) -> "list[tuple[Owned, Sequence[ConsumerRecord[bytes, bytes]]]]":
        (owner,) = self.owned.values()
        if self._at >= WARM and self.begun is None:
            if owner.known < WARM:
                await asyncio.sleep(0.005)
                return []
            self.begun = (time.perf_counter(), time.process_time())
        found = self._records[self._at : self._at + min(most, WARM - self._at if self.begun is None else most)]
        self._at += len(found)
        if not found:
            self._stop.ask("the end")
            return []
        return [(owner, found)]

    async def tell(self, *, now: bool = False) -> None:
        pass

    def lag(self) -> dict[TopicPartition, int]:
        return {}


class NoProducer:
    async def send(self, records: Sequence[Outgoing]) -> list[Acknowledged]:
        raise AssertionError(f"nothing is refused here: {records}")

    async def close(self) -> None:
        pass


async def through_the_sink(database: PostgresSettings, load: Load, batch_rows: int) -> tuple[float, float]:
    """The whole sink but Kafka's client; return when the warm-up was stored."""
    registry = CollectorRegistry()
    around = Surroundings(SystemClock(), Stop(), get_logger("bench"), Readiness(), KafkaMetrics.on(registry))
    metrics = SinkMetrics.on(registry)
    writer = Writer(lambda: connect(database, "benchmark"))
    await writer.offsets({(METRICS, 0): 0})
    producer = NoProducer()
    store = Store(writer, producer, around=around, metrics=metrics, limit=Limit(), explain=lambda _: None)

    async def require(_: Waiting) -> None:
        pass

    feeds: list[Feed] = []

    def feed(revoking: Callable[[], Awaitable[None]]) -> Feed:
        feeds.append(Feed(load.records, around.stop, revoking))
        return feeds[-1]

    sink = TimescaleSink(
        KafkaSettings(),
        SinkSettings(batch_rows=batch_rows),
        writer=writer,
        store=store,
        producer=producer,
        metrics=metrics,
        around=around,
        require=require,
        reader=feed,
    )
    await sink.run()
    begun = feeds[-1].begun
    assert begun is not None, "the load is no longer than the warm-up"
    return begun


def bare_copy(url: str, load: Load, batch_rows: int) -> tuple[float, float]:
    """Binary COPY by psycopg, row by row, in the order the rows come; return when the warm-up was stored."""
    with psycopg.connect(url) as connection:
        _copy(connection, load.rows[: WARM * SAMPLES])
        begun = (time.perf_counter(), time.process_time())
        for start in range(WARM * SAMPLES, len(load.rows), batch_rows):
            _copy(connection, load.rows[start : start + batch_rows])
    return begun


def _copy(connection: "psycopg.Connection[tuple[object, ...]]", rows: Sequence[Row]) -> None:
    with connection.cursor() as cursor, cursor.copy(BARE) as copy:
        copy.set_types(("timestamptz", "int8", "float8"))
        for row in rows:
            copy.write_row(row)
    connection.commit()


def emptied(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "TRUNCATE events, metric_samples, metric_series, sequence_ledger, sink_offsets RESTART IDENTITY"
        )
        connection.execute("CHECKPOINT")


def stored(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM metric_samples").fetchone()
    return int(row[0]) if row else 0


def timed(url: str, rows: int, run: Callable[[], tuple[float, float]]) -> Timed:
    """Rows a second of one run into emptied tables, the warm-up left out."""
    emptied(url)
    begun, cpu = run()
    took, cpu = time.perf_counter() - begun, time.process_time() - cpu
    assert stored(url) == rows, "not every row was stored"
    counted = rows - WARM * SAMPLES
    return Timed(counted / took, cpu / counted * 1e6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch-rows", type=int, default=20_000)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    made = load(options.events)
    # The load itself is no work of the sink's garbage collector.
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD, 20, 100)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        Path(folder).chmod(0o755)
        server = LocalPostgres(Path(folder) / "postgres")
        server.start()
        try:
            measure(server.url, made, options)
        finally:
            server.stop()


def measure(url: str, made: Load, options: argparse.Namespace) -> None:
    database = PostgresSettings(url=SecretStr(url))
    schema.migrate(database)

    def sink() -> tuple[float, float]:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(through_the_sink(database, made, options.batch_rows))

    def bare() -> tuple[float, float]:
        return bare_copy(url, made, options.batch_rows)

    if options.profile:
        profile = cProfile.Profile()
        timed(url, len(made.rows), lambda: profile.runcall(sink))
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)
        return
    ours: list[Timed] = []
    theirs: list[Timed] = []
    for _ in range(options.rounds):
        ours.append(timed(url, len(made.rows), sink))
        theirs.append(timed(url, len(made.rows), bare))
    result = {
        "rows": len(made.rows),
        "batch_rows": options.batch_rows,
        "sink_rows_per_s": round(statistics.median(one.rate for one in ours)),
        "bare_copy_rows_per_s": round(statistics.median(one.rate for one in theirs)),
        "ratio": round(statistics.median(a.rate / b.rate for a, b in zip(ours, theirs, strict=True)), 2),
        "goal": 0.6,
        "sink_cpu_us_per_row": round(statistics.median(one.cpu_us for one in ours), 2),
        "bare_copy_cpu_us_per_row": round(statistics.median(one.cpu_us for one in theirs), 2),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
