"""/proc/loadavg and /proc/uptime. Source of the formats: proc_loadavg(5), proc_uptime(5)."""

from collections.abc import Iterator
from dataclasses import dataclass

from collectors.errors import ParseError
from collectors.system.reading import decimal, whole
from collectors.system.samples import SECONDS, sample
from schemas.metric import Sample

LOADAVG = "/proc/loadavg"
UPTIME = "/proc/uptime"


@dataclass(frozen=True, slots=True)
class Load:
    """Load averages over 1, 5 and 15 minutes, and how many threads there are."""

    one: float
    five: float
    fifteen: float
    threads: int | None


def parse_loadavg(text: str) -> Load:
    """Read /proc/loadavg (`0.15 0.19 0.10 1/95 10365`); raises ParseError."""
    fields = text.split()
    if len(fields) < 3:
        raise ParseError("fewer than three load averages", section=LOADAVG, text=text)
    one, five, fifteen = (decimal(field, section=LOADAVG) for field in fields[:3])
    threads = None
    if len(fields) > 3 and "/" in fields[3]:
        threads = whole(fields[3].partition("/")[2], section=LOADAVG)
    return Load(one, five, fifteen, threads)


def load_samples(load: Load) -> Iterator[Sample]:
    """Yield the load averages and the number of threads."""
    for window, value in (("1m", load.one), ("5m", load.five), ("15m", load.fifteen)):
        yield sample(f"system.cpu.load_average.{window}", value, "{thread}")
    if load.threads is not None:
        yield sample("system.thread.count", load.threads, "{thread}")


def parse_uptime(text: str) -> float:
    """Read /proc/uptime; return seconds since boot. Raises ParseError."""
    fields = text.split()
    if not fields:
        raise ParseError("empty", section=UPTIME)
    return decimal(fields[0], section=UPTIME)


def uptime_samples(uptime_s: float) -> Iterator[Sample]:
    """Yield the uptime."""
    yield sample("system.uptime", uptime_s, SECONDS)
