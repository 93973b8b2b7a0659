"""How far this machine's clock is from the broker's, as acknowledgements show."""

from collections import deque
from statistics import median

KEPT = 5
SLOWEST_S = 1.0
"""A batch that was under way for longer says more of the way than of the clock."""


class SkewMeter:
    """The median of the last few measurements of append time minus sending time."""

    def __init__(self) -> None:
        self._last: deque[int] = deque(maxlen=KEPT)

    def add(self, *, sent_ms: int, appended_ms: int, under_way_s: float) -> None:
        """Take one batch into account; times in ms since 1970, by the sender's clock and by the broker's."""
        if under_way_s <= SLOWEST_S:
            self._last.append(appended_ms - sent_ms)

    @property
    def seconds(self) -> float | None:
        """The skew: positive when this machine's clock is behind the broker's. None before anything was sent."""
        return median(self._last) / 1000 if self._last else None
