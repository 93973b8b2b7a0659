"""Links: up, down, slower, faster, with other addresses."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from ipaddress import ip_interface

from schemas.fields import Scalar
from schemas.network import (
    Interface,
    NetworkHappening,
    NetworkStatus,
    NetworkStatusChanged,
)
from schemas.network import NetworkStatusData as Data
from streams.entity_status.change import (
    TOO_MANY,
    Change,
    Compared,
    Facts,
    Sight,
    admitted,
    entity_name,
    facts,
    gone,
    listed,
)
from streams.entity_status.state import MOST_LINKS, KnownLink

_NOT_WATCHED = frozenset(
    ("loopback", "veth", "tun", "ifb", "dummy", "sit", "ipip", "gre", "gretap", "erspan", "ip6tnl"),
)
"""Ends of containers' and virtual machines' cables, which come and go with them, and what the kernel makes itself."""

_CONTAINERS_BRIDGE = re.compile(r"br-[0-9a-f]{12}|docker\d+|podman\d+|cni\d+|cni-podman\d+|virbr\d+(-nic)?|lxcbr\d+")
_SPEED = "speed_bits_per_second"
_MOST_ADDRESSES = 32


@dataclass(frozen=True, slots=True)
class _Happening:
    what: NetworkHappening
    summary: str
    before: Facts
    after: Facts


def is_watched(link: Interface) -> bool:
    """Whether what happens to an interface concerns people."""
    return link.kind not in _NOT_WATCHED and _CONTAINERS_BRIDGE.fullmatch(link.name) is None


def compare_links(
    known: Mapping[str, KnownLink], links: Iterable[Interface], sight: Sight, *, complete: bool
) -> Compared[dict[str, KnownLink]]:
    """What happened to the interfaces between two looks."""
    watched = [(one.name, one) for one in links if is_watched(one)]
    seen, all_there = admitted(watched, known, most=MOST_LINKS, wrong=lambda _: False)
    after = dict(known)
    changes: list[Change] = []
    for name, link in seen:
        before = known.get(name)
        after[name] = _after(before, link, sight.accepted.get(name, {}))
        for one in _happened(before, after[name], link, sight=sight):
            changes.append(_change(name, before, after[name], one=one, sight=sight))
    for name in gone(known, (name for name, _ in watched), complete=complete):
        before = after.pop(name)
        one = _Happening("link_vanished", f"{name} vanished", facts(status=before.status), facts(status="gone"))
        changes.append(_change(name, before, replace(before, status="gone"), one=one, sight=sight))
    return Compared(after, tuple(changes), () if all_there else (TOO_MANY,))


def accept_link(
    known: Mapping[str, KnownLink], name: str, sight: Sight, *, operator: str
) -> Compared[dict[str, KnownLink]]:
    """An operator accepted a speed: a link that is not slower than that is as it should be."""
    before = known.get(name)
    if before is None or before.status != "degraded":
        return Compared(dict(known))
    after = replace(before, status=_status("up", before.speed, before.best, sight.accepted.get(name, {})))
    if after.status == "degraded":
        return Compared(dict(known))
    said = f"{name} is as it should be: {operator} accepted {_rate(before.speed)}"
    one = _Happening("link_up", said, facts(status="degraded"), facts(status="up"))
    return Compared({**known, name: after}, (_change(name, before, after, one=one, sight=sight),))


def _after(before: KnownLink | None, link: Interface, accepted: Mapping[str, Scalar]) -> KnownLink:
    speed = None if link.kind in ("bridge", "vlan") else link.speed_bits_per_second
    speed = speed or (before.speed if before else None)
    best = max(speed or 0, (before.best or 0) if before else 0) or None
    operational = _operational(link)
    if operational == "unknown" and before is not None:
        # Nothing is said of it: it is what it was, so that what comes after is compared with that.
        return KnownLink(before.status, speed, best, tuple(_addresses(link)))
    return KnownLink(_status(operational, speed, best, accepted), speed, best, tuple(_addresses(link)))


def _operational(link: Interface) -> NetworkStatus:
    """RFC 2863's states; drivers that do not tell say `unknown`, and work."""
    if link.enabled is False or link.state in ("down", "lowerlayerdown", "notpresent", "dormant"):
        return "down"
    if link.state == "up" or (link.state == "unknown" and link.carrier is not False):
        return "up"
    return "unknown"


