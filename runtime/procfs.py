"""What the kernel tells of a process of ours (proc(5)); nothing where there is no `/proc`."""

import re
from pathlib import Path

_HWM = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


def peak_in(status: str) -> int:
    """Return the peak resident set in the text of `/proc/<pid>/status`, bytes; 0 when it is not told."""
    found = _HWM.search(status)
    return int(found[1]) * 1024 if found else 0


def peak_rss_bytes(pid: int) -> int:
    """Return the peak resident set of a process, bytes; 0 when it is gone."""
    try:
        return peak_in(Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace"))
    except OSError:
        return 0
