"""`apk list --upgradable` and `apk version -l '<'`.

Source of the formats: apk-list(8), apk-version(8) of apk-tools 2.10 to 3.0:
`<name>-<version> <arch> {<origin>} (<license>) [upgradable from: <name>-<installed>]`, and
`<name>-<installed> < <version> [@<tag>]` under the headings `Installed: Available:`.
"""

import re

from collectors.errors import ParseError
from collectors.packages.update import Raw, updates_of
from collectors.system.reading import numbered
from schemas.packages import PackageUpdate

# A version begins with a digit and ends with -r and a number, which is what splits it from the name.
_PACKAGE = re.compile(r"(?P<name>\S{1,240}?)-(?P<version>\d[^-\s]{0,120}-r\d{1,6})", re.ASCII)
_FROM = re.compile(r"\[upgradable from: (\S+)\]\s*$")
_ORIGIN = re.compile(r" \{([^}]{0,255})\} ")


def read_upgradable(text: str, *, section: str) -> tuple[PackageUpdate, ...]:
    """Return the updates; Alpine does not tell which are for security. ParseError names the line."""
    return updates_of(
        one
        for number, line in numbered(text)
        if not line.startswith(("Installed:", "WARNING", "fetch "))
        for one in [_update(line, number, section=section)]
    )


def _update(line: str, number: int, *, section: str) -> Raw:
    fields = line.split()
    new = _PACKAGE.fullmatch(fields[0])
    if len(fields) >= 3 and fields[1] == "<" and new is not None:
        return new["name"], new["version"], fields[2], None, None
    before = _FROM.search(line)
    old = _PACKAGE.fullmatch(before[1]) if before is not None else None
    if new is None or old is None:
        raise ParseError("not a package and what it is upgradable from", section=section, line=number, text=line)
    origin = _ORIGIN.search(line)
    return new["name"], old["version"], new["version"], None, origin[1] if origin is not None else None
