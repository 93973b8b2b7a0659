"""Restarts within a window: when a thing restarts in a loop, and when that is over."""

from datetime import datetime, timedelta

Rises = tuple[tuple[datetime, int], ...]
"""When a count was seen to have risen, and by how much; the newest last."""

MOST_RISES = 8


def risen_by(before: int | None, now: int | None) -> int:
    """How much a count rose; a count that went down was reset, and says nothing."""
    return 0 if before is None or now is None else max(0, now - before)


def within(rises: Rises, *, by: int, at: datetime, seconds: float) -> Rises:
    """The rises of the window that ends now, with a new one if there is one."""
    begin = at - timedelta(seconds=seconds)
    kept = tuple(one for one in rises if one[0] > begin)
    return ((*kept, (at, by)) if by else kept)[-MOST_RISES:]


def total(rises: Rises) -> int:
    """How much it rose within the window."""
    return sum(by for _, by in rises)
