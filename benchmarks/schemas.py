"""Encode and decode a second, for a metric event of 50 samples (about 5.5 kB); and what importing the schemas costs.

The ways are run in turn, round after round, so that a change of the machine's pace meets all of them alike; the figures
are medians. `python -m benchmarks.schemas` prints them.
"""

import gc
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from statistics import median
from typing import Any
from uuid import UUID

import orjson

from schemas.codec import decode, decode_metric, encode
from schemas.fields import parse_time
from schemas.identity import agent_source, uuid7
from schemas.metric import MetricCollected, MetricCollectedData, Sample
from schemas.metric_look import MetricReader
from schemas.record import RawRecord, RecordReader

SAMPLES = 50
DEVICES = 200
ROUNDS = 9
SECONDS = 0.08
"""How long each way runs in each round."""

EPOCH = UUID("0192f3a1-6c00-7a10-9f2e-5b1c3d4e5f60")
TIME_MS = 1_795_226_400_000
IMPORTS = {
    "bare pydantic": "from pydantic import BaseModel, TypeAdapter, Field",
    "schemas.registry": "import schemas.registry",
    "schemas.record": "import schemas.record",
    "schemas.record, models built": "import schemas.codec as c, schemas.record; c._adapter()",
}


@dataclass(frozen=True, slots=True)
class Way:
    """A way of handling events, and the step that handles the next one."""

    name: str
    step: Callable[[], object]


def samples(device: int, look: int) -> list[dict[str, Any]]:
    """Fifty samples as the system collector makes them; values differ from look to look."""
    names = ["system.cpu.utilization", "system.disk.io", "system.network.io", "system.filesystem.usage"]
    return [
        {
            "name": names[index % 4],
            "value": ((device * 7919 + look * 104_729 + index * 31) % 1_000_003) / 7,
            "unit": "By",
            "labels": {"system.device": f"sd{index}"},
        }
        for index in range(SAMPLES)
    ]


def event(device: int, look: int) -> MetricCollected:
    """One look at one device."""
    return MetricCollected(
        id=uuid7(TIME_MS),
        source=agent_source("bench", EPOCH, "system"),
        subject=f"device-{device}",
        time=parse_time("2026-11-21T02:00:00Z"),
        sequence=look + 1,
        data=MetricCollectedData(
            collector="system",
            interval_seconds=10.0,
            samples=tuple(Sample(**sample) for sample in samples(device, look)),
        ),
    )


def ways() -> list[Way]:
    """What is compared. Reading goes over ten looks at each of 200 devices, as a consumer sees them."""
    events = [event(device, look) for look in range(10) for device in range(DEVICES)]
    values = [encode(each) for each in events]
    raws = [
        RawRecord("infra.metrics", 0, offset, TIME_MS, each.subject.encode(), value)
        for offset, (each, value) in enumerate(zip(events, values, strict=True))
    ]
    documents = [orjson.loads(value) for value in values]
    warm, records = MetricReader(), RecordReader()
    texts, texts_too, texts_cold, texts_model = (cycle(values) for _ in range(4))
    places, objects, dumped, numbers = cycle(raws), cycle(events), cycle(documents), cycle(range(len(values)))
    return [
        Way("read: orjson alone", lambda: orjson.loads(next(texts))),
        Way("read: pydantic, decode", lambda: decode(next(texts_model))),
        Way("read: in place, decode_metric", lambda: decode_metric(next(texts_too), warm)),
        Way("read: in place, each shape new", lambda: decode_metric(next(texts_cold), MetricReader())),
        Way("read: RecordReader, key and time checked", lambda: records.read(next(places))),
        Way("write: orjson alone", lambda: orjson.dumps(next(dumped))),
        Way("write: encode", lambda: encode(next(objects))),
        Way("write: build and encode", lambda: encode(event(next(numbers) % DEVICES, 1))),
    ]


def rates(compared: list[Way]) -> Iterator[tuple[Way, float]]:
    """Each way with its median of events a second."""
    found: dict[str, list[float]] = {way.name: [] for way in compared}
    for _ in range(ROUNDS):
        for way in compared:
            found[way.name].append(_rate(way.step))
    for way in compared:
        yield way, median(found[way.name])


def _rate(step: Callable[[], object]) -> float:
    gc.collect()
    begun = time.perf_counter()
    done = 0
    while (spent := time.perf_counter() - begun) < SECONDS:
        for _ in range(100):
            step()
        done += 100
    return done / spent


def import_cost(code: str) -> tuple[float, float]:
    """Resident MiB and seconds of a fresh interpreter that runs `code`; medians of three."""
    probe = f"{code}\nprint(next(l for l in open('/proc/self/status') if l.startswith('VmRSS')).split()[1])"
    sizes, times = [], []
    for _ in range(3):
        begun = time.perf_counter()
        sizes.append(int(subprocess.check_output([sys.executable, "-c", probe])) / 1024)
        times.append(time.perf_counter() - begun)
    return median(sizes), median(times)


def main() -> None:
    """Print both tables."""
    compared = ways()
    print(f"A metric event of {SAMPLES} samples, {len(encode(event(0, 0)))} bytes, one core:")
    base: dict[str, float] = {}
    for way, rate in rates(compared):
        kind = way.name.split(":")[0]
        base.setdefault(kind, rate)
        print(f"  {way.name:42} {rate:>9,.0f} events/s  {rate / base[kind]:5.2f} of orjson")
    print("Importing:")
    bare: float | None = None
    for name, code in IMPORTS.items():
        size, seconds = import_cost(code)
        bare = size if bare is None else bare
        print(f"  {name:42} {size:9.1f} MiB  {size - bare:+5.1f}  {seconds:6.2f} s")


if __name__ == "__main__":
    main()
