"""The figures of this host, from its metric looks. Pure; names follow the OpenTelemetry system conventions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from schemas.metric_look import MetricLook, Series

_IDLE_MODES = frozenset({"idle", "iowait"})
_PSEUDO_INTERFACES = ("lo",)


@dataclass(frozen=True, slots=True)
class Filesystem:
    """One mounted file system and the share of it that is used, 0..1."""

    mountpoint: str
    used: float


@dataclass(frozen=True, slots=True)
class HostFigures:
    """The newest figures; None or empty where the host does not give them. Rates are bytes a second.

    `counters` holds the byte counts (since boot) of the look before, by what is counted, for the rates.
    """

    device: str
    time: datetime
    cpu: float | None = None
    memory_used: float | None = None
    memory_total: float | None = None
    swap: float | None = None
    load: tuple[float, ...] = ()
    filesystems: tuple[Filesystem, ...] = ()
    rates: Mapping[str, float] = field(default_factory=dict)
    counters: Mapping[str, float] = field(default_factory=dict)
    uptime_seconds: float | None = None


def look_at(host: HostFigures | None, look: MetricLook, *, device: str = "") -> HostFigures | None:
    """Take in a look when it is one at this host: `device` when known, else the first that an agent takes at itself."""
    wanted = device or (host.device if host else _observer(look))
    if look.subject != wanted or (host is not None and look.time <= host.time):
        return host
    samples = list(zip(look.series, look.values, strict=True))
    before = host or HostFigures(look.subject, look.time)
    counters = _counters(samples)
    return replace(
        before,
        time=look.time,
        cpu=_or(_cpu(samples), before.cpu),
        memory_used=_or(_memory_used(samples), before.memory_used),
        memory_total=_or(_memory_total(samples), before.memory_total),
        swap=_or(_swap(samples), before.swap),
        load=_load(samples) or before.load,
        filesystems=_filesystems(samples) or before.filesystems,
        rates={**before.rates, **_rates(before, counters, look.time)} if host else {},
        counters={**before.counters, **counters},
        uptime_seconds=_or(_first(samples, "system.uptime"), before.uptime_seconds),
    )


Samples = list[tuple[Series, float]]


def _observer(look: MetricLook) -> str:
    parts = look.source.split("/")
    return parts[2] if parts[1] == "agents" else ""


def _or(value: float | None, before: float | None) -> float | None:
    return before if value is None else value


def _of(samples: Samples, name: str) -> Iterator[tuple[dict[str, str], float]]:
    return ((dict(series.labels), value) for series, value in samples if series.name == name)


def _first(samples: Samples, name: str) -> float | None:
    return next((value for _, value in _of(samples, name)), None)


def _cpu(samples: Samples) -> float | None:
    """Return the share of all processors that was busy: 1 minus idle and waiting, averaged when given by processor."""
    idle: dict[str, float] = {}
    for labels, value in _of(samples, "system.cpu.utilization"):
        processor = labels.get("cpu.logical_number", "")
        idle[processor] = idle.get(processor, 0.0) + (value if labels.get("cpu.mode") in _IDLE_MODES else 0.0)
    if not idle:
        return None
    chosen = [idle[""]] if "" in idle else list(idle.values())
    return min(1.0, max(0.0, 1 - sum(chosen) / len(chosen)))


def _memory_used(samples: Samples) -> float | None:
    used = {labels.get("system.memory.state"): value for labels, value in _of(samples, "system.memory.usage")}
    return used.get("used")


def _memory_total(samples: Samples) -> float | None:
    limit = _first(samples, "system.memory.limit")
    if limit is not None:
        return limit
    states = [value for _, value in _of(samples, "system.memory.usage")]
    return sum(states) if states else None


def _swap(samples: Samples) -> float | None:
    """Return the share of the fullest swap device that is used."""
    used = [
        value
        for labels, value in _of(samples, "system.paging.utilization")
        if labels.get("system.paging.state") == "used"
    ]
    return max(used, default=None)


def _load(samples: Samples) -> tuple[float, ...]:
    by_name = {series.name: value for series, value in samples if ".load_average." in series.name}
    return tuple(
        value for minutes in ("1m", "5m", "15m") for name, value in by_name.items() if name.endswith(f".{minutes}")
    )


def _filesystems(samples: Samples) -> tuple[Filesystem, ...]:
    found: dict[str, float] = {}
    for labels, value in _of(samples, "system.filesystem.utilization"):
        if labels.get("system.filesystem.state", "used") == "used":
            found[labels.get("system.filesystem.mountpoint", "?")] = value
    return tuple(Filesystem(mountpoint, used) for mountpoint, used in sorted(found.items()))


def _counters(samples: Samples) -> dict[str, float]:
    """Return bytes counted since boot: read, write, receive, transmit; over all devices and interfaces."""
    found: dict[str, float] = {}
    for name, direction in (("system.disk.io", "disk.io.direction"), ("system.network.io", "network.io.direction")):
        for labels, value in _of(samples, name):
            if labels.get("network.interface.name") not in _PSEUDO_INTERFACES and direction in labels:
                found[labels[direction]] = found.get(labels[direction], 0.0) + value
    return found


def _rates(before: HostFigures, counters: Mapping[str, float], now: datetime) -> dict[str, float]:
    seconds = (now - before.time).total_seconds()
    return {
        what: (value - before.counters[what]) / seconds
        for what, value in counters.items()
        # A counter that went back was reset: no rate, rather than a negative one.
        if what in before.counters and value >= before.counters[what]
    }
