"""Routes and neighbours: `ip -j route`, `ip -j -6 route`, `ip -j neigh`.

Source of the format: ip-route(8), ip-neighbour(8), their JSON as iproute.c and ipneigh.c of iproute2 print it.
"""

from collections.abc import Iterator

from collectors.document import Document
from collectors.network.interfaces import word
from schemas.network import Family, Neighbour, Route

_LEADS_SOMEWHERE = (None, "unicast")
"""Other types (`unreachable`, `blackhole`, `multicast`) are no way to a place; one to `default` would look like one."""


def read_routes(document: Document, family: Family) -> Iterator[Route]:
    """Yield the routes of the main table, one for each next hop. ParseError names the JSON path."""
    for entry in document.items():
        destination = entry.at("dst").text()
        if destination is None or entry.at("type").text() not in _LEADS_SOMEWHERE:
            continue
        for hop in [*entry.at("nexthops").items()] or [entry]:
            yield Route(
                destination=destination,
                family=family,
                # A gateway of the other family (RFC 8950) stands under `via`.
                gateway=hop.at("gateway").text() or hop.at("via", "host").text(),
                interface=hop.at("dev").text() or entry.at("dev").text(),
                source=entry.at("prefsrc").text(),
                metric=entry.at("metric").whole(),
                protocol=word(entry.at("protocol")),
            )


def read_neighbours(document: Document) -> Iterator[Neighbour]:
    """Yield the neighbours. ParseError names the JSON path."""
    for entry in document.items():
        address, interface = entry.at("dst").text(), entry.at("dev").text()
        if address is None or interface is None:
            continue
        states = [word(state) for state in entry.at("state").items()]
        yield Neighbour(
            address=address,
            interface=interface,
            mac=entry.at("lladdr").text(),
            state=next((state for state in states if state is not None), None),
        )
