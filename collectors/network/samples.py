"""The numbers of a network: links up and how fast, named as the OpenTelemetry conventions for hardware name them.

What goes through an interface, its errors and drops are `system.network.*` of the collector `system`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from collectors.network.interfaces import Link
from collectors.system.samples import sample
from schemas.metric import Sample
from schemas.network import Interface, ListeningSocket, Neighbour, Route

_BITS = 8
# Not the ends of containers' cables, tunnels and the like, which have no state of their own.
_TOLD = frozenset({"ether", "infiniband", "bond", "team", "bridge", "vlan"})
_TYPES = {"inet": "ipv4", "inet6": "ipv6"}


def link_samples(interface: Interface, links: Mapping[str, Link]) -> Iterator[Sample]:
    """Yield the state of one link, where that tells something; nothing of one that is not set up."""
    if interface.kind not in _TOLD or not interface.enabled:
        return
    link = links.get(interface.name, Link())
    labels = {"network.interface.name": interface.name}
    # Drivers without an operational state say `unknown`: then the carrier tells.
    up = interface.state == "up" or (interface.state == "unknown" and bool(interface.carrier))
    yield sample("hw.network.up", up, "1", labels)
    if link.speed is not None:
        yield sample("hw.network.bandwidth.limit", link.speed / _BITS, "By/s", labels)
    if link.changes is not None:
        yield sample("hw.network.carrier.changes", link.changes, "{change}", labels)


def count_samples(
    routes: Iterable[Route] | None,
    neighbours: Iterable[Neighbour] | None,
    listening: Iterable[ListeningSocket] | None,
) -> Iterator[Sample]:
    """Yield how many routes, neighbours and open ports there are."""
    if routes is not None:
        by_family: Counter[str] = Counter(route.family for route in routes)
        for family, name in _TYPES.items():
            yield sample("network.route.count", by_family[family], "{route}", {"network.type": name})
    if neighbours is not None:
        by_state = Counter(neighbour.state or "none" for neighbour in neighbours)
        for state, count in sorted(by_state.items()):
            yield sample("network.neighbour.count", count, "{neighbour}", {"network.neighbour.state": state})
    if listening is not None:
        by_protocol = Counter(one.protocol for one in listening)
        for protocol in ("tcp", "udp"):
            labels = {"network.transport": protocol}
            yield sample("network.listening.count", by_protocol[protocol], "{socket}", labels)
