"""The last observation of a thing, and the baselines that are in force: read from the log."""

from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeVar

from aiokafka.partitioner import DefaultPartitioner
from pydantic import TypeAdapter

from cli.operators.log import Extent, changelog, decoded, entries, extent
from replay.plan import Reach
from runtime.settings import KafkaSettings
from schemas.baseline import METRIC_VALUE
from schemas.fields import Scalar
from schemas.record import AnyRead, RawRecord
from streams.alerts.state import AlertState
from streams.entity_status.state import EntityState
from streams.stored import owned_by

T = TypeVar("T")

HOUR_MS = 3_600_000
STEPS_MS = (2 * HOUR_MS, 26 * HOUR_MS, 8 * 24 * HOUR_MS)
"""How far back is looked, step by step: most things are looked at every hour, files and sleeping drives each day."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A baseline that is in force."""

    device: str
    kind: str
    entity: str
    values: Mapping[str, Scalar]


async def newest(
    settings: KafkaSettings,
    topic: str,
    device: str,
    find: Callable[[AnyRead], T | None],
    *,
    now_ms: int,
    steps_ms: tuple[int, ...] = STEPS_MS,
) -> AsyncGenerator[T, None]:
    """What `find` sees in the device's events, of each step back in time the newest first."""
    key = device.encode()
    read_to: int | None = None
    for step_ms in steps_ms:
        far = await extent(settings, [topic], since_ms=now_ms - step_ms)
        for reach in _of(device, far, topic):
            end = reach.end if read_to is None else min(reach.end, read_to)
            read_to = reach.begin
            some: list[T] = []

            def is_of_device(raw: RawRecord) -> bool:
                return raw.key == key

            records = decoded(settings, [Reach(topic, reach.partition, reach.begin, end)], wants=is_of_device)
            async with aclosing(records):
                async for record in records:
                    found = find(record.event)
                    if found is not None:
                        some.append(found)
            for one in reversed(some):
                yield one


def _of(device: str, far: Extent, topic: str) -> list[Reach]:
    """The part of a topic that holds a device."""
    partitions = sorted(partition for name, partition in far.bounds if name == topic)
    number = DefaultPartitioner()(device.encode(), partitions, partitions)
    return [one for one in far.since(topic) if one.partition == number]


async def accepted(settings: KafkaSettings, device: str | None) -> list[Accepted]:
    """The baselines that the derivations hold, of a device or of all: by device, kind and name.

    Raises TopicsMissing, KafkaUnavailable, KafkaRefused, StateUnreadable.
    """
    found: list[Accepted] = []
    for table, read in (("entity_status", _of_things), ("alerts_metrics", _of_metrics)):
        states = changelog(settings, table)
        far = await extent(settings, [states], since_ms=0)
        reaches = far.whole(states)
        if device is not None:
            partitions = sorted(one.partition for one in reaches)
            number = DefaultPartitioner()(device.encode(), partitions, partitions)
            reaches = [one for one in reaches if one.partition == number]
        stored = await entries(settings, reaches)
        for reach in reaches:
            for name, state in owned_by(reach.partition, stored.items()).devices.items():
                if device in {None, name}:
                    found += read(name, state.core)
    return sorted(found, key=lambda one: (one.device, one.kind, one.entity))


def _of_things(device: str, core: Any) -> Iterator[Accepted]:
    if not core.get("baselines"):
        return
    state = TypeAdapter(EntityState).validate_python(core)
    for key, values in state.baselines.items():
        kind, _, entity = key.partition(" ")
        yield Accepted(device, kind, entity, values)


def _of_metrics(device: str, core: Any) -> Iterator[Accepted]:
    if not core.get("memory", {}).get("about", {}).get("baselines"):
        return
    state = TypeAdapter(AlertState).validate_python(core)
    for series, value in state.memory.about.baselines.items():
        yield Accepted(device, "metric", series, {METRIC_VALUE: value})
