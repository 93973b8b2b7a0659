"""/proc/pressure/{cpu,memory,io}. Source of the format: Documentation/accounting/psi.rst of the kernel."""

from collections.abc import Iterator
from dataclasses import dataclass

from collectors.errors import ParseError
from collectors.system.reading import decimal, numbered, whole
from collectors.system.samples import RATIO, SECONDS, ratio, sample
from schemas.metric import Sample

RESOURCES = ("cpu", "memory", "io")
FOLDER = "/proc/pressure/"
_WINDOWS = {"avg10": "10s", "avg60": "60s", "avg300": "300s"}
_KINDS = ("some", "full")


@dataclass(frozen=True, slots=True)
class Stall:
    """How much tasks waited for one resource: shares of time 0..1 by window, and seconds since boot."""

    resource: str
    kind: str
    shares: dict[str, float]
    total_s: float | None


def parse_pressure(text: str, resource: str) -> tuple[Stall, ...]:
    """Read one file of /proc/pressure; raises ParseError."""
    found: dict[str, Stall] = {}
    section = FOLDER + resource
    for number, line in numbered(text):
        kind, *fields = line.split()
        if kind not in _KINDS:
            continue
        shares: dict[str, float] = {}
        total_s = None
        for field in fields:
            name, equals, value = field.partition("=")
            if not equals:
                raise ParseError("not name=value", section=section, line=number, text=field)
            if name == "total":
                total_s = whole(value, section=section, line=number) / 1_000_000
            elif name in _WINDOWS:
                shares[_WINDOWS[name]] = round(ratio(decimal(value, section=section, line=number), 100), 6)
        found[kind] = Stall(resource, kind, shares, total_s)
    return tuple(found.values())


def pressure_samples(stall: Stall) -> Iterator[Sample]:
    """Yield the stall of one resource. No convention is fixed yet: the names are those proposed for it."""
    labels = {"system.psi.resource": stall.resource, "system.psi.stall_type": stall.kind}
    for window, share in stall.shares.items():
        yield sample("system.linux.psi.pressure", share, RATIO, {**labels, "system.psi.window": window})
    if stall.total_s is not None:
        yield sample("system.linux.psi.total_time", stall.total_s, SECONDS, labels)
