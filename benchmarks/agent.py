"""The agent: events a second from spool to acknowledged, and its memory and processor time on this machine.

`python -m benchmarks.agent` prints them. Throughput is measured on a broker of its own, in rounds: a bare aiokafka
producer (idempotent, acks=all, zstd) sends the same bytes to the same topic, then the agent's spool and sender do.
Small events have 3 samples, those of a look 50; 50 devices.
"""

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil
from aiokafka import AIOKafkaProducer
from prometheus_client import CollectorRegistry

from collectors.link import Link
from collectors.sender import Sender
from collectors.skew import SkewMeter
from collectors.spool.draft import Commit, Draft
from collectors.spool.file import SpoolFile
from collectors.spool.limits import SpoolLimits
from collectors.spool.spool import Spool
from deploy.local.broker import Broker
from runtime.clock import SystemClock
from runtime.health import Readiness
from runtime.kafka.admin import apply_topics
from runtime.kafka.catalog import load_catalog
from runtime.kafka.options import producer_options
from runtime.kafka.producer import KafkaProducer
from runtime.log import configure_logging
from runtime.metrics import KafkaMetrics
from runtime.settings import KafkaSettings, LogSettings
from schemas.codec import encode
from schemas.identity import uuid7
from schemas.metric import MetricCollected, MetricCollectedData, Sample
from schemas.registry import METRICS

DEVICES = 50
ROUNDS = 3
SIZES = {"small (3 samples)": (3, 20_000), "a look (50 samples)": (50, 6_000)}
"""Samples an event, and events a round."""

NAMES = ("system.cpu.time", "system.disk.io", "system.network.io", "system.filesystem.usage")
WATCHED_S = 40.0
SETTLE_S = 8.0


@dataclass(frozen=True, slots=True)
class Rates:
    """Events a second of one round."""

    encode: float
    kept: float
    acknowledged: float
    bare: float


def samples_of(seed: int, *, count: int) -> tuple[Sample, ...]:
    """What one look sees; values differ from one seed to the next, as counters do."""
    return tuple(
        Sample(
            name=NAMES[index % 4],
            value=(seed * 7919 + index * 104_729) % 1_000_003 / 7,
            unit="By",
            labels={"system.device": f"sd{index}", "disk.io.direction": "read"},
        )
        for index in range(count)
    )


def drafts(samples: int, count: int) -> list[Draft]:
    clock = SystemClock()
    return [
        Draft(
            MetricCollected,
            METRICS,
            f"bench-{number % DEVICES}",
            id=uuid7(clock.now_ms()),
            time=clock.now(),
            collector="system",
            data=MetricCollectedData(
                collector="system",
                interval_seconds=10,
                samples=samples_of(number, count=samples),
            ),
        )
        for number in range(count)
    ]


async def one_round(settings: KafkaSettings, folder: Path, events: Sequence[Draft]) -> Rates:
    clock = SystemClock()
    spool = Spool(SpoolFile(folder / f"{uuid7(clock.now_ms())}.db", "bench", clock, SpoolLimits()))
    began = time.perf_counter()
    values = [
        (event.subject.encode(), encode(event.numbered(agent="bench", epoch=spool.epoch, sequence=number)))
        for number, event in enumerate(events, 1)
    ]
    encoded = time.perf_counter() - began
    bare = await bare_producer(settings, values)
    began = time.perf_counter()
    # As many looks at once as there are devices: they share transactions as they do in the agent.
    for start in range(0, len(events), DEVICES):
        await asyncio.gather(*(spool.commit(Commit((event,))) for event in events[start : start + DEVICES]))
    kept = time.perf_counter() - began
    acknowledged = await through_sender(settings, spool)
    await spool.close()
    count = len(events)
    return Rates(count / encoded, count / kept, count / acknowledged, count / bare)


async def through_sender(settings: KafkaSettings, spool: Spool) -> float:
    """Return the seconds from the first event taken out of the spool to the last acknowledged and deleted."""
    producer = KafkaProducer(settings, "bench-agent")
    await producer.start()
    sender = Sender(
        spool,
        producer,
        clock=SystemClock(),
        link=Link(Readiness()),
        metrics=KafkaMetrics.on(CollectorRegistry()),
        skew=SkewMeter(),
    )
    began = time.perf_counter()
    task = asyncio.create_task(sender.run())
    await sender.idle.wait()
    took = time.perf_counter() - began
    task.cancel()
    await asyncio.wait({task})
    await producer.close()
    return took


async def bare_producer(settings: KafkaSettings, values: Sequence[tuple[bytes, bytes]]) -> float:
    """Return the seconds that aiokafka alone needs, one `send` an event, all futures awaited."""
    producer = AIOKafkaProducer(**producer_options(settings, "bench-bare"))
    await producer.start()
    began = time.perf_counter()
    futures = [await producer.send(METRICS, value=value, key=key) for key, value in values]
    await asyncio.gather(*futures)
    took = time.perf_counter() - began
    await producer.stop()
    return took


def footprint(settings: KafkaSettings, folder: Path, *, seconds: float = WATCHED_S) -> tuple[float, float]:
    """Run the agent with all collectors on this machine, every 10 s; return MiB resident and its share of one core."""
    env = {
        **os.environ,
        "INFRASTRUCTOR_KAFKA__BOOTSTRAP_SERVERS": settings.servers,
        "INFRASTRUCTOR_DATA_DIR": str(folder / "agent"),
        "INFRASTRUCTOR_AGENT__INTERVAL_S": "10",
        "INFRASTRUCTOR_HTTP__PORT": "0",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "agent"], env=env, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    try:
        watched = psutil.Process(process.pid)
        time.sleep(SETTLE_S)
        before = watched.cpu_times()
        time.sleep(seconds)
        after = watched.cpu_times()
        spent = after.user + after.system - before.user - before.system
        if process.poll() is not None:
            raise SystemExit(f"the agent ended by itself with {process.returncode}")
        return watched.memory_info().rss / 2**20, spent / seconds
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=12)


async def throughput(settings: KafkaSettings, folder: Path) -> None:
    print("From spool to acknowledged, events a second (medians), and against a bare producer of the same bytes:")
    for name, (samples, count) in SIZES.items():
        events = drafts(samples, count)
        rounds = [await one_round(settings, folder, events) for _ in range(ROUNDS)]
        rates = {field: median(getattr(one, field) for one in rounds) for field in Rates.__slots__}
        ratio = median(one.acknowledged / one.bare for one in rounds)
        print(
            f"  {name:20} {rates['acknowledged']:>9,.0f}  bare {rates['bare']:>9,.0f}  ratio {ratio:.2f}"
            f"  (encoded {rates['encode']:,.0f}, kept on disk {rates['kept']:,.0f})"
        )


def main() -> None:
    """Measure and print."""
    configure_logging(LogSettings(level="error"), process="bench")
    with tempfile.TemporaryDirectory(prefix="bench-agent-") as made:
        folder = Path(made)
        broker = Broker(folder / "kafka")
        broker.start()
        try:
            settings = KafkaSettings(bootstrap_servers=(broker.bootstrap,))
            asyncio.run(apply_topics(settings, load_catalog(settings)))
            asyncio.run(throughput(settings, folder))
            resident, share = footprint(settings, folder)
            print(
                f"The agent on this machine, every 10 s, after {SETTLE_S + WATCHED_S:.0f} s: "
                f"{resident:.1f} MiB resident (goal 70), {share:.2%} of a core (goal 1.5%)"
            )
        finally:
            broker.stop()


if __name__ == "__main__":
    main()
