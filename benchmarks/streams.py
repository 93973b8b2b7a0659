"""Metric events of 50 samples a second: through the streams worker, through a bare Faust agent, by the fold alone.

50 rules are loaded, of which 3 match every device. The worker and the bare agent read the same topic from the real
broker, each from the beginning, as a process of its own; the fold has the same records in memory. What is compared:
the worker decodes, folds, writes states and waits for Kafka; the bare agent counts undecoded events in batches.
`python -m benchmarks.streams` prints the figures.
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
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from benchmarks.schemas import event
from deploy.local.broker import Broker
from deploy.local.ports import free_port
from runtime.kafka.admin import apply_topics
from runtime.kafka.catalog import load_catalog
from runtime.kafka.consumer import read_topics
from runtime.kafka.producer import KafkaProducer, Outgoing
from runtime.settings import KafkaSettings
from schemas.codec import encode
from schemas.identity import uuid7
from schemas.record import RawRecord, RecordReader
from schemas.registry import METRICS
from schemas.rules import RulesLoaded, RulesLoadedData
from streams.alerts.core import MetricAlerts
from streams.documents import document_hash, rules_id
from streams.fold import PartitionFold

DEVICES = 60
LOOKS = 250
RULES, MATCHING = 50, 3
DEADLINE_S = 60.0

BARE_AGENT = """
import sys, time, faust
app = faust.App("bare", broker="kafka://" + sys.argv[1], store="memory://", web_enabled=False,
                topic_allow_declare=False, topic_disable_leader=True, datadir=sys.argv[3])
