"""The difference of two texts, unified as diff(1) writes it with -u, bounded in time and size."""

import difflib
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

CONTEXT = 3
LONGEST = 65_536
"""Characters; of a longer difference the end is left out, and a last line says so."""
# difflib compares each line with all that equal it, again and again: thousands of equal lines would take minutes.
_MOST_COMPARED = 1_000_000
_HUNK = re.compile(r"@@ -([0-9]+)(,[0-9]+)? \+([0-9]+)(,[0-9]+)? @@")


def unified(path: str, before: str | None, after: str | None) -> str | None:
    """Return the difference; None when there is none, or one of the texts is not known."""
    if before is None or after is None or before == after:
        return None
    name = PurePosixPath(path).name
    old, new = before.removesuffix("\n").split("\n"), after.removesuffix("\n").split("\n")
    if old == new:
        return None
    start, end = _alike(old, new)
    first = max(0, start - CONTEXT)
    end = max(0, end - CONTEXT)
    hunks = _hunks(old[first : len(old) - end], new[first : len(new) - end], first)
    return _bounded((f"--- {name}", f"+++ {name}"), hunks)


def _alike(old: list[str], new: list[str]) -> tuple[int, int]:
    """Return how many lines the texts share at their beginnings, and at their ends."""
    most = min(len(old), len(new))
    start = next((index for index in range(most) if old[index] != new[index]), most)
    rest = most - start
    end = next((index for index in range(rest) if old[-1 - index] != new[-1 - index]), rest)
    return start, end


def _hunks(old: list[str], new: list[str], skipped: int) -> Iterator[str]:
    if len(old) * len(new) > _MOST_COMPARED:
        yield f"@@ -{skipped + 1},{len(old)} +{skipped + 1},{len(new)} @@"
        yield from (f"-{line}" for line in old)
        yield from (f"+{line}" for line in new)
        return
    for number, line in enumerate(difflib.unified_diff(old, new, n=CONTEXT, lineterm="")):
        if number >= 2:
            yield _HUNK.sub(lambda found: _shifted(found, skipped), line) if line.startswith("@@") else line


def _shifted(found: re.Match[str], by: int) -> str:
    return f"@@ -{int(found[1]) + by}{found[2] or ''} +{int(found[3]) + by}{found[4] or ''} @@"


def _bounded(header: tuple[str, str], hunks: Iterator[str]) -> str:
    lines, left = [*header], LONGEST - sum(len(line) + 1 for line in header)
    for line in hunks:
        if len(line) + 1 > left - 100:
            rest = 1 + sum(1 for _ in hunks)
            lines.append(f"\\ {rest} more lines")
            break
        lines.append(line)
        left -= len(line) + 1
    return "\n".join(lines) + "\n"
