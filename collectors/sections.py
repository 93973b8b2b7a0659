"""Many files as one text: each under a line `==> name <==`, as head(1) and tail(1) print several files.

One look at a device is one round trip with one raw output, whether its files are read on the spot or over SSH.
"""

import re
from collections.abc import Iterable

_HEADER = re.compile(r"^==> (.+) <==$", re.MULTILINE)


def join(sections: Iterable[tuple[str, str]]) -> str:
    """Return the text of (name, content) pairs."""
    return "\n".join(f"==> {name} <==\n{content}" for name, content in sections)


def split(text: str) -> dict[str, str]:
    """Return content by name, without empty lines at its end; what stands before the first header is left out."""
    found: dict[str, str] = {}
    headers = list(_HEADER.finditer(text))
    ends = [*(header.start() for header in headers[1:]), len(text)]
    for header, end in zip(headers, ends, strict=False):
        found[header[1]] = text[header.end() : end].strip("\n")
    return found
