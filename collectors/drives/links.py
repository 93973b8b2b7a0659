"""Who a drive is that does not answer: the names that udev gave it when it came up, out of /dev/disk/by-id.

A drive in standby is not asked for its serial number. What it is called here keeps it the same drive. Source of the
names: 60-persistent-storage.rules of udev: `ata-<model>_<serial>`, `wwn-0x<number>`, blanks as `_`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

# ls -l: `lrwxrwxrwx 1 root root 9 Nov 21 02:40 ata-WDC_WD40EFRX-68N32N0_WD-WCC7K0000001 -> ../../sda`
_LINK = re.compile(r" (ata-[^ ]{1,255}_|wwn-)([^ _]{1,255}) -> (?:\.\./)*([A-Za-z0-9_/!-]{1,64})$")
_PART = re.compile(r"-part[0-9]{1,4}$")


@dataclass(frozen=True, slots=True)
class Named:
    """What the links say of one drive."""

    serial: str | None = None
    wwn: str | None = None


def read_links(text: str) -> Mapping[str, Named]:
    """Return by path who is there; lines that say nothing of it are passed over."""
    found: dict[str, Named] = {}
    for line in text.split("\n"):
        link = _LINK.search(line) if len(line) < 1024 else None
        if link is None or _PART.search(link[2]):
            continue
        path = f"/dev/{link[3]}"
        before = found.get(path, Named())
        if link[1] == "wwn-":
            found[path] = Named(before.serial, link[2].lower())
        else:
            found[path] = Named(link[2], before.wwn)
    return found
