"""Ports that a device offers: which opened, which closed."""

from collections.abc import Iterable, Mapping

from schemas.network import ListeningSocket
from streams.entity_status.change import TOO_MANY, Change, Compared, Sight, admitted, facts, gone
from streams.entity_status.links import network_change
from streams.entity_status.policy import EntityPolicy
from streams.entity_status.state import MOST_PORTS

_LOOPBACK = ("127.", "::1", "[::1]", "::ffff:127.")


def is_offered(socket: ListeningSocket, policy: EntityPolicy) -> bool:
    """Whether a socket offers something to others.

    A client's UDP socket is told by ss(8) as one that listens: those have ports of the ephemeral range (ip(7),
    ip_local_port_range). Of TCP only sockets of loopback addresses are left out there, which programs open for
    themselves.
    """
    if socket.port < policy.ephemeral_ports_from:
        return True
    return socket.protocol == "tcp" and not socket.address.startswith(_LOOPBACK)


def compare_ports(
    known: Mapping[str, str] | None, listening: Iterable[ListeningSocket], sight: Sight, *, complete: bool
) -> Compared[dict[str, str]]:
    """What opened and closed between two looks; without a look before, nothing did."""
    offered = [(_entity(one), one) for one in listening if is_offered(one, sight.policy)]
    before = known or {}
    seen, all_there = admitted(offered, before, most=MOST_PORTS, wrong=lambda _: False)
    after = dict(before)
    changes: list[Change] = []
    for entity, socket in seen:
        after[entity] = socket.program or before.get(entity, "")
        if known is not None and sight.settled and entity not in before:
            changes.append(_opened(entity, socket, sight))
    for entity in gone(before, (entity for entity, _ in offered), complete=complete):
        changes.append(_closed(entity, after.pop(entity), sight))
    return Compared(after, tuple(changes), () if all_there else (TOO_MANY,))


def _entity(socket: ListeningSocket) -> str:
    return f"{socket.protocol}/{socket.address}/{socket.port}"


def _opened(entity: str, socket: ListeningSocket, sight: Sight) -> Change:
    by = f", by {socket.program}" if socket.program else ""
    return network_change(
        entity,
        "port_opened",
        f"{socket.protocol} port {socket.port} was opened on {socket.address}{by}",
        previous=None,
        status="open",
        before={},
        after=facts(status="open", program=socket.program),
        sight=sight,
    )


def _closed(entity: str, program: str, sight: Sight) -> Change:
    protocol, _, rest = entity.partition("/")
    address, _, port = rest.rpartition("/")
    by = f" (it was {program}'s)" if program else ""
    return network_change(
        entity,
        "port_closed",
        f"{protocol} port {port} on {address} was closed{by}",
        previous="open",
        status="closed",
        before=facts(status="open", program=program or None),
        after=facts(status="closed"),
        sight=sight,
    )
