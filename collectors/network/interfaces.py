"""Interfaces with their addresses and counts: `ip -j -s -d addr`; speed and duplex of /sys/class/net.

Source of the format: ip-address(8), its JSON as ipaddress.c of iproute2 prints it. The kernel's words: RFC 2863 for the
operational state, netdevice(7) for the flags.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from collectors.document import Document
from collectors.errors import ParseError
from collectors.network.commands import LINK_FILES, SYSFS
from collectors.system.reading import signed, whole
from schemas.network import Address, Interface

_MAC = re.compile(r"(?:[0-9a-f]{2}:){5,19}[0-9a-f]{2}")
_WORD = re.compile(r"[a-z0-9][a-z0-9 _.:+-]{0,63}")
_NO_MAC = re.compile(r"[0:]*")
_DUPLEX = frozenset({"full", "half"})
UNKNOWN_SPEED = 2**31 - 1
"""-1, printed without its sign by old kernels, is above this: no link, or a driver that does not know."""
MOST_ADDRESSES = 64


@dataclass(frozen=True, slots=True)
class Link:
    """What /sys/class/net tells of a link: bits per second, `full` or `half`, how often the carrier came and went."""

    speed: int | None = None
    duplex: str | None = None
    changes: int | None = None


def word(document: Document) -> str | None:
    """Return a state in lower case; None when it is none that an event can hold. ParseError when it is no text."""
    text = (document.text() or "").lower()
    return text if _WORD.fullmatch(text) else None


def read_links(files: Mapping[str, str]) -> dict[str, Link]:
    """Read the files of sysfs, content by path; a file that says nothing is absent. ParseError names the path."""
    names = {path.removeprefix(SYSFS).rpartition("/")[0]: None for path in files if path.startswith(SYSFS)}
    found = {}
    for name in names:
        speed, duplex, changes = (files.get(f"{SYSFS}{name}/{file}", "").strip() for file in LINK_FILES)
        found[name] = Link(
            speed=_speed(speed, section=f"{SYSFS}{name}/speed"),
            duplex=duplex if duplex in _DUPLEX else None,
            changes=whole(changes, section=f"{SYSFS}{name}/carrier_changes") if changes else None,
        )
    return found


def _speed(text: str, *, section: str) -> int | None:
    """Return bits per second; the file has Mbit/s."""
    megabits = signed(text, section=section) if text else 0
    return megabits * 1_000_000 if 0 < megabits < UNKNOWN_SPEED else None


def read_interfaces(document: Document, links: Mapping[str, Link]) -> Iterator[Interface]:
    """Yield each interface once. ParseError names the JSON path."""
    seen = set()
    for entry in document.items():
        name = entry.at("ifname").text()
        # Versions until 5.0 print {} for what a filter left out.
        if not entry.mapping() or name in seen:
            continue
        if name is None:
            raise entry.at("ifname").wrong("the name of an interface")
        seen.add(name)
        yield _interface(entry, name, links.get(name, Link()))


def _interface(entry: Document, name: str, link: Link) -> Interface:
    flags = [flag.text() for flag in entry.at("flags").items()]
    enabled = "UP" in flags if entry.at("flags").value is not None else None
    stats = entry.at("stats64") if entry.at("stats64").value is not None else entry.at("stats")
    received, sent = stats.at("rx"), stats.at("tx")
    mac = (entry.at("address").text() or "").lower()
    return Interface(
        name=name,
        kind=word(entry.at("linkinfo", "info_kind")) or word(entry.at("link_type")),
        mac=mac if _MAC.fullmatch(mac) and not _NO_MAC.fullmatch(mac) else None,
        mtu_bytes=entry.at("mtu").whole(),
        state=word(entry.at("operstate")) or "unknown",
        enabled=enabled,
        # Of an interface that is not set up, the kernel does not know.
        carrier=("LOWER_UP" in flags) if enabled else None,
        speed_bits_per_second=link.speed,
        duplex=link.duplex,
        member_of=entry.at("master").text(),
        addresses=tuple(_addresses(entry.at("addr_info")))[:MOST_ADDRESSES],
        received_bytes=received.at("bytes").whole(),
        sent_bytes=sent.at("bytes").whole(),
        receive_errors=received.at("errors").whole(),
        receive_dropped=received.at("dropped").whole(),
        send_errors=sent.at("errors").whole(),
        send_dropped=sent.at("dropped").whole(),
    )


def _addresses(document: Document) -> Iterator[Address]:
    for entry in document.items():
        family, local = entry.at("family").text(), entry.at("local").text()
        length = entry.at("prefixlen").whole(most=128)
        if family in ("inet", "inet6") and local is not None and length is not None:
            yield Address(
                address=local,
                prefix_length=length,
                family="inet" if family == "inet" else "inet6",
                scope=word(entry.at("scope")),
            )


def wrong_interface(section: str) -> ParseError:
    """Return the error for JSON of something else."""
    return ParseError("no interfaces: this is no output of `ip addr` or `ip link`", section=section)
