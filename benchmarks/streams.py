"""Metric events of 50 samples a second: our worker, the batch shell, a bare Faust agent, and Quix Streams.

50 rules are loaded, of which 3 match every device. All read the same topic of a real broker from its beginning, each in
a process of its own, in turn, round after round; figures are medians. The worker and Quix fold the same, with state and
changelog; the batch shell is the same core as the worker's without Faust (from Kafka, and from records in memory, which
is the core and the reader alone); the bare agent counts undecoded records.

A round also tells processor time an event: where others use the machine too, one core's rate is better told by that
(1,000,000 µs / µs an event) than by the clock. `python -m benchmarks.streams` prints the figures; `--profile` where the
time of the batch shell goes.
"""

import argparse
import asyncio
import cProfile
import gc
import json
import multiprocessing
import pstats
import re
import statistics
import sys
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any

import uvloop
import yaml

from benchmarks.schemas import event
from benchmarks.surroundings import Stack, busy_s, peer, peers_there, running, stack, topics, until
from deploy.local.ports import free_port
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
from streams.batch import Deriver
from streams.documents import document_hash, rules_id

DEVICES = 60
RULES, MATCHING = 50, 3
DEADLINE_S = 180.0

Timed = tuple[float, float]
"""Events a second by the clock, and processor time an event in microseconds."""

GOALS = {"worker": 6_000, "batch shell": 20_000}


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


def loaded(partition: int) -> RulesLoaded:
    """The rules as an event of a partition."""
    document = rules()
    digest = document_hash(document)
    return RulesLoaded(
        id=rules_id("alert_rules", 1, digest, topic=METRICS, partition=partition),
        source="/streams/rules",
        subject=f"_partition-{partition}",
        time=event(0, 0).time,
        data=RulesLoadedData(kind="alert_rules", revision=1, hash=digest, document=document),
    )


async def fill(settings: KafkaSettings, looks: int) -> int:
    """Put rules into each partition, then the events; return how many records there are."""
    producer = KafkaProducer(settings, "bench")
    partitions = load_catalog(settings).topic(METRICS).partitions
    now_ms = time.time_ns() // 1_000_000
    own = [(n, loaded(n)) for n in range(partitions)]
    await producer.send([Outgoing(METRICS, one.subject.encode(), encode(one), partition=n) for n, one in own])
    for look in range(looks):
        # Each look later than the one before: looks out of order are not judged.
        batch = [
            one.model_copy(update={"id": uuid7(now_ms), "time": one.time + timedelta(seconds=look)})
            for one in (event(device, look) for device in range(DEVICES))
        ]
        await producer.send([Outgoing(METRICS, one.subject.encode(), encode(one)) for one in batch])
    await producer.close()
    return DEVICES * looks + partitions


async def raw_records(settings: KafkaSettings) -> list[RawRecord]:
    return [raw async for raw in read_topics(settings, [METRICS])]


def since(began: Timed, events: int) -> Timed:
    wall, busy = time.perf_counter() - began[0], time.process_time() - began[1]
    return events / wall, busy / events * 1e6


def shell_in_memory(settings: KafkaSettings) -> Timed:
    """The batch shell over records in memory."""
    raws = asyncio.run(raw_records(settings))
    gc.collect()
    # The records are the load: looking through them is no work of the shell's.
    gc.freeze()
    deriver = Deriver(MetricAlerts())
    began = (time.perf_counter(), time.process_time())
    for raw in raws:
        deriver.feed(raw)
    return since(began, len(raws))


def reader_in_memory(settings: KafkaSettings) -> Timed:
    """Reading and checking alone."""
    raws = asyncio.run(raw_records(settings))
    gc.collect()
    gc.freeze()
    reader = RecordReader()
    began = (time.perf_counter(), time.process_time())
    for raw in raws:
        reader.read(raw)
    return since(began, len(raws))


async def _shell_from_kafka(settings: KafkaSettings) -> Timed:
    deriver, began, count = Deriver(MetricAlerts()), (0.0, 0.0), 0
    async for raw in read_topics(settings, [METRICS]):
        if not count:
            began = (time.perf_counter(), time.process_time())
        deriver.feed(raw)
        count += 1
    return since(began, count)


def shell_from_kafka(settings: KafkaSettings) -> Timed:
    """The batch shell as replay runs it: one consumer, record by record."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_shell_from_kafka(settings))


def apart(work: Callable[[KafkaSettings], Timed], settings: KafkaSettings) -> Timed:
    """Run it in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, settings).result()


def bare_agent(made: Stack, count: int) -> Timed:
    """A Faust agent that only counts."""
    found = peer("bare_faust.py", made.bootstrap, str(count), interpreter=sys.executable)
    return (found["rate"], found["busy_us"]) if found else (0.0, 0.0)


def quix(made: Stack, count: int, name: str) -> dict[str, Any] | None:
    """The same fold in Quix Streams."""
    path = made.folder / "rules.json"
    path.write_text(json.dumps(rules()))
    partitions = load_catalog(made.kafka()).topic(METRICS).partitions
    state = made.folder / f"quix-{name}"
    return peer("quix_fold.py", made.bootstrap, str(count - partitions), str(path), str(state), f"quix-{name}")


