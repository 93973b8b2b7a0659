"""/proc/net/dev. Source of the format: proc_pid_net(5)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from collectors.errors import ParseError
from collectors.system.reading import numbered, whole
from collectors.system.samples import BYTES, sample
from schemas.metric import Sample

SECTION = "/proc/net/dev"

_SKIPPED = re.compile(r"^(?:lo|veth.*)$")
"""Loopback tells nothing; the ends of containers' cables come and go with names of their own."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What went through an interface in one direction since it came up."""

    bytes: int
    packets: int
    errors: int
    dropped: int


@dataclass(frozen=True, slots=True)
class Interface:
    """One network interface."""

    name: str
    receive: Traffic
    transmit: Traffic


def parse_net_dev(text: str) -> tuple[Interface, ...]:
    """Read /proc/net/dev, without loopback and veth; raises ParseError."""
    found: dict[str, Interface] = {}
    for number, line in numbered(text):
        if "|" in line:
            continue
        # The last colon: names may have some, numbers have none, and a large first number leaves no space between.
        name, colon, rest = line.rpartition(":")
        fields = rest.split()
        if not colon or len(fields) < 12:
            raise ParseError("not a name, a colon and 16 counters", section=SECTION, line=number, text=line)
        name = name.strip()
        counters = [whole(field, section=SECTION, line=number) for field in fields]
        if name and _SKIPPED.match(name) is None:
            found[name] = Interface(name, Traffic(*counters[0:4]), Traffic(*counters[8:12]))
    return tuple(found.values())


def network_samples(interface: Interface) -> Iterator[Sample]:
    """Yield what went through one interface."""
    for direction, traffic in (("receive", interface.receive), ("transmit", interface.transmit)):
        labels = {"network.interface.name": interface.name, "network.io.direction": direction}
        yield sample("system.network.io", traffic.bytes, BYTES, labels)
        yield sample("system.network.packet.count", traffic.packets, "{packet}", labels)
        yield sample("system.network.packet.dropped", traffic.dropped, "{packet}", labels)
        yield sample("system.network.errors", traffic.errors, "{error}", labels)
