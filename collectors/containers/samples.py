"""Samples of containers, as the OpenTelemetry semantic conventions for containers name them, `container.*`.

Where they have no name, what it counts follows `container.`. A container is known by its name, which outlives its id.
"""

from collections import Counter
from collections.abc import Iterator

from collectors.containers.reading import Engined, Seen
from collectors.system.samples import BYTES, RATIO, SECONDS, sample
from schemas.container import Container, ContainerUsage
from schemas.metric import Sample

_DISK = (("read", "block_read_bytes"), ("write", "block_written_bytes"))
_NETWORK = (("receive", "network_received_bytes"), ("transmit", "network_sent_bytes"))

_STATES = ("created", "dead", "exited", "paused", "restarting", "running")


def engine_samples(engine: Engined) -> Iterator[Sample]:
    """Yield whether an engine answered and, if it did, how many containers are in which state."""
    labels = {"container.runtime.name": engine.engine}
    yield sample("container.engine.up", float(engine.up), RATIO, labels)
    if not engine.up:
        return
    # None in a state is a number too: a series that comes and goes can raise no alert and clear none.
    states = dict.fromkeys(_STATES, 0) | Counter(seen.container.state for seen in engine.containers)
    for state, number in sorted(states.items()):
        yield sample("container.count", number, "{container}", labels | {"container.state": state})


def container_samples(engine: Engined, seen: Seen) -> Iterator[Sample]:
    """Yield what one container measures."""
    container = seen.container
    labels = {"container.name": container.name, "container.runtime.name": engine.engine}
    for name, text in (("project", container.compose_project), ("service", container.compose_service)):
        if text is not None:
            labels[f"compose.{name}"] = text
    if container.restart_count is not None:
        yield sample("container.restart.count", container.restart_count, "{restart}", labels)
    if container.failing_streak is not None:
        yield sample("container.healthcheck.failing_streak", container.failing_streak, "{failure}", labels)
    if container.uptime_seconds is not None:
        yield sample("container.uptime", container.uptime_seconds, SECONDS, labels)
    if seen.cpu_seconds is not None:
        yield sample("container.cpu.time", seen.cpu_seconds, SECONDS, labels)
    if container.usage is not None:
        yield from _usage(container, container.usage, labels)


def _usage(container: Container, usage: ContainerUsage, labels: dict[str, str]) -> Iterator[Sample]:
    if usage.cpu_utilization is not None:
        yield sample("container.cpu.usage", usage.cpu_utilization, "{cpu}", labels)
    if usage.memory_bytes is not None:
        yield sample("container.memory.usage", usage.memory_bytes, BYTES, labels)
    if usage.memory_limit_bytes is not None:
        yield sample("container.memory.limit", usage.memory_limit_bytes, BYTES, labels)
        if usage.memory_bytes is not None:
            yield sample("container.memory.utilization", usage.memory_bytes / usage.memory_limit_bytes, RATIO, labels)
    if usage.processes is not None:
        yield sample("container.pids.count", usage.processes, "{pid}", labels)
    for name, key, fields in (
        ("container.disk.io", "disk.io.direction", _DISK),
        ("container.network.io", "network.io.direction", _NETWORK),
    ):
        for direction, field in fields:
            amount = getattr(usage, field)
            if amount is not None:
                yield sample(name, amount, BYTES, labels | {key: direction})