def worker(made: Stack, settings: KafkaSettings, count: int) -> Timed:
    """The real worker, by its own metrics, from its first batch to the last, states stored."""
    path = made.folder / "rules.yaml"
    path.write_text(yaml.safe_dump(rules()))
    port = free_port()
    environment = made.environment | {
        "INFRASTRUCTOR_HTTP__ENABLED": "true",
        "INFRASTRUCTOR_HTTP__PORT": str(port),
        "INFRASTRUCTOR_KAFKA__TOPICS_FILE": str(settings.topics_file),
        "INFRASTRUCTOR_STREAMS__RULES_FILE": str(path),
    }
    with running("streams", environment=environment, log=made.folder / "worker.log") as process:
        first = until(lambda: _records(port), seconds=DEADLINE_S, why="the worker's first batch")
        began = (time.perf_counter(), busy_s(process))
        last = until(
            lambda: found if (found := _records(port)) >= count else 0.0, seconds=DEADLINE_S, why="the last event"
        )
        wall, busy = time.perf_counter() - began[0], busy_s(process) - began[1]
        return (last - first) / wall, busy / (last - first) * 1e6


def _records(port: int) -> float:
    with suppress(OSError):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2) as answer:
            text = answer.read().decode()
        found = re.search(r'streams_records_total\{derivation="alerts-metrics"\} (\S+)', text)
        return float(found[1]) if found else 0.0
    return 0.0


def measure(made: Stack, looks: int, rounds: int) -> Iterator[str]:
    """All of them in turn; the lines for people."""
    settings = topics(made, "bench-fill")
    count = asyncio.run(fill(settings, looks))
    yield f"streams: {count} metric events of 50 samples, {RULES} rules, {MATCHING} match a device; medians of {rounds}"
    found: dict[str, list[Timed]] = defaultdict(list)
    with_peers = peers_there()
    for number in range(rounds):
        found["read and check alone, in memory"].append(apart(reader_in_memory, settings))
        found["batch shell"].append(apart(shell_in_memory, settings))
        if with_peers and (theirs := quix(made, count, f"r{number}")) is not None:
            found["Quix Streams, the same fold"].append((theirs["rate"], theirs["busy_us"]))
        found["batch shell from Kafka"].append(apart(shell_from_kafka, settings))
        found["bare Faust agent, undecoded"].append(bare_agent(made, count))
        found["worker"].append(worker(made, topics(made, f"bench-{number}"), count))
    yield from lines(found)


def lines(found: dict[str, list[Timed]]) -> Iterator[str]:
    """The figures as a table, and what follows from them."""
    yield f"  {'':<34} {'events/s':>10} {'µs of a core':>13} {'a core':>9}"
    rate, busy = ({name: statistics.median(one[at] for one in runs) for name, runs in found.items()} for at in (0, 1))
    for name in found:
        goal = f"   goal {GOALS[name]:,}" if name in GOALS else ""
        yield f"  {name:<34} {rate[name]:>10,.0f} {busy[name]:>13,.1f} {1e6 / busy[name]:>9,.0f}{goal}"
    theirs = "Quix Streams, the same fold"
    if theirs in found:
        yield f"  batch shell / Quix, a core {busy[theirs] / busy['batch shell']:.2f} (goal 1)"
        yield f"  batch shell from Kafka / Quix, a core {busy[theirs] / busy['batch shell from Kafka']:.2f}"
        yield f"  worker / Quix, a core {busy[theirs] / busy['worker']:.2f}"
    yield "  where the time of an event goes, µs of a core:"
    read, shell = busy["read and check alone, in memory"], busy["batch shell"]
    kafka = busy["batch shell from Kafka"] - shell
    rest = busy["worker"] - shell
    yield f"    read and check {read:.0f}, fold {shell - read:.0f}; aiokafka's consumer {kafka:.0f} (batch shell)"
    yield f"    Faust, states, metrics around the same fold {rest:.0f} (worker); a bare Faust agent {busy[BARE]:.0f}"


BARE = "bare Faust agent, undecoded"


def profile(made: Stack, looks: int) -> None:
    """Where the time of the batch shell goes, by function."""
    settings = topics(made, "bench-fill")
    asyncio.run(fill(settings, looks))
    raws = asyncio.run(raw_records(settings))
    deriver, profiled = Deriver(MetricAlerts()), cProfile.Profile()
    profiled.runcall(lambda: [deriver.feed(raw) for raw in raws])
    pstats.Stats(profiled).strip_dirs().sort_stats("tottime").print_stats(20)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--looks", type=int, default=500, help=f"of each of {DEVICES} devices")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    with stack(database=False) as made:
        if options.profile:
            profile(made, options.looks)
            return
        for line in measure(made, options.looks, options.rounds):
            print(line, flush=True)


if __name__ == "__main__":
    main()
