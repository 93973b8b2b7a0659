"""Looks at 200 devices of several agents as a sink meets them: as Kafka's records, and as rows for a bare COPY.

Every device is looked at each 10 s, 50 samples a look, at a moment of its own with some jitter. So devices come in an
order that has nothing to do with the ids of their series: those were given before, in another order.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
from aiokafka import ConsumerRecord

from schemas.codec import encode
from schemas.identity import agent_source, uuid7
from schemas.metric import MetricCollected, MetricCollectedData, Sample
from schemas.registry import METRICS

SAMPLES = 50
DEVICES = 200
AGENTS = 8
INTERVAL_S = 10.0
JITTER_S = 1.0
SEED = 20_261_101
START = datetime(2026, 11, 1, tzinfo=UTC)

Row = tuple[datetime, int, float]


@dataclass(frozen=True, slots=True)
class Load:
    """The same looks as Kafka's records and as events."""

    events: Sequence[MetricCollected]
    records: "list[ConsumerRecord[bytes, bytes]]"


def load(events: int) -> Load:
    """So many looks in the order in which they come."""
    made = list(looks(events))
    return Load(made, [record(one, number) for number, one in enumerate(made)])


def looks(events: int) -> Iterator[MetricCollected]:
    """Looks in the order in which they come."""
    rng = random.Random(SEED)
    phases = [rng.random() * (INTERVAL_S - JITTER_S) for _ in range(DEVICES)]
    for turn in range(-(-events // DEVICES)):
        due = sorted((phases[device] + rng.random() * JITTER_S, device) for device in range(DEVICES))
        for after, device in due[: events - turn * DEVICES]:
            yield look(device, turn, START + timedelta(seconds=INTERVAL_S * turn + after))


def first_met() -> Load:
    """One look at each device, in another order: by it the series get their ids."""
    order = list(range(DEVICES))
    random.Random(SEED + 1).shuffle(order)
    made = [look(device, 0, START - timedelta(hours=1)) for device in order]
    return Load(made, [record(one, number) for number, one in enumerate(made)])


def look(device: int, turn: int, at: datetime) -> MetricCollected:
    samples = tuple(
        Sample(
            name="system.disk.io",
            value=float(turn * 1000 + number) + 0.5,
            unit="By",
            labels={"system.device": f"sd{number // 2}", "disk.io.direction": ("read", "write")[number % 2]},
        )
        for number in range(SAMPLES)
    )
    agent = device % AGENTS
    return MetricCollected(
        id=uuid7(int(at.timestamp() * 1000)),
        source=agent_source(f"agent-{agent}", UUID(int=(7 << 76) | (2 << 62) | agent), "system"),
        subject=f"host-{device}",
        time=at,
        sequence=turn + 1,
        data=MetricCollectedData(collector="system", interval_seconds=INTERVAL_S, samples=samples),
    )


def record(event: MetricCollected, offset: int) -> "ConsumerRecord[bytes, bytes]":
    value = encode(event)
    appended_ms = int(event.time.timestamp() * 1000) + 40
    key = event.subject.encode()
    return ConsumerRecord(METRICS, 0, offset, appended_ms, 1, key, value, None, len(key), len(value), ())


SeriesIds = Mapping[tuple[str, str, str], int]
"""By device, disk and direction."""


def series_ids(url: str) -> SeriesIds:
    """The ids that the sink gave."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT device_id, labels ->> 'system.device', labels ->> 'disk.io.direction', series_id FROM metric_series"
        ).fetchall()
    return {(device, disk, way): number for device, disk, way, number in found}


def rows(events: Sequence[MetricCollected], ids: SeriesIds) -> list[Row]:
    """The samples in the order in which they come."""
    return [
        (event.time, ids[event.subject, one.labels["system.device"], one.labels["disk.io.direction"]], one.value)
        for event in events
        for one in event.data.samples
    ]
