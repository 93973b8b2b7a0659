"""Host and port written in one word."""

from collectors.ssh.target import PORT
from runtime.errors import InputInvalid

LARGEST_PORT = 65_535


def split_host(where: str) -> tuple[str, int]:
    """Return host and port of `host`, `host:port`, `[address]:port` or a bare IPv6 address.

    Raises InputInvalid for a port that there is not.
    """
    if where.startswith("["):
        host, _, port = where[1:].partition("]")
        return host, _port(port[1:], where) if port[1:].isdecimal() else PORT
    host, colon, port = where.rpartition(":")
    if colon and ":" not in host and port.isdecimal():
        return host, _port(port, where)
    return where, PORT


def _port(digits: str, where: str) -> int:
    # Python refuses to read numbers of thousands of digits.
    port = int(digits) if len(digits) <= len(str(LARGEST_PORT)) else 0
    if not 1 <= port <= LARGEST_PORT:
        raise InputInvalid(f"{where[:80]!r}: a port is a number from 1 to {LARGEST_PORT}", operation="read address")
    return port
