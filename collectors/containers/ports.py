"""Ports as the engines write them: `{"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}], "443/tcp": null}`."""

import re
from collections.abc import Iterator
from typing import Literal, get_args

from collectors.document import Document
from schemas.container import PublishedPort

Protocol = Literal["tcp", "udp", "sctp"]
MOST_PORTS = 200
"""Of one container; one that publishes a range of thousands would fill an event."""

_PORT = re.compile(r"([0-9]{1,5})(?:-[0-9]{1,5})?(?:/([a-z]{1,8}))?", re.IGNORECASE)
_PROTOCOLS: dict[str, Protocol] = {name: name for name in get_args(Protocol)}


def read_ports(mapping: Document) -> tuple[PublishedPort, ...]:
    """Read the ports of `inspect`, in an order that lasts."""
    found: list[PublishedPort] = []
    for key, bindings in mapping.fields():
        match = _PORT.fullmatch(key)
        if match is None:
            raise bindings.wrong("under a port, such as 80/tcp")
        number, protocol = _number(match[1]), _PROTOCOLS.get((match[2] or "tcp").lower())
        if number is None or protocol is None:
            continue
        places = [_place(binding) for binding in bindings.items()]
        found += [
            PublishedPort(container_port=number, protocol=protocol, host_address=address, host_port=port)
            for address, port in places or [(None, None)]
        ]
    return ordered(found)


def _place(binding: Document) -> tuple[str | None, int | None]:
    port = binding.at("HostPort")
    text = port.text() if isinstance(port.value, str) else str(port.whole() or "")
    match = _PORT.fullmatch(text or "")
    # `8000-8010`: one of them, it is not known which before the container runs.
    return binding.at("HostIp").text(), _number(text or "") if match is not None else None


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65535 else None


def read_listed_ports(rows: Document) -> tuple[PublishedPort, ...]:
    """Read the ports of `podman ps --format json`: each row a port, or a range of them."""
    return ordered([port for row in rows.items() for port in _listed(row)])


def _listed(row: Document) -> Iterator[PublishedPort]:
    first, host = row.at("container_port").whole(most=65535), row.at("host_port").whole(most=65535)
    span, protocol = row.at("range").whole() or 1, _PROTOCOLS.get((row.at("protocol").text() or "tcp").lower())
    if not first or protocol is None:
        return
    address = row.at("host_ip").text()
    for step in range(min(span, MOST_PORTS, 65536 - first)):
        port = host + step if host and host + step <= 65535 else None
        yield PublishedPort(container_port=first + step, protocol=protocol, host_address=address, host_port=port)


def ordered(ports: list[PublishedPort]) -> tuple[PublishedPort, ...]:
    """Return each once, by number."""
    once = {(one.container_port, one.protocol, one.host_address or "", one.host_port or 0): one for one in ports}
    return tuple(once[key] for key in sorted(once))[:MOST_PORTS]
