"""Whether a newer kernel is installed than the one that runs: by the folders of /lib/modules, one for each kernel.

As needrestart(1) does, simplified: only kernels of the same flavour (`amd64`, `cloud-amd64`, `generic`, `lts`) are
compared, and the greater version is the newer one.
"""

import re
from collections.abc import Iterable

_RELEASE = re.compile(r"\d[A-Za-z0-9.+~_-]{0,126}", re.ASCII)
_PART = re.compile(r"\d{1,18}|[a-z]+", re.ASCII)
_WORD = re.compile(r"[a-z][a-z0-9_]*\+?", re.ASCII)
# Tags of a release that change from one to the next, and are no flavour: el9_4, fc40, deb12u1, arch1.
_TAG = re.compile(r"(?:el|fc|deb|bpo|arch|rc|r|amzn|mga|zen|hardened)\d+(?:_\d+)?(?:u\d+)?", re.ASCII)


def newest(running: str, installed: Iterable[str]) -> str | None:
    """Return the newest installed kernel of the running one's flavour; None when there is none of it."""
    same = [one for one in installed if _RELEASE.fullmatch(one) and flavour(one) == flavour(running)]
    return max(same, key=_order, default=None)


def is_newer(one: str, other: str) -> bool:
    """Return whether a release is newer than another."""
    return _order(one) > _order(other)


def flavour(release: str) -> tuple[str, ...]:
    """Return the words of a release that say what it was built for."""
    words = _WORD.findall(release.lower().replace(".", "-").replace("-", " "))
    return tuple(word for word in words if _TAG.fullmatch(word) is None)


def _order(release: str) -> tuple[tuple[int, int, str], ...]:
    # A number is newer than a word: 6.1.0 than 6.1-rc1.
    return tuple((1, int(part), "") if part.isdigit() else (0, 0, part) for part in _PART.findall(release.lower()))
