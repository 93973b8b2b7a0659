"""Numbers and words as zpool(8) and zfs(8) print them with `-p`: exact, `-` where there is none."""

import re

from collectors.errors import ParseError
from collectors.system.reading import whole

LARGEST = 2**63 - 1
_NONE = frozenset({"", "-", "none"})
_RATIO = re.compile(r"([0-9]{1,10}(?:\.[0-9]{1,6})?)x?")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.:+-]{0,63}")
_SIZE = re.compile(r"([0-9]{1,20}(?:\.[0-9]{1,4})?)([KMGTPEZ]?)B?")
_POWERS = {unit: 1024**power for power, unit in enumerate("KMGTPEZ", 1)} | {"": 1}


def count(text: object, *, section: str, line: int | None = None) -> int | None:
    """Return a whole number, as text or as a number; None for `-`. ParseError otherwise."""
    if type(text) is int:
        text = str(text)
    if text is None:
        return None
    if not isinstance(text, str):
        raise ParseError("not a whole number", section=section, line=line, text=repr(text)[:200])
    if text in _NONE:
        return None
    try:
        value = whole(text, section=section, line=line)
    except ParseError:
        raise ParseError("not an exact number: is `-p` missing?", section=section, line=line, text=text) from None
    return value if value <= LARGEST else None


def hundredth(text: object, *, section: str, line: int | None = None) -> float | None:
    """Return the ratio of a percentage, `42` or `42%`, within 0..1."""
    percent = count(text.removesuffix("%") if isinstance(text, str) else text, section=section, line=line)
    return min(1.0, percent / 100) if percent is not None else None


def ratio(text: object, *, section: str, line: int | None = None) -> float | None:
    """Return a factor, `1.50` or `1.50x`."""
    text = str(text) if isinstance(text, int | float) else text
    if text is None or (isinstance(text, str) and text in _NONE):
        return None
    match = _RATIO.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ParseError("not a factor such as 1.50", section=section, line=line, text=repr(text)[:200])
    return float(match[1])


def word(text: object, *, section: str, line: int | None = None) -> str:
    """Return a state in lower case. ParseError when it is none."""
    if not isinstance(text, str) or _WORD.fullmatch(text) is None:
        raise ParseError("not a state such as ONLINE", section=section, line=line, text=str(text)[:200])
    return text.lower()


def rounded_size(text: str) -> int | None:
    """Return the bytes of `1.23T`, which is as exact as `zpool status` says it; None when it is no size."""
    match = _SIZE.fullmatch(text)
    if match is None:
        return None
    size = round(float(match[1]) * _POWERS[match[2]])
    return size if size <= LARGEST else None


def name(text: str) -> str | None:
    """Return a name without NUL, cut to what an event holds; None when it is empty."""
    return text.replace("\x00", "").strip()[:255] or None
