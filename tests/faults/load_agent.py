"""A real agent whose devices are simulated: real spool, sender and observer, looks that cost nothing.

Every event that is committed to the spool is noted in the same transaction, by a trigger in the spool's own file, for
the oracle: what is noted was committed, and nothing else.
"""

import argparse
import json
import math
import sqlite3
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from collectors.agent import Agent, Parts
from collectors.compose import require_written_topics
from collectors.device import Device
from collectors.errors import CommandFailed
from collectors.link import Link
from collectors.look import Look, Observation, Told
from collectors.metrics import AgentMetrics
from collectors.observer import Observer
from collectors.request import Command, Request
from collectors.scheduler import Appointment, Scheduler
from collectors.sender import Sender
from collectors.settings import spool_path
from collectors.skew import SkewMeter
from collectors.spool.file import SpoolFile
from collectors.spool.limits import SpoolLimits
from collectors.spool.packing import plain
from collectors.spool.spool import Spool
from collectors.transport import Limits, Output
from runtime.clock import SystemClock
from runtime.health import Readiness
from runtime.kafka.producer import KafkaProducer
from runtime.log import configure_logging
from runtime.metrics import KafkaMetrics, new_registry
from runtime.process import Stop, run_process
from runtime.settings import KafkaSettings, LogSettings, load
from schemas.device import DeviceAttributes
from schemas.metric import MetricCollected, MetricCollectedData, Sample
from schemas.registry import METRICS

AGENT = "load"
SAMPLES = 5
WAVE_S = 12.0
"""Seconds of a wave of `load.value`: it crosses the rule's level twice in each."""

NOTE = """
CREATE TABLE IF NOT EXISTS noted (place INTEGER PRIMARY KEY, value BLOB NOT NULL);
CREATE TRIGGER IF NOT EXISTS note AFTER INSERT ON events
BEGIN INSERT INTO noted (place, value) VALUES (new.place, new.value); END;
"""


class SimulatedTransport:
    """A device that answers with a wave; some fail for a while, some are silent for a while."""

    def __init__(self, number: int) -> None:
        self._number = number

    async def fetch(self, request: Request, limits: Limits) -> Output:
        at = time.time()
        if self._number % 5 == 1 and int(at / 4) % 4 == 0:
            raise CommandFailed("the load says no", operation="fetch")
        wave = math.sin(2 * math.pi * (at / WAVE_S + self._number / 7))
        return Output(json.dumps([round(wave + index, 6) for index in range(SAMPLES)]), SAMPLES)

    async def close(self) -> None:
        return


def parse(text: str) -> list[float]:
    return [float(value) for value in json.loads(text)]


def tell(readings: list[float], before: list[float] | None, *, interval_s: float) -> Told:
    samples = tuple(
        Sample(name="load.value", value=value, unit="1", labels={"index": str(index)})
        for index, value in enumerate(readings)
    )
    data = MetricCollectedData(collector="load", interval_seconds=interval_s, samples=samples)
    return Told((Observation(MetricCollected, METRICS, data),), DeviceAttributes(hostname="load", agent=AGENT))


def committed(data_dir: Path) -> list[bytes]:
    """Every event that was committed to the spool, as it was to be sent."""
    with sqlite3.connect(spool_path(data_dir)) as connection:
        return [plain(row[0]) for row in connection.execute("SELECT value FROM noted ORDER BY place")]


def committed_count(data_dir: Path) -> int:
    """How many events were committed so far."""
    try:
        with sqlite3.connect(f"file:{spool_path(data_dir)}?mode=ro", uri=True) as connection:
            return int(connection.execute("SELECT count(*) FROM noted").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def build(arguments: argparse.Namespace) -> Parts:
    clock, registry, readiness, skew = (
        SystemClock(),
        new_registry(process="agent", version="test"),
        Readiness(),
        SkewMeter(),
    )
    kafka = load(KafkaSettings)
    metrics, link = AgentMetrics.on(registry), Link(readiness)
    spool = Spool(SpoolFile(spool_path(arguments.data), AGENT, clock, SpoolLimits()))
    with sqlite3.connect(spool_path(arguments.data)) as connection:
        connection.executescript(NOTE)
    producer = KafkaProducer(kafka, "load-agent")
    observer = Observer(
        spool, agent=AGENT, version="test", clock=clock, metrics=metrics, readiness=readiness, skew=skew
    )
    look: Look[list[float]] = Look(
        name="load",
        category="test",
        request=Command(("load",)),
        parse=parse,
        tell=partial(tell, interval_s=arguments.interval),
    )

    def appointment(number: int) -> Appointment:
        device = Device(f"sim-{number:03}", SimulatedTransport(number), arguments.interval)
        return Appointment(device.id, look.name, arguments.interval, run=partial(_look, observer, device, look, number))

    return Parts(
        device=AGENT,
        spool=spool,
        sender=Sender(spool, producer, clock=clock, link=link, metrics=KafkaMetrics.on(registry), skew=skew),
        producer=producer,
        scheduler=Scheduler(clock),
        appointments=[appointment(number) for number in range(arguments.devices)],
        clock=clock,
        metrics=metrics,
        readiness=readiness,
        skew=skew,
        prepare=partial(require_written_topics, kafka, link),
        flush_s=30,
    )


async def _look(observer: Observer, device: Device, look: Look[Any], number: int) -> None:
    # One in ten is switched off for 20 s of every 60: nobody looks at it, and it goes offline.
    if number % 10 == 3 and int(time.time() / 20) % 3 == 0:
        return
    await observer.look(device, look)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--devices", type=int, default=50)
    parser.add_argument("--interval", type=float, default=0.2)
    arguments = parser.parse_args()
    configure_logging(load(LogSettings), process="agent")

    async def run(stop: Stop) -> None:
        await Agent(build(arguments)).run(stop)

    return run_process(run, drain_s=40)


if __name__ == "__main__":
    sys.exit(main())
