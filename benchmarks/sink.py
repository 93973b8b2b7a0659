"""Rows a second of the database sink, against a bare binary COPY of the same rows into the same table.

Both run in one go and take turns, on a database as it is shipped (fsync on): raw records as Kafka gives them (metric
events of 50 samples, `load.py`) through the whole sink to committed rows, ledger and offsets included, with the
settings it is shipped with; and a COPY of the same samples in the order they come, by psycopg's own row formatter, with
20,000 and with 100,000 rows a transaction. All find the series and the first two looks of each device in the tables
already: what a process does once is no part of its rate. Kafka's client is left out here, `growth.py` has it.

Run `python -m benchmarks.sink`; `--profile` tells where the sink's time goes.
"""

import argparse
import asyncio
import cProfile
import gc
import json
import pstats
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

import psycopg
import uvloop
from aiokafka import ConsumerRecord, TopicPartition
from prometheus_client import CollectorRegistry

from benchmarks.load import DEVICES, SAMPLES, Load, Row, first_met, load, rows, series_ids
from benchmarks.surroundings import Stack, server_busy_s, stack
from runtime.clock import SystemClock
from runtime.health import Readiness
from runtime.kafka.connect import Waiting
from runtime.kafka.producer import Acknowledged, Outgoing
from runtime.log import get_logger
from runtime.metrics import KafkaMetrics
from runtime.postgres import connect
from runtime.process import Stop
from runtime.settings import KafkaSettings, PostgresSettings
from schemas.registry import METRICS
from sinks.process import GC_THRESHOLD
from sinks.settings import SinkSettings
from sinks.surroundings import Surroundings
from sinks.timescale.batch import Owned
from sinks.timescale.limits import Limit
from sinks.timescale.metrics import SinkMetrics
from sinks.timescale.reader import LogReader
from sinks.timescale.service import TimescaleSink
from sinks.timescale.store import Store
from sinks.timescale.writer import Writer

WARM = 2 * DEVICES
"""Events before the clock starts."""

BARE = "COPY metric_samples (time, series_id, value) FROM STDIN (FORMAT BINARY)"
BARE_BATCHES = (20_000, 100_000)


@dataclass(frozen=True, slots=True)
class Timed:
    """One run: rows a second, and processor time a row in microseconds, of this process and of the server.

    The server's includes the warm-up and the checkpoint before, spread over all rows.
    """

    rate: float
    cpu_us: float
    server_us: float


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


Begun = tuple[float, float]
"""Wall and processor time when the clock started."""


async def through_the_sink(database: PostgresSettings, made: Load) -> Begun:
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
        feeds.append(Feed(made.records, around.stop, revoking))
        return feeds[-1]

    sink = TimescaleSink(
        KafkaSettings(),
        SinkSettings(),
        writer=writer,
        store=store,
        producer=producer,
        metrics=metrics,
        around=around,
        require=require,
        reader=feed,
    )
    await sink.run()
    return feeds[-1].begun or (0.0, 0.0)


def sink(database: PostgresSettings, made: Load) -> Begun:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(through_the_sink(database, made))


def bare_copy(url: str, found: Sequence[Row], batch_rows: int, *, warm: int = WARM * SAMPLES) -> Begun:
    """Binary COPY by psycopg, row by row, in the order the rows come; return when the warm-up was stored."""
    with psycopg.connect(url) as connection:
        if warm:
            _copy(connection, found[:warm])
        begun = (time.perf_counter(), time.process_time())
        for start in range(warm, len(found), batch_rows):
            _copy(connection, found[start : start + batch_rows])
    return begun


def _copy(connection: "psycopg.Connection[tuple[object, ...]]", rows: Sequence[Row]) -> None:
    with connection.cursor() as cursor, cursor.copy(BARE) as copy:
        copy.set_types(("timestamptz", "int8", "float8"))
        for row in rows:
            copy.write_row(row)
    connection.commit()


def emptied(url: str) -> None:
    """Only the series stay."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("TRUNCATE events, metric_samples, sequence_ledger, sink_offsets, rollup_touched")
        connection.execute("CHECKPOINT")


def stored(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM metric_samples").fetchone()
    return int(row[0]) if row else 0


def timed(server: Stack, rows: int, run: Callable[[], Begun]) -> Timed:
    """Rows a second of one run into emptied tables, the warm-up left out."""
    emptied(server.url)
    busy = server_busy_s(server)
    begun, cpu = run()
    took, cpu = time.perf_counter() - begun, time.process_time() - cpu
    busy = server_busy_s(server) - busy
    assert stored(server.url) == rows, "not every row was stored"
    counted = rows - WARM * SAMPLES
    return Timed(counted / took, cpu / counted * 1e6, busy / rows * 1e6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    made = load(options.events)
    with stack(kafka=False) as server:
        sink(server.database, first_met())
        found = rows(made.events, series_ids(server.url))
        # The load itself is no work of the sink's garbage collector.
        gc.collect()
        gc.freeze()
        gc.set_threshold(GC_THRESHOLD, 20, 100)
        if options.profile:
            profile = cProfile.Profile()
            timed(server, len(found), lambda: profile.runcall(sink, server.database, made))
            pstats.Stats(profile).sort_stats("tottime").print_stats(25)
            return
        print(json.dumps(measure(server, made, found, rounds=options.rounds)))


def measure(server: Stack, made: Load, found: list[Row], *, rounds: int) -> dict[str, object]:
    ours: list[Timed] = []
    theirs: dict[int, list[Timed]] = {size: [] for size in BARE_BATCHES}
    for _ in range(rounds):
        ours.append(timed(server, len(found), lambda: sink(server.database, made)))
        for size, runs in theirs.items():
            runs.append(timed(server, len(found), partial(bare_copy, server.url, found, size)))
    result: dict[str, object] = {"rows": len(found), "goal_ratio": 1.0, "sink": medians(ours)}
    for size, runs in theirs.items():
        ratio = statistics.median(a.rate / b.rate for a, b in zip(ours, runs, strict=True))
        result[f"bare_copy_by_{size}"] = medians(runs) | {"ratio": round(ratio, 2)}
    return result


def medians(runs: Sequence[Timed]) -> dict[str, object]:
    return {
        "rows_per_s": round(statistics.median(one.rate for one in runs)),
        "cpu_us_per_row": round(statistics.median(one.cpu_us for one in runs), 2),
        "server_cpu_us_per_row": round(statistics.median(one.server_us for one in runs), 2),
    }


if __name__ == "__main__":
    main()
