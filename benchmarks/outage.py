"""An outage of two hours, caught up by the streams worker: events a second, and what people are told of it.

500 devices were looked at every minute: 50 samples and the account of the look, which waited in the agents' spools. All
of it lies in Kafka, with event times two hours old up to now and `sent` now; then a worker is started, and its rate is
taken from its own metrics, from its first batch to the last record. Three rules of fifty match every device. Of one
device in ten something was wrong and is over, of one in fifty something still is. Then all devices are on time.
`python -m benchmarks.outage [DEVICES]` prints the figures, and fails when more of the past is told than one digest.
"""

import asyncio
import contextlib
import logging
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import yaml

from deploy.local.broker import Broker
from deploy.local.ports import free_port
from runtime.kafka.admin import apply_topics
from runtime.kafka.catalog import load_catalog
from runtime.kafka.consumer import read_topics
from runtime.kafka.producer import KafkaProducer, Outgoing
from runtime.settings import KafkaSettings
from schemas.codec import decode, encode
from schemas.collection import CollectionCompleted, CollectionCompletedData
from schemas.envelope import Envelope
from schemas.headers import event_headers
from schemas.identity import agent_source, uuid7
from schemas.metric import MetricCollected, MetricCollectedData, Sample
from schemas.notification import NotificationRequested
from schemas.registry import COLLECTIONS, METRICS, NOTIFICATIONS

EPOCH = UUID("0192f3a1-6c00-7a10-9f2e-5b1c3d4e5f60")
RULES, MATCHING = 50, 3
LEVEL, BAD, GOOD = 0.9, 0.97, 0.5
DEADLINE_S = 240.0


