"""What `ip` prints without `-j`, as the JSON that it would have been: for iproute2 before 4.18, and for busybox.

Until 4.16 `ip` took `-j` and ignored it for routes and neighbours; before 4.13, and in busybox, it knows no `-j`.
Source of the format: ip-address(8), ip-route(8), ip-neighbour(8); ipaddress.c, iproute.c and ipneigh.c of iproute2.
"""

import re
from collections.abc import Iterator
from typing import Any

from collectors.errors import ParseError
from collectors.system.reading import numbered

# 2: eth0.5@eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue master br0 state UP qlen 1000
_LINK = re.compile(r"[0-9]{1,9}: (\S{1,15}?)(?:@\S{1,15})?: <([A-Z0-9_,-]{0,300})>(.*)")
_TYPES = frozenset(
    {"unicast", "local", "broadcast", "multicast", "throw", "unreachable", "prohibit", "blackhole", "nat"}
)
_LEADING = re.compile(r"[0-9a-fA-F:.]{2,45}(?:/[0-9]{1,3})?|default|[0-9]{1,3}")
_STATES = frozenset({"INCOMPLETE", "REACHABLE", "STALE", "DELAY", "PROBE", "FAILED", "NOARP", "PERMANENT", "NONE"})
_HEADER = {"mtu": "mtu", "state": "operstate", "master": "master"}
_ROUTE = {"dev": "dev", "src": "prefsrc", "metric": "metric", "proto": "protocol"}
_NUMBERS = frozenset({"mtu", "metric"})


def links_as_json(text: str, *, section: str) -> list[dict[str, Any]]:
    """Return the interfaces of `ip addr show`. ParseError names the line."""
    found: list[dict[str, Any]] = []
    for number, line in numbered(text):
        header = _LINK.fullmatch(line.rstrip())
        if header is not None:
            told = _told(header[3].split(), _HEADER, section=section, line=number)
            found.append({"ifname": header[1], "flags": header[2].split(","), "addr_info": [], **told})
        elif line[:1].isspace() and found:
            _detail(found[-1], line.split())
        else:
            raise ParseError("neither an interface nor what belongs to one", section=section, line=number, text=line)
    return found


def _detail(link: dict[str, Any], words: list[str]) -> None:
    """Add one indented line; most of them say what is not told of an interface."""
    if words[0].startswith("link/"):
        link["link_type"] = words[0].removeprefix("link/")
        if len(words) > 1:
            link["address"] = words[1]
    elif words[0] in ("inet", "inet6") and len(words) > 1:
        # `inet 10.0.0.1 peer 10.0.0.2/32`: the length is with the other end.
        last = words[3] if len(words) > 3 and words[2] == "peer" else words[1]
        length = last.rpartition("/")[2] if "/" in last else "32" if words[0] == "inet" else "128"
        scope = words[words.index("scope") + 1 :][:1] if "scope" in words else []
        if length.isascii() and length.isdigit() and len(length) <= 3:
            address = {"family": words[0], "local": words[1].partition("/")[0], "prefixlen": int(length)}
            link["addr_info"].append(address | ({"scope": scope[0]} if scope else {}))


def routes_as_json(text: str, *, section: str) -> list[dict[str, Any]]:
    """Return the routes of `ip route show`. ParseError names the line."""
    found: list[dict[str, Any]] = []
    for number, line in numbered(text):
        words = line.split()
        if words[0] == "nexthop" and line[:1].isspace() and found:
            found[-1].setdefault("nexthops", []).append(_way(words[1:], section=section, line=number))
            continue
        kind = words.pop(0) if words[0] in _TYPES and len(words) > 1 else "unicast"
        if _LEADING.fullmatch(words[0]) is None:
            raise ParseError("not a destination", section=section, line=number, text=line)
        found.append({"type": kind, "dst": words[0], **_way(words[1:], section=section, line=number)})
    return found


def _way(words: list[str], *, section: str, line: int) -> dict[str, Any]:
    """Return where a route, or one of its next hops, leads."""
    told = _told(words, _ROUTE, section=section, line=line)
    if "via" in words:
        after = words[words.index("via") + 1 :]
        # A gateway of the other family has it named before.
        other = after[:1] in (["inet"], ["inet6"])
        if after[other : other + 1]:
            told["gateway"] = after[other]
    return told


def neighbours_as_json(text: str, *, section: str) -> list[dict[str, Any]]:
    """Return the neighbours of `ip neigh show`. ParseError names the line."""
    return list(_neighbours(text, section=section))


def _neighbours(text: str, *, section: str) -> Iterator[dict[str, Any]]:
    for number, line in numbered(text):
        words = line.split()
        if _LEADING.fullmatch(words[0]) is None or "dev" not in words[:-1]:
            raise ParseError("not an address and an interface", section=section, line=number, text=line)
        told = _told(words[1:], {"dev": "dev", "lladdr": "lladdr"}, section=section, line=number)
        yield {"dst": words[0], **told, "state": [word for word in words[-2:] if word in _STATES]}


def _told(words: list[str], keys: dict[str, str], *, section: str, line: int) -> dict[str, Any]:
    """Return what follows the words that are keys, under the names of the JSON."""
    found: dict[str, Any] = {}
    rest = iter(words)
    for word in rest:
        name = keys.get(word)
        value = next(rest, None) if name is not None else None
        if name is None or value is None:
            continue
        if name in _NUMBERS:
            if not (value.isascii() and value.isdigit() and len(value) <= 10):
                raise ParseError(f"{word} is no whole number", section=section, line=line, text=value)
            found[name] = int(value)
        else:
            found[name] = value
    return found
