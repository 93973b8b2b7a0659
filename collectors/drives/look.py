"""The look itself: find the drives, then ask each that can be opened, without waking it up."""

from functools import partial

from collectors.document import read_document
from collectors.drives.reading import Readings, parse
from collectors.drives.scan import LINKS, SCAN, read_scan
from collectors.drives.telling import NAME, recall, tell
from collectors.look import Look
from collectors.request import Chain, Command

# All of smartctl's bits but the first are findings about the drive, and answers. The first says that the command line
# was refused, as sudo's own 1 and a shell's 127 do; 126 is a shell's as well.
ANSWERS = frozenset(code for code in range(0, 256, 2) if code != 126)


def then(text: str) -> tuple[Command, ...]:
    """Return what to run after the scan; raises ParseError."""
    scanned = read_scan(read_document(text, section=" ".join(SCAN)))
    if not scanned:
        return ()
    asked = tuple(Command(device.argv, ANSWERS) for device in scanned if not device.error)
    # ls ends with 1 or 2 where udev names nothing.
    return (Command(LINKS, frozenset({0, 1, 2})), *asked)


def drives_look(*, interval_s: float | None = None) -> Look[Readings]:
    """Return the entry of the command registry."""
    return Look(
        name=NAME,
        category="hardware",
        request=Chain(Command(SCAN), then),
        parse=parse,
        tell=partial(tell, interval_s=interval_s),
        recall=partial(recall, interval_s=interval_s),
        # A drive that fails takes its time for each command.
        timeout_s=120.0,
        cache_ttl_s=3600.0,
        programs=("smartctl", "ls"),
        sudo=("smartctl",),
    )
