"""The network of a device, out of the text of one look: links, addresses, routes, neighbours, sockets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from collectors.answers import Answer, answer_to, answers_to, split_answers
from collectors.document import Document
from collectors.errors import ParseError
from collectors.network.commands import (
    ADDRESSES,
    NEIGHBOURS,
    PLAIN_ADDRESSES,
    PLAIN_NEIGHBOURS,
    PLAIN_ROUTES,
    PLAIN_ROUTES_6,
    ROUTES,
    ROUTES_6,
    SOCKETS,
    is_json,
    read_list,
)
from collectors.network.interfaces import Link, read_interfaces, read_links, wrong_interface
from collectors.network.plain import links_as_json, neighbours_as_json, routes_as_json
from collectors.network.routes import read_neighbours, read_routes
from collectors.network.sockets import read_sockets
from collectors.partly import Partly
from schemas.network import Family, Interface, ListeningSocket, Neighbour, Route

MOST_READ = 20_000
"""No more routes or neighbours are read: a router with the table of the whole Internet is looked at by other means."""
BARE = "ip -j addr"
"""The section's name in errors about the output of one program alone."""


@dataclass(frozen=True, slots=True)
class Readings:
    """What one look read; what was not answered is None. `unread` says what was answered and could not be read."""

    interfaces: tuple[Interface, ...]
    links: Mapping[str, Link] = field(default_factory=dict)
    routes: tuple[Route, ...] | None = None
    neighbours: tuple[Neighbour, ...] | None = None
    listening: tuple[ListeningSocket, ...] | None = None
    unread: tuple[str, ...] = ()


def parse(text: str) -> Readings:
    """Read a look, or the bare output of `ip addr` (or link), with or without `-j`. ParseError otherwise.

    Of a look, what another of the programs says and cannot be read is left out, and named in `unread`.
    """
    found = split_answers(text)
    if not found:
        return Readings(_interfaces(Answer(BARE, text), {}))
    addresses = _addresses(found)
    if addresses is None:
        raise ParseError("there is no answer of ip", section=BARE)
    partly = Partly()
    links = partly.read(lambda: read_links({one.line: one.text for one in found})) or {}
    interfaces = _interfaces(addresses, links)
    routes = [
        partly.read(lambda: _routes(_one_of(found, ROUTES, PLAIN_ROUTES), "inet")),
        partly.read(lambda: _routes(_one_of(found, ROUTES_6, PLAIN_ROUTES_6), "inet6")),
    ]
    return Readings(
        interfaces,
        links,
        routes=None if routes == [None, None] else tuple(route for some in routes for route in some or ()),
        neighbours=partly.read(lambda: _neighbours(_one_of(found, NEIGHBOURS, PLAIN_NEIGHBOURS))),
        listening=partly.read(lambda: _sockets(answer_to(found, SOCKETS))),
        unread=partly.unread,
    )


def _addresses(found: tuple[Answer, ...]) -> Answer | None:
    """Return the answer that names the interfaces: in JSON, where `ip` can."""
    told = [*answers_to(found, ADDRESSES), *answers_to(found, PLAIN_ADDRESSES)]
    return next((one for one in told if one.text.strip()), told[-1] if told else None)


def _one_of(found: tuple[Answer, ...], *commands: tuple[str, ...]) -> Answer | None:
    return next((answer for argv in commands if (answer := answer_to(found, argv)) is not None), None)


def _interfaces(answer: Answer, links: Mapping[str, Link]) -> tuple[Interface, ...]:
    if not answer.text.strip():
        raise ParseError("gave nothing", section=answer.place)
    told = tuple(islice(read_interfaces(_rows(answer, links_as_json), links), MOST_READ))
    if not told:
        raise wrong_interface(answer.place)
    return told


def _rows(answer: Answer, plain: Callable[..., list[dict[str, Any]]]) -> Document:
    """Return an answer as JSON, whichever way `ip` gave it."""
    if is_json(answer.text) or not answer.text.strip():
        return read_list(answer.text, section=answer.place)
    return Document(plain(answer.text, section=answer.place), answer.place)


def _routes(answer: Answer | None, family: Family) -> tuple[Route, ...] | None:
    return tuple(islice(read_routes(_rows(answer, routes_as_json), family), MOST_READ)) if answer is not None else None


def _neighbours(answer: Answer | None) -> tuple[Neighbour, ...] | None:
    return tuple(islice(read_neighbours(_rows(answer, neighbours_as_json)), MOST_READ)) if answer is not None else None


def _sockets(answer: Answer | None) -> tuple[ListeningSocket, ...] | None:
    return read_sockets(answer.text, section=answer.place) if answer is not None else None
