"""Which programs are run: `ip` for links and addresses first, then what they name.

Source: ip(8), ip-address(8), ip-route(8), ip-neighbour(8), ss(8) of iproute2 4.11 to 6.15; Documentation/ABI/testing/
sysfs-class-net of the kernel.
"""

import re

from collectors.document import Document, read_document
from collectors.errors import ParseError
from collectors.request import Command

ADDRESSES = ("ip", "-j", "-s", "-d", "addr", "show")
ROUTES = ("ip", "-j", "route", "show")
ROUTES_6 = ("ip", "-j", "-6", "route", "show")
NEIGHBOURS = ("ip", "-j", "neigh", "show")
# Where `ip` knows no -j.
PLAIN_ADDRESSES = ("ip", "addr", "show")
PLAIN_ROUTES = ("ip", "route", "show")
PLAIN_ROUTES_6 = ("ip", "-6", "route", "show")
PLAIN_NEIGHBOURS = ("ip", "neigh", "show")
SOCKETS = ("ss", "-H", "-tulnp")
# head ends with 1 when a driver has no answer: the speed of a link that is down.
LINKS = ("head", "-v", "-c", "64")
LINK_FILES = ("speed", "duplex", "carrier_changes")
SYSFS = "/sys/class/net/"

MOST_LINKS = 256

# ip ends with 255 on an option that it does not know, and with 1 or 2 when the kernel refuses (no IPv6).
_IP_ENDS = frozenset({0, 1, 2, 255})
_SS_ENDS = frozenset({0, 1, 126, 127, 255})
_NAME = re.compile(r"(?!\.\.?$)[^/\s\x00]{1,15}")
# Their speed is a constant of the driver, or nothing: veth says 10 Gbit/s, tun 10 Mbit/s.
_WITH_SPEED = frozenset({None, "bond", "team", "bridge", "vlan"})
# Until 5.9 the type of a route had no key: {"unreachable","dst":...} (iproute2 issue 37).
_KEYLESS = re.compile(r'\{"(unicast|local|broadcast|multicast|anycast|throw|unreachable|prohibit|blackhole|nat)",')


def read_list(text: str, *, section: str) -> Document:
    """Read the JSON of `ip -j`, empty when nothing was printed. ParseError, with the reason, where it is none."""
    if not text.strip():
        return Document([], section)
    if not is_json(text):
        raise ParseError("no JSON of `ip -j`", section=section, line=1, text=text)
    return read_document(_KEYLESS.sub(r'{"type":"\1",', text), section=section)


def is_json(text: str) -> bool:
    """Tell whether it is JSON of `ip -j`, and not what people read."""
    return text.lstrip().startswith(("[", "{"))


def then(text: str) -> tuple[Command, ...]:
    """Return what to run after the addresses; raises ParseError."""
    sockets = Command(SOCKETS, _SS_ENDS)
    if not is_json(text):
        plain = (PLAIN_ADDRESSES, PLAIN_ROUTES, PLAIN_ROUTES_6, PLAIN_NEIGHBOURS)
        return (*(Command(argv, _IP_ENDS) for argv in plain), sockets)
    files = tuple(
        f"{SYSFS}{name}/{file}"
        for name in _names_with_speed(read_list(text, section="ip -j addr"))[:MOST_LINKS]
        for file in LINK_FILES
    )
    links = (Command((*LINKS, *files), frozenset({0, 1})),) if files else ()
    return (
        *links,
        Command(ROUTES, _IP_ENDS),
        Command(ROUTES_6, _IP_ENDS),
        Command(NEIGHBOURS, _IP_ENDS),
        sockets,
    )


def _names_with_speed(document: Document) -> list[str]:
    found = []
    for link in document.items():
        name = link.at("ifname").text()
        kind = link.at("linkinfo", "info_kind").text()
        ether = link.at("link_type").text() in ("ether", "infiniband")
        if name is not None and _NAME.fullmatch(name) and ether and kind in _WITH_SPEED:
            found.append(name)
    return found
