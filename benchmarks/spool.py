"""An outage of the broker caught up: how fast, when each device is current, and whether all stands in sequence.

`python -m benchmarks.spool [DEVICES [HOURS]]` prints it; 500 devices and 2 hours when not said otherwise. Each device
was looked at every 30 s: an event of 50 samples and the account of the look, kept through the spool as the agent does.
Then a broker is there, and the sender of the agent sends while looks go on. What is in Kafka afterwards is read and
counted.

In the same run a bare aiokafka producer (idempotent, acks=all, zstd) sends the first of the same events, before and
after. Filling, sending and bare sending are each in a process of their own, so that memory is that of the sender.
"""

import asyncio
import multiprocessing
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import TypeVar

import orjson
from aiokafka import AIOKafkaProducer
from prometheus_client import CollectorRegistry

from benchmarks.agent import samples_of
from collectors.link import Link
from collectors.sender import Sender
from collectors.skew import SkewMeter
from collectors.spool.draft import Commit, Draft
from collectors.spool.file import SpoolFile
from collectors.spool.limits import MIB, SpoolLimits
from collectors.spool.spool import Spool
from collectors.spool.store import SpoolCounts
from collectors.spool.streams import SEQUENCE_BITS
from deploy.local.broker import Broker
from runtime.clock import SystemClock
from runtime.health import Readiness
from runtime.kafka.admin import apply_topics
from runtime.kafka.catalog import load_catalog
from runtime.kafka.consumer import read_topics
from runtime.kafka.options import producer_options
from runtime.kafka.producer import KafkaProducer
from runtime.log import configure_logging
from runtime.metrics import KafkaMetrics
from runtime.settings import KafkaSettings, LogSettings
from schemas.collection import CollectionCompleted, CollectionCompletedData
from schemas.envelope import Envelope
from schemas.fields import Part
from schemas.identity import uuid7
from schemas.metric import MetricCollected, MetricCollectedData
from schemas.registry import COLLECTIONS, DEVICES, METRICS, OBSERVATIONS

COUNT, HOURS = 500, 2.0
INTERVAL_S = 30
SAMPLES = 50
VARIANTS = 128
"""Sets of values that the looks take in turn."""

BARE_TURNS = 20
BARE_TOPICS = {METRICS: OBSERVATIONS, COLLECTIONS: DEVICES}
"""Where the bare producer sends what belongs in another topic: as many partitions, and read by nobody here."""

CLIENT = "bench-spool"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Load:
    """The outage."""

    devices: int
    turns: int


@dataclass(frozen=True, slots=True)
class Filled:
    """The spool before the broker is back."""

    counts: SpoolCounts
    dropped: int
    seconds: float


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """How it was sent: from when (ms since 1970), seconds until nothing waited, events meanwhile added, MiB resident
    before and at most, processor seconds."""

    began_ms: int
    seconds: float
    added: int
    resident_before: float
    resident: float
    busy_s: float


@dataclass(slots=True)
class Stream:
    """What Kafka holds of one topic and subject; times in ms since 1970, `current_ms` when its backlog was there."""

    last: int = 0
    records: int = 0
    holes: int = 0
    steps_back: int = 0
    current_ms: int = 0


@dataclass(slots=True)
class Log:
    """All that was read from Kafka, by topic and subject."""

    streams: dict[tuple[str, str], Stream] = field(default_factory=dict)
    bytes: int = 0


def open_spool(path: Path) -> Spool:
    limits = SpoolLimits(max_bytes=4096 * MIB, max_metrics_age=timedelta(days=7))
    return Spool(SpoolFile(path, "bench", SystemClock(), limits))


class Looks:
    """Makes the events of looks; values differ from one look to the next, as counters do."""

    def __init__(self) -> None:
        self._metrics = [
            MetricCollectedData(
                collector="system",
                interval_seconds=INTERVAL_S,
                samples=samples_of(variant, count=SAMPLES),
            )
            for variant in range(VARIANTS)
        ]
        self._completed = CollectionCompletedData(
            collector="system",
            duration_seconds=0.0123,
            shortest_interval_seconds=INTERVAL_S,
            events=1,
            output_bytes=20_000,
            parents=("bench",),
        )

    def look(self, device: int, turn: int, at: datetime) -> Commit:
        """Return the events of one look."""
        run = uuid7(int(at.timestamp() * 1000))
        metrics = self._metrics[(device + turn) % VARIANTS]

        def draft(model: type[Envelope], topic: str, data: Part) -> Draft:
            return Draft(
                model,
                topic,
                f"h-{device}",
                id=uuid7(int(at.timestamp() * 1000)),
                time=at,
                collector="system",
                data=data,
                correlationid=run,
            )

        return Commit(
            (
                draft(MetricCollected, METRICS, metrics),
                draft(CollectionCompleted, COLLECTIONS, self._completed),
            )
        )