def _status(
    operational: NetworkStatus, speed: int | None, best: int | None, accepted: Mapping[str, Scalar]
) -> NetworkStatus:
    """Degraded is a link that is slower than was accepted, or than it has been."""
    agreed = accepted.get(_SPEED)
    expected = agreed if isinstance(agreed, int | float) else best
    if operational == "up" and speed is not None and expected is not None and speed < expected:
        return "degraded"
    return operational


def _addresses(link: Interface) -> list[str]:
    """The addresses that others reach it by. Of IPv6 the network: hosts change the rest every day (RFC 8981)."""
    found = set()
    for one in link.addresses:
        if one.scope in ("link", "host"):
            continue
        text = f"{one.address}/{one.prefix_length}"
        if one.family == "inet6" and one.prefix_length < 128:
            with suppress(ValueError):
                text = str(ip_interface(text).network)
        found.add(text)
    return sorted(found)[:_MOST_ADDRESSES]


def _happened(before: KnownLink | None, after: KnownLink, link: Interface, *, sight: Sight) -> Iterator[_Happening]:
    name = link.name
    if before is None:
        if sight.settled and link.kind != "bridge":
            yield _Happening("link_appeared", f"{name} appeared, and is {after.status}", {}, facts(status=after.status))
        return
    was_up, is_up = before.status in ("up", "degraded"), after.status in ("up", "degraded")
    if link.kind != "bridge":
        # A bridge is up while something on it is: what that is tells for itself.
        now = facts(state=link.state, enabled=link.enabled, carrier=link.carrier)
        if is_up and before.status == "down":
            yield _Happening("link_up", f"{name} is up", facts(status="down"), facts(status=after.status) | now)
        elif was_up and after.status == "down":
            why = "it was switched off" if link.enabled is False else "it has no link"
            yield _Happening("link_down", f"{name} is down: {why}", facts(status=before.status), now)
    if is_up and before.speed is not None and after.speed is not None and before.speed != after.speed:
        fell = after.speed < before.speed
        said = f"{name} {'fell' if fell else 'rose'} from {_rate(before.speed)} to {_rate(after.speed)}"
        what: NetworkHappening = "speed_fell" if fell else "speed_rose"
        yield _Happening(what, said, {_SPEED: before.speed}, {_SPEED: after.speed})
    yield from _readdressed(before, after, name)


def _readdressed(before: KnownLink, after: KnownLink, name: str) -> Iterator[_Happening]:
    added = [one for one in after.addresses if one not in before.addresses]
    lost = [one for one in before.addresses if one not in after.addresses]
    was, now = facts(addresses=", ".join(before.addresses)), facts(addresses=", ".join(after.addresses))
    instead = f" instead of {listed(lost)}" if lost else ""
    if added:
        yield _Happening("address_added", f"{name} has the address {listed(added)}{instead}", was, now)
    elif lost:
        yield _Happening("address_removed", f"{name} no longer has the address {listed(lost)}", was, now)


def _rate(speed: int | None) -> str:
    for unit, size in (("Gbit/s", 10**9), ("Mbit/s", 10**6), ("kbit/s", 10**3)):
        if speed is not None and speed >= size:
            return f"{speed / size:g} {unit}"
    return f"{speed} bit/s"


def _change(name: str, before: KnownLink | None, after: KnownLink, *, one: _Happening, sight: Sight) -> Change:
    return network_change(
        name,
        one.what,
        one.summary,
        previous=before.status if before else None,
        status=after.status,
        before=one.before,
        after=one.after,
        sight=sight,
        interface=name,
    )


def network_change(
    entity: str,
    what: NetworkHappening,
    summary: str,
    *,
    previous: NetworkStatus | None,
    status: NetworkStatus,
    before: Facts,
    after: Facts,
    sight: Sight,
    interface: str | None = None,
) -> Change:
    """A change of the network."""
    data = Data(
        entity=entity_name(entity),
        what=what,
        previous=previous,
        status=status,
        before=before,
        after=after,
        summary=summary,
        since=sight.at,
        evidence=sight.evidence,
        interface=interface,
    )
    return Change(NetworkStatusChanged, data, (entity,))
