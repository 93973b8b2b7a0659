"""Which records are requests for one receiver, and which of those are dealt with already. Pure."""

from dataclasses import dataclass, field
from uuid import UUID

from schemas.headers import REDRIVE_FOR, header
from schemas.notification import (
    NotificationDelivered,
    NotificationFailed,
    NotificationRequested,
    NotificationSuppressed,
)
from schemas.record import AnyRead, RawRecord
from sinks.telling.outcomes import Outcome
from sinks.telling.port import Desk

_MOST_SETTLED = 20_000


@dataclass(frozen=True, slots=True)
class Waits:
    """A request that waits, and the record that it came in."""

    request: NotificationRequested
    raw: RawRecord

    def waited_s(self, now_ms: int) -> float:
        """How long, seconds, since the log has it."""
        return (now_ms - self.raw.appended_ms) / 1000


@dataclass(slots=True)
class Settled:
    """Requests that have an outcome, the newest so many of them, and whether that is a delivery."""

    _delivered: dict[UUID, bool] = field(default_factory=dict)

    def has(self, request_id: UUID, *, redriven: bool) -> bool:
        """Whether there is nothing to do any more: what failed and was put back is tried again."""
        delivered = self._delivered.get(request_id)
        return delivered is not None and (delivered or not redriven)

    def add(self, outcome: Outcome) -> None:
        """Take note of an outcome."""
        if outcome.data.request_id is None:
            return
        self._delivered[outcome.data.request_id] = isinstance(outcome, NotificationDelivered)
        if len(self._delivered) > _MOST_SETTLED:
            del self._delivered[next(iter(self._delivered))]

    def clear(self) -> None:
        """Forget all."""
        self._delivered.clear()


def redriven_for(raw: RawRecord) -> str | None:
    """The consumer that a record was put back for; None for one that comes by itself, which is for everybody."""
    found = header(raw.headers, REDRIVE_FOR) if raw.headers else None
    return None if found is None else found.decode(errors="replace")


def request_for(desk: Desk, event: AnyRead) -> NotificationRequested | None:
    """The event as a request that this receiver's sink answers; requests of others' are for others."""
    if isinstance(event, NotificationRequested) and event.data.receiver == desk.receiver:
        return event
    return None


def outcome_of(desk: Desk, event: AnyRead) -> Outcome | None:
    """The event as an outcome that this sink told; None for any other event."""
    if isinstance(event, NotificationDelivered | NotificationFailed | NotificationSuppressed):
        return event if event.source == desk.source else None
    return None
