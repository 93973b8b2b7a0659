"""Looks that a device owes because it could not be reached: made up for as soon as it answers, not an hour later.

Who adds a device, accepts its host key afterwards, or starts it again, need not wait a whole interval of each look.
"""

from collectors.errors import CircuitOpen, ConnectionLost, LookUnreachable, NoTurn
from collectors.looked import Looked

SHARE = 0.1
"""Of its interval: so long after the connection broke under a look is that one made up for, lest one that breaks it
each time is tried with every sign of life."""


class Owed:
    """What which device owes. Times in seconds of the monotonic clock."""

    def __init__(self) -> None:
        self._broke: dict[str, dict[str, float | None]] = {}

    def ended(self, device: str, look: str, looked: Looked, *, now: float) -> None:
        """Remember how a look ended that was due."""
        if isinstance(looked.error, LookUnreachable | CircuitOpen | NoTurn):
            broke = now if isinstance(looked.error, ConnectionLost) else None
            self._broke.setdefault(device, {})[look] = broke
        elif (owed := self._broke.get(device)) is not None:
            owed.pop(look, None)

    def due(self, device: str, intervals: dict[str, float], *, now: float) -> frozenset[str]:
        """Return the looks to make up for now that the device answers; `intervals` in seconds, by name."""
        return frozenset(
            look
            for look, broke in self._broke.get(device, {}).items()
            if look in intervals and (broke is None or now - broke >= SHARE * intervals[look])
        )

    def forget(self, device: str) -> None:
        """Forget a device that is watched no more, or in another way."""
        self._broke.pop(device, None)
