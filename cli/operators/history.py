"""What was said and decided about one alert: its events in the log, and what became of each notification."""

from dataclasses import dataclass, field
from uuid import UUID

from cli.operators.log import Decoded
from schemas.alert import (
    AlertAcknowledged,
    AlertRaised,
    AlertResolved,
    AlertSilenced,
    AlertUnacknowledged,
    AlertUnsilenced,
)
from schemas.maintenance import MaintenanceEnded, MaintenanceStarted
from schemas.notification import (
    NotificationDelivered,
    NotificationFailed,
    NotificationRequested,
    NotificationSuppressed,
)

Remarked = (AlertRaised, AlertResolved, AlertAcknowledged, AlertUnacknowledged)
Outcome = NotificationDelivered | NotificationFailed | NotificationSuppressed
Windows = (AlertSilenced, AlertUnsilenced, MaintenanceStarted, MaintenanceEnded)


@dataclass(slots=True)
class History:
    """The records about one alert, by event id as they come: `take` those of `infra.alerts` and `infra.notifications`.

    A record that was taken before is passed over: redelivery puts the same event twice.
    """

    alert: UUID
    events: dict[UUID, Decoded] = field(default_factory=dict)
    """Raised, resolved, acknowledged and unacknowledged."""
    decisions: dict[UUID, Decoded] = field(default_factory=dict)
    """Requested, and suppressed by the derivation."""
    outcomes: dict[UUID, Decoded] = field(default_factory=dict)
    """Of its requests: delivered, failed, or suppressed by a sink."""
    windows: dict[UUID, Decoded] = field(default_factory=dict)
    """Silences and maintenance, of whatever alerts."""

    def take(self, record: Decoded) -> None:
        """Keep what is about the alert."""
        event = record.event
        match event:
            case AlertRaised() if event.id == self.alert:
                self.events.setdefault(event.id, record)
            case AlertResolved() | AlertAcknowledged() | AlertUnacknowledged() if event.data.alert_id == self.alert:
                self.events.setdefault(event.id, record)
            case AlertSilenced() | AlertUnsilenced() | MaintenanceStarted() | MaintenanceEnded():
                self.windows.setdefault(event.id, record)
            case NotificationDelivered() | NotificationFailed() | NotificationSuppressed() if self._of_sink(event):
                self.outcomes.setdefault(event.id, record)
            case NotificationRequested() if self.alert in event.data.alert_ids:
                self.decisions.setdefault(event.id, record)
            case NotificationSuppressed() if event.data.request_id is None and self.alert in event.data.alert_ids:
                self.decisions.setdefault(event.id, record)
            case _:
                pass

    def raised(self) -> Decoded | None:
        """The record that raised it, when it was read."""
        return next((one for one in self.events.values() if isinstance(one.event, AlertRaised)), None)

    def resolved(self) -> Decoded | None:
        """The record that resolved it, when it was read."""
        return next((one for one in self.events.values() if isinstance(one.event, AlertResolved)), None)

    def _of_sink(self, event: Outcome) -> bool:
        # A sink answers what stands before it in the same partition.
        return event.data.request_id in self.decisions