async def fill(path: Path, load: Load) -> Filled:
    """Keep what an outage leaves; all devices are looked at in one turn, and share commits as in the agent."""
    looks, spool = Looks(), open_spool(path)
    start = datetime.now(UTC) - timedelta(seconds=load.turns * INTERVAL_S)
    began = time.monotonic()
    for turn in range(load.turns):
        at = start + timedelta(seconds=turn * INTERVAL_S)
        await asyncio.gather(*(spool.commit(looks.look(device, turn, at)) for device in range(load.devices)))
    took = time.monotonic() - began
    counts, dropped = await spool.counts(), spool.dropped
    await spool.close()
    return Filled(counts, dropped, took)


async def catch_up(settings: KafkaSettings, path: Path, load: Load) -> CaughtUp:
    """Send all that the spool holds while looks go on; end when nothing waits."""
    looks, spool = Looks(), open_spool(path)
    producer = KafkaProducer(settings, CLIENT)
    await producer.start()
    sender = Sender(
        spool,
        producer,
        clock=SystemClock(),
        link=Link(Readiness()),
        metrics=KafkaMetrics.on(CollectorRegistry()),
        skew=SkewMeter(),
    )
    began_ms, began, busy = time.time_ns() // 1_000_000, time.monotonic(), time.process_time()
    before = resident()
    sending = asyncio.create_task(sender.run())
    going_on = asyncio.create_task(look_on(spool, looks, load))
    await sender.idle.wait()
    took, busy = time.monotonic() - began, time.process_time() - busy
    going_on.cancel()
    sending.cancel()
    await asyncio.wait({going_on, sending})
    added = sum(one.next - 1 - load.turns for one in spool._store._streams)
    await producer.close()
    await spool.close()
    return CaughtUp(began_ms, took, added, before, resident(), busy)


async def look_on(spool: Spool, looks: Looks, load: Load) -> None:
    """Go on looking at every device each 30 s, one after the other."""
    number = 0
    while True:
        turn, device = divmod(number, load.devices)
        await spool.commit(looks.look(device, load.turns + turn, datetime.now(UTC)))
        number += 1
        await asyncio.sleep(INTERVAL_S / load.devices)


def resident() -> float:
    """Return the most MiB that this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def bare(settings: KafkaSettings, path: Path) -> tuple[float, float]:
    """Return events and MiB a second of aiokafka alone, with the first events of each stream."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        topics = {number: (topic, subject.encode()) for number, topic, subject in db.execute(STREAMS)}
        found = db.execute(FIRST, {"mask": (1 << SEQUENCE_BITS) - 1, "turns": BARE_TURNS}).fetchall()
    records = [(BARE_TOPICS[topics[number][0]], topics[number][1], value) for number, value in found]
    producer = AIOKafkaProducer(**producer_options(settings, "bench-bare"))
    await producer.start()
    began = time.perf_counter()
    futures = [await producer.send(topic, value=value, key=key) for topic, key, value in records]
    await asyncio.gather(*futures)
    took = time.perf_counter() - began
    await producer.stop()
    return len(records) / took, sum(len(value) for _, _, value in records) / MIB / took


STREAMS = "SELECT id, topic, subject FROM streams"
FIRST = "SELECT place >> 32, value FROM events WHERE (place & :mask) <= :turns ORDER BY (place & :mask), place"


async def read(settings: KafkaSettings, load: Load) -> Log:
    """Read what is in Kafka; in a stream each number is to be the one after the last."""
    log = Log()
    async for raw in read_topics(settings, [METRICS, COLLECTIONS], client_id="bench-reader"):
        value = raw.value or b""
        event = orjson.loads(value)
        stream = log.streams.setdefault((raw.topic, event["subject"]), Stream())
        number = event["sequence"]
        stream.records += 1
        stream.holes += max(0, number - stream.last - 1)
        stream.steps_back += number <= stream.last
        stream.last = max(stream.last, number)
        if number == load.turns:
            stream.current_ms = raw.appended_ms
        log.bytes += len(value)
    return log


