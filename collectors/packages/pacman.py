"""`pacman -Qu` and `checkupdates`.

Source of the format: pacman(8): `<name> <installed> -> <available>`, with ` [ignored]` for what is held back.
"""

import re

from collectors.errors import ParseError
from collectors.packages.update import updates_of
from collectors.system.reading import numbered
from schemas.packages import PackageUpdate

_LINE = re.compile(r"(\S{1,255}) (\S{1,255}) -> (\S{1,255})( \[.{1,40}\])?")


def read_updates(text: str, *, section: str) -> tuple[PackageUpdate, ...]:
    """Return the updates that are not held back; which are for security is not told. ParseError names the line."""
    found = []
    for number, line in numbered(text):
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise ParseError("not a name, a version, -> and a version", section=section, line=number, text=line)
        if match[4] is None:
            found.append((match[1], match[2], match[3], None, None))
    return updates_of(found)
