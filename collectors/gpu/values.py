"""Values of nvidia-smi: a number and its unit, or a word that says that there is none.

Source of the words: nvidia-smi(1) and the driver's own: `N/A`, `[N/A]`, `[Not Supported]`, `[Unknown Error]`,
`[GPU requires reset]`, `[Insufficient Permissions]`, `Not Found`, `Requested functionality has been deprecated`.
"""

import re
from collections.abc import Mapping

from collectors.errors import ParseError
from collectors.gpu.xml import Element

_NUMBER = re.compile(r"(-?[0-9]{1,15}(?:\.[0-9]{1,9})?)(?: ?([A-Za-z%/]{1,8}))?", re.ASCII)
_BEGUN = re.compile(r"[-+.]?[0-9]", re.ASCII)
# What a unit is worth of the unit that samples have.
_UNITS: Mapping[str, Mapping[str | None, float]] = {
    "bytes": {"B": 1.0, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30, "MB": 2.0**20},
    "ratio": {"%": 0.01},
    "celsius": {"C": 1.0},
    "watts": {"W": 1.0, "mW": 1e-3},
    "hertz": {"MHz": 1e6, "GHz": 1e9},
    "rate": {"KB/s": 1e3, "MB/s": 1e6},
    "volts": {"mV": 1e-3, "V": 1.0},
    "seconds": {"us": 1e-6, "ms": 1e-3, "s": 1.0},
    "lanes": {"x": 1.0},
    "count": {None: 1.0},
}


def number(element: Element | None, kind: str, *, section: str, path: str) -> float | None:
    """Return a number in the unit of samples; None for a word. ParseError for a number of another unit."""
    if element is None or _BEGUN.match(element.text) is None:
        return None
    match = _NUMBER.fullmatch(element.text)
    worth = _UNITS[kind].get(match[2]) if match is not None else None
    if match is None or worth is None:
        units = " or ".join(unit for unit in _UNITS[kind] if unit) or "no unit"
        raise ParseError(f"{path}: not a number with {units}", section=section, line=element.line, text=element.text)
    # 26.78 W stays what it is; 37 % becomes 0.37, not 0.37000000000000005.
    return round(float(match[1]) * worth, 9)


def flag(element: Element | None, *, yes: str, no: str) -> bool | None:
    """Return whether it says `yes`; None when it says neither."""
    return {yes: True, no: False}.get(element.text) if element is not None else None


def word(element: Element | None) -> str | None:
    """Return a text that names something; None for those that say that there is none."""
    text = element.text.strip() if element is not None else ""
    return None if not text or text.startswith("[") or text in {"N/A", "None", "Not Found", "Unknown Error"} else text
