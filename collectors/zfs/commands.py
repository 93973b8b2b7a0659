"""Which programs are run: as JSON where OpenZFS is 2.3 or later, else as text.

Source: zpool-version(8), zpool-list(8), zpool-status(8), zpool-get(8), zfs-list(8).
"""

import re

from collectors.request import Command
from collectors.zfs.arc import PATH
from collectors.zfs.listing import GET, ZFS_LIST

# 0.7 has no such command and ends with 2; without the kernel module it says half of it and ends with 1.
VERSION = Command(("zpool", "version"), frozenset({0, 1, 2}))
ARC = Command(("cat", PATH), frozenset({0, 1}))
# Text has local times: in UTC they say when. -T u tells the time of the device, which the age of a scrub is counted by.
UTC = ("env", "TZ=UTC0")

_VERSION = re.compile(r"^zfs-([0-9]{1,4})\.([0-9]{1,4})([!-~]{0,100})", re.MULTILINE)
_JSON_SINCE = (2, 3)


def read_version(text: str) -> str | None:
    """Return the version of the programs, such as `2.2.2-0ubuntu9.1`; None when none is told."""
    match = _VERSION.search(text[:4096])
    return f"{match[1]}.{match[2]}{match[3]}" if match is not None else None


def commands(version_text: str) -> tuple[Command, ...]:
    """Return what to run with this version."""
    match = _VERSION.search(version_text[:4096])
    as_json = match is not None and (int(match[1]), int(match[2])) >= _JSON_SINCE
    json, script = (("-j",), ()) if as_json else ((), ("-H",))
    columns = () if as_json else ("-o", "name,property,value")
    return (
        Command(("zpool", "list", *json, "-p")),
        Command((*UTC, "zpool", "status", *json, "-p", "-T", "u")),
        Command(("zpool", "get", *json, *script, "-p", *columns, ",".join(GET))),
        Command(("zfs", "list", *json, *script, "-p", "-t", "filesystem,volume", "-o", ",".join(ZFS_LIST))),
        ARC,
    )
