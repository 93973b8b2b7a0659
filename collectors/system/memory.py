"""/proc/meminfo. Source of the format: proc_meminfo(5)."""

from collections.abc import Iterator, Mapping

from collectors.errors import ParseError
from collectors.system.reading import numbered, whole
from collectors.system.samples import BYTES, RATIO, ratio, sample
from schemas.metric import Sample

SECTION = "/proc/meminfo"
KIB = 1024

Meminfo = Mapping[str, int]
"""Bytes (or pages, where the file has no unit) by field."""


def parse_meminfo(text: str) -> Meminfo:
    """Read /proc/meminfo; raises ParseError."""
    found: dict[str, int] = {}
    for number, line in numbered(text):
        name, colon, rest = line.partition(":")
        fields = rest.split()
        if not colon or not fields:
            # Kernels before 2.6 begin with a table for people.
            continue
        if len(fields) > 1 and fields[1] != "kB":
            continue
        value = whole(fields[0], section=SECTION, line=number)
        found[name.strip()] = value * KIB if len(fields) > 1 else value
    if "MemTotal" not in found:
        raise ParseError("no MemTotal", section=SECTION)
    return found


def memory_samples(info: Meminfo) -> Iterator[Sample]:
    """Yield memory by state; used is total less available, as free(1) counts it."""
    total = info["MemTotal"]
    yield sample("system.memory.limit", total, BYTES)
    for state, used in _states(info, total).items():
        labels = {"system.memory.state": state}
        yield sample("system.memory.usage", used, BYTES, labels)
        yield sample("system.memory.utilization", ratio(used, total), RATIO, labels)
    if "MemAvailable" in info:
        yield sample("system.memory.linux.available", info["MemAvailable"], BYTES)
    if "Shmem" in info:
        yield sample("system.memory.linux.shared", info["Shmem"], BYTES)
    for state, field in (("reclaimable", "SReclaimable"), ("unreclaimable", "SUnreclaim")):
        if field in info:
            yield sample(
                "system.memory.linux.slab.usage", info[field], BYTES, {"system.memory.linux.slab.state": state}
            )


def _states(info: Meminfo, total: int) -> dict[str, int]:
    fields = {"free": "MemFree", "buffers": "Buffers", "cached": "Cached"}
    states = {state: info[field] for state, field in fields.items() if field in info}
    # Kernels before 3.14 do not say what is available: what is neither free nor cache is used, then.
    available = info.get("MemAvailable", sum(states.values()))
    return {"used": max(0, total - available), **states}