def apart(work: Callable[..., Awaitable[T]], *given: object) -> T:
    """Run it in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_run, work, given).result()


def _run(work: Callable[..., Awaitable[T]], given: tuple[object, ...]) -> T:
    configure_logging(LogSettings(level="error"), process="bench")

    async def main() -> T:
        return await work(*given)

    return asyncio.run(main())


def main(arguments: list[str]) -> int:
    """Run it; return 0 when nothing is missing and nothing out of sequence."""
    devices = int(arguments[0]) if arguments else COUNT
    hours = float(arguments[1]) if arguments[1:] else HOURS
    load = Load(devices, max(1, int(hours * 3600 / INTERVAL_S)))
    configure_logging(LogSettings(level="error"), process="bench")
    with tempfile.TemporaryDirectory(prefix="bench-spool-") as made:
        folder = Path(made)
        path = folder / "spool.db"
        filled = apart(fill, path, load)
        broker = Broker(folder / "kafka")
        broker.start()
        try:
            settings = KafkaSettings(bootstrap_servers=(broker.bootstrap,))
            asyncio.run(apply_topics(settings, load_catalog(settings)))
            # The second run of the bare one needs the events, too: they are read before the sender deletes them.
            copy = folder / "copy.db"
            first_of(path, copy)
            rates = [apart(bare, settings, copy)]
            caught_up = apart(catch_up, settings, path, load)
            rates.append(apart(bare, settings, copy))
            log = asyncio.run(read(settings, load))
        finally:
            broker.stop()
    return tell(load, filled, caught_up, log=log, rates=rates)


def first_of(path: Path, copy: Path) -> None:
    """Copy the first events of each stream into a file of their own."""
    with sqlite3.connect(copy) as db:
        db.execute("ATTACH ? AS spool", (str(path),))
        db.execute("CREATE TABLE streams AS SELECT id, topic, subject FROM spool.streams")
        db.execute("CREATE TABLE events (place INTEGER PRIMARY KEY, value BLOB NOT NULL)")
        limits = {"mask": (1 << SEQUENCE_BITS) - 1, "turns": BARE_TURNS}
        db.execute("INSERT INTO events SELECT place, value FROM spool.events WHERE (place & :mask) <= :turns", limits)
    db.close()


def tell(load: Load, filled: Filled, caught_up: CaughtUp, *, log: Log, rates: list[tuple[float, float]]) -> int:
    """Print the figures; return 1 when something is missing or out of sequence."""
    waited, events = filled.counts.events, sum(one.records for one in log.streams.values())
    print(
        f"{load.devices} devices, {load.turns} looks each: {waited} events waited, "
        f"{filled.counts.bytes / MIB:.0f} MiB on disk; kept at {waited / filled.seconds:.0f} events a second"
    )
    rate, speed = events / caught_up.seconds, log.bytes / MIB / caught_up.seconds
    bare_rate, bare_speed = (sum(one) / len(rates) for one in zip(*rates, strict=True))
    print(
        f"caught up in {caught_up.seconds:.1f} s: {rate:.0f} events a second, {speed:.0f} MiB/s, "
        f"{caught_up.added} of them looked meanwhile; processor {caught_up.busy_s / caught_up.seconds:.0%} of a core"
    )
    print(f"bare producer: {bare_rate:.0f} events a second, {bare_speed:.0f} MiB/s: ratio {rate / bare_rate:.2f}")
    current: dict[str, int] = {}
    for (_, subject), stream in log.streams.items():
        current[subject] = max(current.get(subject, 0), stream.current_ms)
    after = sorted((at - caught_up.began_ms) / 1000 for at in current.values())
    print(
        f"devices current after: the first {after[0]:.1f} s, the median {median(after):.1f} s, the last "
        f"{after[-1]:.1f} s; from first to last {after[-1] - after[0]:.1f} s"
    )
    lasting = sum(stream.last for stream in log.streams.values())
    holes, back = (sum(getattr(one, what) for one in log.streams.values()) for what in ("holes", "steps_back"))
    lost = waited + caught_up.added - lasting
    print(
        f"in Kafka: {len(log.streams)} streams, {holes} holes, {back} not newer than the one before, {lost} missing; "
        f"dropped {filled.dropped}"
    )
    print(f"memory of the sender at most {caught_up.resident:.0f} MiB ({caught_up.resident_before:.0f} before)")
    return int(bool(holes or back or lost or filled.dropped))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
