"""A device's network: links, their speeds and addresses, default routes, and ports that opened or closed."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from schemas.network import NetworkObservedData, Route
from streams.entity_status.change import Change, Compared, Sight, facts
from streams.entity_status.links import compare_links, network_change
from streams.entity_status.ports import compare_ports
from streams.entity_status.state import KnownNetwork

_ROUTE = "route/default"


def compare_network(known: KnownNetwork, data: NetworkObservedData, sight: Sight) -> Compared[KnownNetwork]:
    """What happened to a device's network between two looks. A list that could not be looked at says nothing."""
    links = compare_links(known.links, data.interfaces, sight, complete=data.complete)
    changes, notes, after = [*links.changes], links.notes, replace(known, links=links.known)
    if data.routes is not None:
        routes = dict(_default_routes(data.routes))
        if known.routes is not None and routes != known.routes:
            changes.append(_rerouted(known.routes, routes, sight))
        after = replace(after, routes=routes)
    if data.listening is not None:
        ports = compare_ports(known.ports, data.listening, sight, complete=data.complete)
        changes += ports.changes
        notes = tuple(dict.fromkeys((*notes, *ports.notes)))
        after = replace(after, ports=ports.known)
    return Compared(after, tuple(changes), notes)


def _default_routes(routes: Iterable[Route]) -> Iterator[tuple[str, str]]:
    """By family the default route that is taken: the one with the least metric (all of equal ones)."""
    defaults = [one for one in routes if one.destination == "default"]
    for family in ("inet", "inet6"):
        ways = [one for one in defaults if one.family == family]
        if ways:
            least = min(one.metric or 0 for one in ways)
            best = sorted({_way(one) for one in ways if (one.metric or 0) == least})
            yield family, ", ".join(best)[:1000]


def _way(route: Route) -> str:
    through = f"{route.gateway} " if route.gateway else ""
    return f"{through}through {route.interface}" if route.interface else through.strip()


def _rerouted(before: Mapping[str, str], after: Mapping[str, str], sight: Sight) -> Change:
    families = [one for one in ("inet", "inet6") if before.get(one) != after.get(one)]
    words = {"inet": "IPv4", "inet6": "IPv6"}
    said = "; ".join(
        f"the default route of {words[one]} is {after.get(one) or 'gone'}, before {before.get(one) or 'none'}"
        for one in families
    )
    return network_change(
        _ROUTE,
        "default_route_changed",
        said,
        previous="up" if before else "gone",
        status="up" if after else "gone",
        before=facts(**{one: before.get(one) for one in families}),
        after=facts(**{one: after.get(one) for one in families}),
        sight=sight,
    )
