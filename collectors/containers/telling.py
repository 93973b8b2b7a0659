"""What a look at containers tells: an observation of each engine's, and their numbers."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from pydantic_core import to_json

from collectors.containers.reading import Engined, Readings, Seen
from collectors.containers.samples import container_samples, engine_samples
from collectors.look import Observation, Told
from schemas.container import Container, ContainerObserved, ContainerObservedData
from schemas.metric import MetricCollected, MetricCollectedData, Sample
from schemas.registry import METRICS, OBSERVATIONS

NAME = "containers"
ROOM = 900_000
"""Bytes that the containers of one event may take: an event has 1 MiB, its envelope and names included."""
Earlier = dict[tuple[str | None, datetime | None], Seen]
"""What the look before saw, by container and when it was started."""

MOST_SAMPLES = 2_500
"""Of one event; the samples of more than about 200 containers are told in several."""


def tell(now: Readings, before: Readings | None, *, interval_s: float | None = None) -> Told:
    """Return the observations, and the numbers. An engine that did not answer is no observation: nothing was seen."""
    engines = tuple(_with_shares(engine, now, before) for engine in now.engines)
    observed = [_observation(engine) for engine in engines if engine.up]
    samples = [one for engine in engines for one in _samples(engine)]
    parts = (tuple(samples[start : start + MOST_SAMPLES]) for start in range(0, len(samples), MOST_SAMPLES))
    measured = [MetricCollectedData(collector=NAME, interval_seconds=interval_s, samples=part) for part in parts]
    numbers = (Observation(MetricCollected, METRICS, data) for data in measured)
    return Told((*observed, *numbers), partial=now.unread)


def _observation(engine: Engined) -> Observation:
    kept, complete = fitted(tuple(seen.container for seen in engine.containers))
    data = ContainerObservedData(
        engine=engine.engine,
        engine_version=engine.version,
        containers=kept,
        complete=engine.complete and complete,
    )
    return Observation(ContainerObserved, OBSERVATIONS, data)


def _samples(engine: Engined) -> Iterator[Sample]:
    yield from engine_samples(engine)
    for seen in engine.containers:
        yield from container_samples(engine, seen)


def _with_shares(engine: Engined, now: Readings, before: Readings | None) -> Engined:
    """Return what was seen with the share of a processor between two looks, where the engine counts seconds."""
    if before is None:
        return engine
    earlier: Earlier = {
        (seen.container.id, seen.container.started_at): seen
        for other in before.engines
        if other.engine == engine.engine
        for seen in other.containers
    }
    clocks = now.seconds, before.seconds
    return replace(engine, containers=tuple(_with_share(seen, earlier, clocks) for seen in engine.containers))


def _with_share(seen: Seen, earlier: Earlier, clocks: tuple[float | None, float | None]) -> Seen:
    usage = seen.container.usage
    before = earlier.get((seen.container.id, seen.container.started_at))
    if usage is None or before is None or seen.cpu_seconds is None or before.cpu_seconds is None:
        return seen
    passed = _passed((seen.counted_at, before.counted_at), clocks)
    # Below a second the two clocks that this divides by are too coarse.
    if passed < 1 or seen.cpu_seconds < before.cpu_seconds:
        return seen
    share = round((seen.cpu_seconds - before.cpu_seconds) / passed, 6)
    container = seen.container.model_copy(update={"usage": usage.model_copy(update={"cpu_utilization": share})})
    return replace(seen, container=container)


def _passed(*pairs: tuple[float | None, float | None]) -> float:
    """Return the seconds between two instants, the first two that are both known; 0 when none are."""
    return next((now - before for now, before in pairs if now is not None and before is not None), 0.0)


def fitted(containers: tuple[Container, ...]) -> tuple[tuple[Container, ...], bool]:
    """Return the containers as far as one event holds them, and whether those are all.

    Left out first is what they use, which is told as numbers too, then all ports but a few.
    """
    if _size(containers) <= ROOM:
        return containers, True
    brief = tuple(one.model_copy(update={"usage": None, "ports": one.ports[:4]}) for one in containers)
    while _size(brief) > ROOM:
        brief = brief[: len(brief) * 9 // 10]
    return brief, len(brief) == len(containers)


def _size(containers: tuple[Container, ...]) -> int:
    return sum(len(to_json(one, exclude_none=True)) + 1 for one in containers)
