"""/proc/stat: processor time by mode, processes. Source of the format: proc_stat(5)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from collectors.errors import ParseError
from collectors.system.reading import numbered, whole
from collectors.system.samples import RATIO, SECONDS, ratio, sample
from schemas.metric import Sample

SECTION = "/proc/stat"

USER_HZ = 100
"""Ticks a second in /proc/stat: 100 on every architecture that Linux still runs servers on (time(7))."""

COLUMNS = ("user", "nice", "system", "idle", "iowait", "interrupt", "interrupt", "steal")
"""Modes of the columns of a cpu line; hard and soft interrupts are one mode. The two columns for guests that may
follow are part of user and nice already."""

Ticks = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class CpuStat:
    """Ticks by mode of all processors together and of each by its number, and what /proc/stat says of processes."""

    total: Ticks
    by_cpu: Mapping[str, Ticks]
    created: int | None = None
    running: int | None = None
    blocked: int | None = None
    boot_time: int | None = None


def parse_stat(text: str) -> CpuStat:
    """Read /proc/stat; raises ParseError."""
    total: Ticks | None = None
    by_cpu: dict[str, Ticks] = {}
    counts: dict[str, int] = {}
    for number, line in numbered(text):
        name, *values = line.split()
        if name == "cpu":
            total = _ticks(values, number)
        elif name.startswith("cpu"):
            by_cpu[name[3:]] = _ticks(values, number)
        elif name in {"processes", "procs_running", "procs_blocked", "btime"} and values:
            counts[name] = whole(values[0], section=SECTION, line=number)
    if total is None:
        raise ParseError("no line that begins with `cpu `", section=SECTION)
    return CpuStat(
        total,
        by_cpu,
        created=counts.get("processes"),
        running=counts.get("procs_running"),
        blocked=counts.get("procs_blocked"),
        boot_time=counts.get("btime"),
    )


def _ticks(values: list[str], number: int) -> Ticks:
    if len(values) < 4:
        raise ParseError("fewer than four columns", section=SECTION, line=number, text=" ".join(values))
    ticks: dict[str, int] = {}
    # Kernels before 2.6.11 have no steal, those before 2.5.41 no iowait: what is not given is absent.
    for mode, value in zip(COLUMNS, values, strict=False):
        ticks[mode] = ticks.get(mode, 0) + whole(value, section=SECTION, line=number)
    return ticks


def cpu_samples(now: CpuStat, before: CpuStat | None, *, per_cpu: bool = False) -> Iterator[Sample]:
    """Yield time by mode; with a look before in the same boot, utilization between the two."""
    yield from _mode_samples(now.total, before.total if before else None, {})
    if per_cpu:
        for number, ticks in now.by_cpu.items():
            earlier = before.by_cpu.get(number) if before else None
            yield from _mode_samples(ticks, earlier, {"cpu.logical_number": number})
    if now.by_cpu:
        yield sample("system.cpu.logical.count", len(now.by_cpu), "{cpu}")


def _mode_samples(now: Ticks, before: Ticks | None, labels: Mapping[str, str]) -> Iterator[Sample]:
    for mode, ticks in now.items():
        yield sample("system.cpu.time", ticks / USER_HZ, SECONDS, {"cpu.mode": mode, **labels})
    for mode, share in utilization(now, before).items():
        yield sample("system.cpu.utilization", share, RATIO, {"cpu.mode": mode, **labels})


def utilization(now: Ticks, before: Ticks | None) -> dict[str, float]:
    """Return each mode's share of the time between two looks, 0..1, 1 in all.

    Empty without a look before, when no time passed, or when counters went back as they do at a boot. iowait and idle
    may go back a little by themselves (proc_stat(5)): that counts as no time.
    """
    if before is None or any(now.get(mode, 0) < before.get(mode, 0) for mode in ("user", "nice", "system", "steal")):
        return {}
    spent = {mode: max(0, ticks - before.get(mode, 0)) for mode, ticks in now.items()}
    total = sum(spent.values())
    return {mode: ratio(ticks, total) for mode, ticks in spent.items()} if total else {}


def process_samples(stat: CpuStat) -> Iterator[Sample]:
    """Yield what /proc/stat says of processes."""
    if stat.running is not None:
        yield sample("system.process.count", stat.running, "{process}", {"process.state": "running"})
    if stat.blocked is not None:
        yield sample("system.process.count", stat.blocked, "{process}", {"process.state": "blocked"})
    if stat.created is not None:
        yield sample("system.process.created", stat.created, "{process}")