topic = app.topic("infra.metrics", key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
seen, began = 0, None

@app.agent(topic)
async def count(stream):
    global seen, began
    async for events in stream.take_events(1000, within=0.1):
        began = began or time.perf_counter()
        first = first_of(events)
        seen += len(events)
        if seen >= int(sys.argv[2]):
            print((seen - first) / (time.perf_counter() - began), flush=True)
            import os; os._exit(0)

batch = []
def first_of(events):
    # The first batch arrives at the start of the clock: it is not counted.
    batch.append(len(events))
    return batch[0]

import asyncio, uvloop
async def main():
    await app.start()
    await asyncio.sleep(3600)
asyncio.Runner(loop_factory=uvloop.new_event_loop).run(main())
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """Events a second."""

    events: int
    fold: float
    fold_decoded: float
    bare_agent: float
    worker: float

    def lines(self) -> Iterator[str]:
        """The figures, for people."""
        yield f"streams: {self.events} metric events of 50 samples, {RULES} rules, {MATCHING} match a device; events/s"
        yield f"  fold alone, records decoded before       {self.fold:>9,.0f}"
        yield f"  decode and fold, without Faust           {self.fold_decoded:>9,.0f}"
        yield f"  bare Faust agent, undecoded, no state    {self.bare_agent:>9,.0f}"
        yield f"  worker: decoded, folded, states written  {self.worker:>9,.0f}"
        yield f"  worker to bare agent {self.worker / self.bare_agent:.2f}"
        yield f"  worker to decode and fold {self.worker / self.fold_decoded:.2f}"


def rules() -> dict[str, Any]:
    """Fifty rules, of which three read what every device sends."""
    matching = ["system.cpu.utilization", "system.disk.io", "system.network.io"]
    return {
        "revision": 1,
        "rules": [
            {
                "name": f"rule_{number}",
                "severity": "warning",
                "select": {
                    "metric": matching[number] if number < MATCHING else f"other.metric_{number}",
                    "labels": {"system.device": f"sd{4 * number + number}"},
                },
                "condition": {"kind": "above", "level": 1e12},
                "for": "5m",
                "annotations": {"summary": "{device}: {value}"},
            }
            for number in range(RULES)
        ],
    }


async def fill(settings: KafkaSettings) -> int:
    """Put rules into each partition, then the events; return how many records there are."""
    document = rules()
    digest = document_hash(document)
    producer = KafkaProducer(settings, "bench")
    partitions = load_catalog(settings).topic(METRICS).partitions
    now_ms = time.time_ns() // 1_000_000
    loaded = [
        RulesLoaded(
            id=rules_id("alert_rules", 1, digest, topic=METRICS, partition=partition),
            source="/streams/rules",
            subject=f"_partition-{partition}",
            time=event(0, 0).time,
            data=RulesLoadedData(kind="alert_rules", revision=1, hash=digest, document=document),
        )
        for partition in range(partitions)
    ]
    await producer.send(
        [Outgoing(METRICS, one.subject.encode(), encode(one), partition=n) for n, one in enumerate(loaded)]
    )
    for look in range(LOOKS):
        # Each look later than the one before: looks out of order are not judged.
        batch = [
            one.model_copy(update={"id": uuid7(now_ms), "time": one.time + timedelta(seconds=look)})
            for one in (event(device, look) for device in range(DEVICES))
        ]
        await producer.send([Outgoing(METRICS, one.subject.encode(), encode(one)) for one in batch])
    await producer.close()
    return DEVICES * LOOKS + partitions


def fold_figures(raws: list[RawRecord]) -> tuple[float, float]:
    """Events a second of the fold alone, and with decoding."""
    reader, derivation = RecordReader(), MetricAlerts()
    folds: dict[int, PartitionFold[Any, Any]] = {}
    began = time.perf_counter()
    records = [reader.read(raw) for raw in raws]
    decoded = time.perf_counter()
    for record in records:
        fold = folds.get(record.partition)
        if fold is None:
            fold = folds[record.partition] = PartitionFold(derivation, record.partition)
        fold.apply(record)
    ended = time.perf_counter()
    return len(raws) / (ended - decoded), len(raws) / (ended - began)


def bare_agent_figure(bootstrap: str, count: int, folder: Path) -> float:
    """Events a second of an agent that only counts."""
    script = folder / "bare_agent.py"
    script.write_text(BARE_AGENT)
    done = subprocess.run(
        [sys.executable, str(script), bootstrap, str(count), str(folder / "faust")],
        capture_output=True, check=True, timeout=DEADLINE_S, text=True,
    )  # fmt: skip
    return float(done.stdout.split()[-1])


def worker_figure(bootstrap: str, count: int, folder: Path) -> float:
    """Events a second of the real worker, by its own metrics, from its first batch to the last."""
    (folder / "rules.yaml").write_text(yaml.safe_dump(rules()))
    port = free_port()
    environment = os.environ | {
        "INFRASTRUCTOR_KAFKA__BOOTSTRAP_SERVERS": bootstrap,
        "INFRASTRUCTOR_HTTP__PORT": str(port),
        "INFRASTRUCTOR_STREAMS__RULES_FILE": str(folder / "rules.yaml"),
    }
    with (folder / "worker.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "cli.main", "streams"], env=environment, stderr=log)
        try:
            return _rate(port, count)
        finally:
            process.terminate()
            process.wait(15)


def _rate(port: int, count: int) -> float:
    deadline = time.monotonic() + DEADLINE_S
    first: tuple[float, float] | None = None
    while time.monotonic() < deadline:
        seen, now = _records(port), time.perf_counter()
        if seen and first is None:
            first = (now, seen)
        if first is not None and seen >= count:
            return (seen - first[1]) / (now - first[0])
        time.sleep(0.02)
    raise TimeoutError("the worker did not work off the events in time")


def _records(port: int) -> float:
    with contextlib.suppress(OSError):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2) as answer:
            text = answer.read().decode()
        found = re.search(r'streams_records_total\{derivation="alerts-metrics"\} (\S+)', text)
        return float(found[1]) if found else 0.0
    return 0.0


def measure() -> Figures:
    """All of them, one after the other, on one broker."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = Broker(folder / "kafka")
        broker.start()
        try:
            settings = KafkaSettings(bootstrap_servers=(broker.bootstrap,))
            asyncio.run(apply_topics(settings, load_catalog(settings)))
            count = asyncio.run(fill(settings))
            raws = asyncio.run(_all(settings))
            fold, fold_decoded = fold_figures(raws)
            bare = bare_agent_figure(broker.bootstrap, count, folder)
            worker = worker_figure(broker.bootstrap, count, folder)
            return Figures(count, fold, fold_decoded, bare, worker)
        finally:
            broker.stop()


async def _all(settings: KafkaSettings) -> list[RawRecord]:
    return [raw async for raw in read_topics(settings, [METRICS])]


def main() -> None:
    """Measure and print."""
    for line in measure().lines():
        print(line)


if __name__ == "__main__":
    main()
