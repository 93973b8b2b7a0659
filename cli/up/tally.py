"""What this run published, derived and could not process: counted record by record, for the summary."""

from collections import Counter

from runtime.kafka.dead_letters import DeadLetter
from schemas.gap import GapClosed, GapDetected
from schemas.notification import (
    NotificationDelivered,
    NotificationFailed,
    NotificationRequested,
    NotificationSuppressed,
)
from schemas.record import AnyRead, Record

UNREADABLE = "unreadable"
"""Under which records are counted that are no valid event."""


class Tally:
    """Counts of one run. `published`: what agents and operators wrote; `derived`: what streams and sinks did."""

    def __init__(self) -> None:
        self.published: Counter[str] = Counter()
        self.derived: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()
        self.suppressed: Counter[str] = Counter()
        self.gaps_detected = 0
        self.gaps_closed = 0
        self._dead: set[tuple[str, str, int, int]] = set()

    @property
    def dead_letters(self) -> int:
        """Dead letters; one that was sent twice counts once."""
        return len(self._dead)

    def count(self, record: Record[AnyRead]) -> None:
        """Count one event."""
        event = record.event
        seen = self.derived if event.source.startswith(("/streams/", "/sinks/")) else self.published
        seen[event.type] += 1
        match event:
            case NotificationRequested():
                self.outcomes["requested"] += 1
            case NotificationDelivered():
                self.outcomes["delivered"] += 1
            case NotificationFailed():
                self.outcomes["failed"] += 1
            case NotificationSuppressed():
                self.outcomes["suppressed"] += 1
                self.suppressed[event.data.reason] += 1
            case GapDetected():
                self.gaps_detected += 1
            case GapClosed():
                self.gaps_closed += 1
            case _:
                pass

    def count_refused(self) -> None:
        """Count a record that is no valid event."""
        self.published[UNREADABLE] += 1

    def count_dead_letter(self, letter: DeadLetter) -> bool:
        """Count one dead letter; False when it was counted before."""
        before = len(self._dead)
        self._dead.add(letter.identity)
        return len(self._dead) > before
