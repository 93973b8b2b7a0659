"""The network of a device, out of the text of one look: links, addresses, routes, neighbours, sockets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice

from collectors.answers import Answer, answer_to, answers_to, split_answers
from collectors.errors import ParseError
from collectors.network.commands import ADDRESSES, NEIGHBOURS, ROUTES, ROUTES_6, SOCKETS, no_json, read_list
from collectors.network.interfaces import Link, read_interfaces, read_links, wrong_interface
from collectors.network.routes import read_neighbours, read_routes
from collectors.network.sockets import read_sockets
from schemas.network import Family, Interface, ListeningSocket, Neighbour, Route

MOST_READ = 20_000
"""No more routes or neighbours are read: a router with the table of the whole Internet is looked at by other means."""
BARE = "ip -j addr"
"""The section's name in errors about the output of one program alone."""


@dataclass(frozen=True, slots=True)
class Readings:
    """What one look read; what was not answered is None."""

    interfaces: tuple[Interface, ...]
    links: Mapping[str, Link] = field(default_factory=dict)
    routes: tuple[Route, ...] | None = None
    neighbours: tuple[Neighbour, ...] | None = None
    listening: tuple[ListeningSocket, ...] | None = None


def parse(text: str) -> Readings:
    """Read a look, or the bare output of `ip -j addr` (or link). ParseError otherwise."""
    found = split_answers(text)
    if not found:
        return Readings(_interfaces(Answer(BARE, text), {}))
    addresses = next(iter(answers_to(found, ADDRESSES)), None)
    if addresses is None:
        raise ParseError("there is no answer of ip", section=BARE)
    links = read_links({one.line: one.text for one in found})
    neighbours, sockets = answer_to(found, NEIGHBOURS), answer_to(found, SOCKETS)
    routes = [_routes(answer_to(found, ROUTES), "inet"), _routes(answer_to(found, ROUTES_6), "inet6")]
    return Readings(
        _interfaces(addresses, links),
        links,
        routes=None if routes == [None, None] else tuple(route for some in routes for route in some or ()),
        neighbours=_neighbours(neighbours) if neighbours is not None else None,
        listening=read_sockets(sockets.text, section=sockets.place) if sockets is not None else None,
    )


def _interfaces(answer: Answer, links: Mapping[str, Link]) -> tuple[Interface, ...]:
    if not answer.text.strip():
        raise no_json(answer.place)
    found = tuple(islice(read_interfaces(read_list(answer.text, section=answer.place), links), MOST_READ))
    if not found:
        raise wrong_interface(answer.place)
    return found


def _routes(answer: Answer | None, family: Family) -> tuple[Route, ...] | None:
    if answer is None:
        return None
    return tuple(islice(read_routes(read_list(answer.text, section=answer.place), family), MOST_READ))


def _neighbours(answer: Answer) -> tuple[Neighbour, ...]:
    return tuple(islice(read_neighbours(read_list(answer.text, section=answer.place)), MOST_READ))
