"""How /proc writes names of devices and mount points: fstab(5)."""

import re

_ESCAPED = re.compile(r"\\([0-7]{3})")


def unescaped(text: str) -> str:
    r"""Return a field of /proc/self/mounts or /proc/swaps with its octal escapes (`\040` for a space) undone."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 8)), text)