@dataclass(frozen=True, slots=True)
class Outage:
    """Looks that waited: so many of each device, `interval_s` apart, the last one just before `end`."""

    end: datetime
    devices: int = 500
    looks: int = 120
    interval_s: int = 60
    samples: int = 50

    @property
    def events(self) -> int:
        """Of both topics."""
        return 2 * self.devices * self.looks

    @property
    def over(self) -> list[str]:
        """The devices of which something was wrong that is over."""
        return [name(number) for number in range(0, self.devices, 10)]

    @property
    def holding(self) -> list[str]:
        """The devices of which something has been wrong since `since`."""
        return [name(number) for number in range(5, self.devices, 50)]

    @property
    def since(self) -> datetime:
        """The time of the first look at what still is wrong."""
        return self.end - timedelta(seconds=self.interval_s * (self.looks // 4))

    def turn(self, number: int) -> Iterator[Outgoing]:
        """All devices' looks of a turn: 0 is the oldest; from `looks` on they are on time."""
        late = number < self.looks
        at = self.end - timedelta(seconds=self.interval_s * (self.looks - number)) if late else datetime.now(UTC)
        for device in range(self.devices):
            yield from self._look(device, number, at)

    def _look(self, device: int, number: int, at: datetime) -> Iterator[Outgoing]:
        is_over = device % 10 == 0 and self.looks // 4 <= number < self.looks // 2
        holds = device % 50 == 5 and number >= self.looks - self.looks // 4
        for topic, template in self._templates():
            document = template | {
                "id": str(uuid7(int(at.timestamp() * 1000))),
                "subject": name(device),
                "time": at.isoformat().replace("+00:00", "Z"),
                "sequence": number + 1,
            }
            if topic == METRICS:
                first = template["data"]["samples"][0] | {"value": BAD if is_over or holds else GOOD}
                document["data"] = template["data"] | {"samples": [first, *template["data"]["samples"][1:]]}
            headers = tuple(event_headers(sent_ms=time.time_ns() // 1_000_000))
            yield Outgoing(topic, document["subject"].encode(), orjson.dumps(document), headers)

    def _templates(self) -> Iterable[tuple[str, dict[str, Any]]]:
        """By topic, an event of it."""
        if (self.interval_s, self.samples) not in _MADE:
            _MADE[self.interval_s, self.samples] = _made(self.interval_s, self.samples)
        return _MADE[self.interval_s, self.samples]


_MADE: dict[tuple[int, int], tuple[tuple[str, dict[str, Any]], ...]] = {}


def _made(interval_s: int, samples: int) -> tuple[tuple[str, dict[str, Any]], ...]:
    facts: dict[str, Any] = {
        "id": uuid7(0),
        "source": agent_source("outage", EPOCH, "load"),
        "subject": "a",
        "time": datetime.now(UTC),
        "sequence": 1,
    }
    values = tuple(
        Sample(name=f"load.value_{index % 4}", value=GOOD, unit="1", labels={"disk": f"sd{index}"})
        for index in range(samples)
    )
    look = MetricCollectedData(collector="load", interval_seconds=float(interval_s), samples=values)
    account = CollectionCompletedData(
        collector="load", duration_seconds=0.1, shortest_interval_seconds=float(interval_s)
    )
    return (
        (METRICS, orjson.loads(encode(MetricCollected(**facts, data=look)))),
        (COLLECTIONS, orjson.loads(encode(CollectionCompleted(**facts, data=account)))),
    )


def name(number: int) -> str:
    """A device."""
    return f"sim-{number:03}"


def rules() -> dict[str, Any]:
    """Fifty, of which three read what every device sends, and one of them finds something wrong."""
    found = []
    for number in range(RULES):
        metric = f"load.value_{number}" if number < MATCHING else f"other.value_{number}"
        select = {"metric": metric, "labels": {"disk": f"sd{number}"}}
        condition = {"kind": "above", "level": LEVEL if number == 0 else 1e9}
        texts = {"summary": "{device}: {value} since {since}"}
        found.append(
            {
                "name": f"rule_{number}",
                "severity": "warning",
                "select": select,
                "condition": condition,
                "annotations": texts,
            }
        )
    return {"revision": 1, "rules": found}


def policies() -> dict[str, Any]:
    """As shipped, with shorter waits, and each alert that holds in a message of its own."""
    route = {"name": "all", "receivers": ["gotify"], "group_wait": "1s", "group_interval": "1s"}
    section: dict[str, Any] = {
        "receivers": {"gotify": {}},
        "routes": [route],
        "burst": None,
        "backlog": {"settle": "4s"},
    }
    return {"revision": 1, "notifications": section}


@dataclass(frozen=True, slots=True)
class Told:
    """What was requested of the sink: digests and the devices in them, and by device how often it was told to hold."""

    digests: int
    past: int
    holding: Counter[str]
    others: Counter[str]

    def wrong(self, outage: Outage) -> list[str]:
        """What people should not have been told, or should have."""
        found = [] if self.digests == 1 else [f"{self.digests} digests of the past"]
        if self.past != len(outage.over):
            found.append(f"{self.past} alerts in the digest, {len(outage.over)} were over")
        if self.holding != Counter(outage.holding):
            found.append(f"told that something holds: {dict(self.holding)}")
        return found + [f"{count} x {kind}" for kind, count in self.others.items()]


def told(events: Iterable[Envelope]) -> Told:
    """What is told, from the events of infra.notifications."""
    digests = past = 0
    holding: Counter[str] = Counter()
    others: Counter[str] = Counter()
    for event in {event.id: event for event in events}.values():
        if not isinstance(event, NotificationRequested):
            continue
        if event.data.kind == "digest":
            digests, past = digests + 1, past + len(event.data.over_ids)
        elif event.data.kind == "raised" and len(event.data.alert_ids) == 1:
            holding[event.subject] += 1
        else:
            others[event.data.kind] += 1
    return Told(digests, past, holding, others)


class Worker:
    """The worker as a process that tells its metrics."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        (folder / "rules.yaml").write_text(yaml.safe_dump(rules()))
        (folder / "policies.yaml").write_text(yaml.safe_dump(policies()))
        self._log = folder / "worker.log"
        self._port = free_port()
        self._environment = os.environ | {
            "INFRASTRUCTOR_KAFKA__BOOTSTRAP_SERVERS": bootstrap,
            "INFRASTRUCTOR_HTTP__PORT": str(self._port),
            "INFRASTRUCTOR_STREAMS__RULES_FILE": str(folder / "rules.yaml"),
            "INFRASTRUCTOR_STREAMS__POLICIES_FILE": str(folder / "policies.yaml"),
            "INFRASTRUCTOR_STREAMS__TICK_S": "1",
        }

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Run it."""
        with self._log.open("ab") as log:
            argv = [sys.executable, "-m", "cli.main", "streams"]
            process = subprocess.Popen(argv, env=self._environment, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            process.wait(20)

    def records(self) -> float:
        """How many records of the two topics it has worked off; 0 before it answers."""
        with contextlib.suppress(OSError):
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/metrics", timeout=2) as answer:
                text = answer.read().decode()
            found = re.findall(r'streams_records_total\{derivation="(?:alerts-metrics|device_status)"\} (\S+)', text)
            return sum(map(float, found))
        return 0.0

    def rate(self, count: int) -> tuple[float, float]:
        """Events a second from the first batch on, until so many are worked off; and seconds for all."""
        first = self.until(1)
        began = time.perf_counter()
        seen = self.until(count)
        seconds = time.perf_counter() - began
        return (seen - first) / seconds, seconds

    def until(self, count: int) -> float:
        """Wait until so many records are worked off; return how many."""
        deadline = time.monotonic() + DEADLINE_S
        while (seen := self.records()) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"not worked off within {DEADLINE_S:g} s:\n{self._log.read_text()[-2000:]}")
            time.sleep(0.05)
        return seen


async def fill(settings: KafkaSettings, outage: Outage, turns: range) -> None:
    """Send some turns, each acknowledged before the next."""
    producer = KafkaProducer(settings, "bench")
    for number in turns:
        await producer.send(list(outage.turn(number)))
    await producer.close()


async def requested(settings: KafkaSettings) -> Told:
    """What is told so far."""
    values = [raw.value async for raw in read_topics(settings, [NOTIFICATIONS])]
    return told(decode(value) for value in values if value is not None)


def measure(devices: int) -> list[str]:
    """Print the figures; return what is wrong."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        broker = Broker(Path(folder) / "kafka")
        broker.start()
        try:
            return _measure(broker.bootstrap, Path(folder), devices)
        finally:
            broker.stop()


def _measure(bootstrap: str, folder: Path, devices: int) -> list[str]:
    settings, worker = KafkaSettings(bootstrap_servers=(bootstrap,)), Worker(bootstrap, folder)
    asyncio.run(apply_topics(settings, load_catalog(settings)))
    with worker.running():
        # Rules must stand in the log before what is judged by them: two kinds, in each partition.
        worker.until(2 * load_catalog(settings).topic(METRICS).partitions)
    outage = Outage(datetime.now(UTC), devices=devices)
    asyncio.run(fill(settings, outage, range(outage.looks)))
    with worker.running():
        rate, seconds = worker.rate(outage.events)
        found = _on_time(settings, outage)
    print(f"outage: {devices} devices, {outage.looks * outage.interval_s / 3600:g} h, {outage.events} events in Kafka")
    print(f"  caught up, events/s     {rate:>9,.0f}   in {seconds:.1f} s")
    print(f"  digests of the past     {found.digests:>9}   of {found.past} alerts that were over")
    print(f"  told that still hold    {sum(found.holding.values()):>9}   of {len(outage.holding)}")
    return found.wrong(outage)


def _on_time(settings: KafkaSettings, outage: Outage) -> Told:
    """All devices are on time again; wait until all is told, and a little longer for what should not be."""
    deadline, turn = time.monotonic() + 60, outage.looks
    while time.monotonic() < deadline:
        asyncio.run(fill(settings, outage, range(turn, turn + 1)))
        turn += 1
        if not asyncio.run(requested(settings)).wrong(outage):
            deadline = min(deadline, time.monotonic() + 3)
        time.sleep(1)
    return asyncio.run(requested(settings))


def main() -> int:
    """Measure and print."""
    wrong = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
    for one in wrong:
        print(f"wrong: {one}", file=sys.stderr)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
