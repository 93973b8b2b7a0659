"""Listening sockets: `ss -H -tulnp`.

Source of the format: ss(8) of iproute2 4.10 and later: protocol, state, two queues, local and peer address with the
port after the last colon, and, where it may be seen, `users:(("name",pid=1,fd=3),...)`.
"""

import re
from collections.abc import Iterator

from collectors.errors import ParseError
from collectors.system.reading import numbered, whole
from schemas.network import ListeningSocket

_STATES = frozenset({"LISTEN", "UNCONN"})
# A program's name may hold anything, quotes too; before 4.0 there was no `pid=`.
_PROGRAM = re.compile(r'users:\(\("(.{1,64}?)",(?:pid=)?\d')


def read_sockets(text: str, *, section: str) -> tuple[ListeningSocket, ...]:
    """Return what is listened on, each address and port once, in a stable order. ParseError names the line."""
    found: dict[tuple[str, int, str], ListeningSocket] = {}
    for number, line in numbered(text):
        for one in _socket(line, number, section=section):
            key = one.protocol, one.port, one.address
            # Workers that share a port each have a socket on it.
            if key not in found or found[key].program is None:
                found[key] = one
    return tuple(found[key] for key in sorted(found))


def _socket(line: str, number: int, *, section: str) -> Iterator[ListeningSocket]:
    fields = line.split(None, 6)
    if fields[0] == "Netid":
        return
    if len(fields) < 6 or fields[0] not in ("tcp", "udp"):
        raise ParseError("not tcp or udp, state, queues and two addresses", section=section, line=number, text=line)
    if fields[1] not in _STATES:
        return
    address, colon, port = fields[4].rpartition(":")
    address = address.replace("[", "").replace("]", "").replace("\x00", "")[:255]
    if not colon or not address:
        raise ParseError("not an address and a port", section=section, line=number, text=fields[4])
    value = whole(port, section=section, line=number)
    if not 1 <= value <= 65535:
        raise ParseError("not a port", section=section, line=number, text=fields[4])
    program = _PROGRAM.search(fields[6]) if len(fields) > 6 else None
    yield ListeningSocket(
        protocol="tcp" if fields[0] == "tcp" else "udp",
        address=address,
        port=value,
        program=program[1].replace("\x00", "") or None if program else None,
    )
