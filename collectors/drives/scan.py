"""Which drives there are: `smartctl --scan-open -j`, and what is asked of each.

Source of the format: smartctl(8), options `--scan-open`, `-d` and `-n`.
"""

import re
from dataclasses import dataclass

from collectors.document import Document
from collectors.errors import ParseError

SCAN = ("smartctl", "--scan-open", "-j")
LINKS = ("ls", "-l", "/dev/disk/by-id")
MOST_DRIVES = 1024

_PATH = re.compile(r"/[\x21-\x7e]{1,1023}")
_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_,.:/+-]{0,127}")


@dataclass(frozen=True, slots=True)
class Scanned:
    """A device that the scan found: `type` is what `-d` wants; `error` is why it could not be opened."""

    path: str
    type: str | None = None
    error: str | None = None

    @property
    def argv(self) -> tuple[str, ...]:
        """Ask it for everything, unless that would wake it up."""
        kind = ("-d", self.type) if self.type else ()
        return ("smartctl", "-j", "-x", "-n", "standby", *kind, self.path)


def read_scan(document: Document) -> tuple[Scanned, ...]:
    """Read the scan, each device once. ParseError when a path or a type is none that may be handed to a program."""
    found = dict.fromkeys(_scanned(device) for device in document.at("devices").items())
    if len(found) > MOST_DRIVES:
        raise ParseError(f"more than {MOST_DRIVES} devices", section=document.section)
    return tuple(found)


def _scanned(device: Document) -> Scanned:
    path, kind = device.at("name"), device.at("type")
    if not isinstance(path.value, str) or _PATH.fullmatch(path.value) is None:
        raise path.wrong("the path of a device")
    if kind.value is not None and (not isinstance(kind.value, str) or _TYPE.fullmatch(kind.value) is None):
        raise kind.wrong("a device type")
    return Scanned(path.value, kind.text(), device.at("open_error").text(most=4096))
