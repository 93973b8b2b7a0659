"""The one list of event types: each model and the topics it belongs in. A new family adds its lines here."""

from typing import Annotated

from pydantic import Field

from schemas.alert import (
    AlertAcknowledged,
    AlertRaised,
    AlertResolved,
    AlertSilenced,
    AlertUnacknowledged,
    AlertUnsilenced,
)
from schemas.clock import ClockTicked
from schemas.collection import CollectionCompleted, CollectionFailed
from schemas.device import DeviceRegistered, DeviceRetired, DeviceStatusChanged, DeviceUpdated
from schemas.envelope import Envelope
from schemas.gap import GapClosed, GapDetected
from schemas.metric import MetricCollected
from schemas.notification import (
    NotificationDelivered,
    NotificationFailed,
    NotificationRequested,
    NotificationSuppressed,
)
from schemas.rules import RulesLoaded

METRICS = "infra.metrics"
OBSERVATIONS = "infra.observations"
COLLECTIONS = "infra.collections"
DEVICES = "infra.devices"
STATUS = "infra.status"
ALERTS = "infra.alerts"
NOTIFICATIONS = "infra.notifications"
DEAD_LETTERS = "infra.dead-letters"

DERIVED_FROM = (METRICS, OBSERVATIONS, COLLECTIONS, STATUS, ALERTS)
"""The topics that derivations read: ticks and rules are put into them."""

Event = (
    MetricCollected
    | DeviceRegistered
    | DeviceUpdated
    | DeviceRetired
    | DeviceStatusChanged
    | CollectionCompleted
    | CollectionFailed
    | AlertRaised
    | AlertResolved
    | AlertAcknowledged
    | AlertUnacknowledged
    | AlertSilenced
    | AlertUnsilenced
    | NotificationRequested
    | NotificationSuppressed
    | NotificationDelivered
    | NotificationFailed
    | ClockTicked
    | RulesLoaded
    | GapDetected
    | GapClosed
)
"""Every event there is."""

AnyEvent = Annotated[Event, Field(discriminator="type")]

TOPICS: dict[type[Envelope], tuple[str, ...]] = {
    MetricCollected: (METRICS,),
    DeviceRegistered: (COLLECTIONS, DEVICES),
    DeviceUpdated: (COLLECTIONS, DEVICES),
    DeviceRetired: (COLLECTIONS, DEVICES),
    DeviceStatusChanged: (STATUS,),
    CollectionCompleted: (COLLECTIONS,),
    CollectionFailed: (COLLECTIONS,),
    AlertRaised: (ALERTS,),
    AlertResolved: (ALERTS,),
    AlertAcknowledged: (ALERTS,),
    AlertUnacknowledged: (ALERTS,),
    AlertSilenced: (ALERTS,),
    AlertUnsilenced: (ALERTS,),
    NotificationRequested: (NOTIFICATIONS,),
    NotificationSuppressed: (NOTIFICATIONS,),
    NotificationDelivered: (NOTIFICATIONS,),
    NotificationFailed: (NOTIFICATIONS,),
    ClockTicked: DERIVED_FROM,
    RulesLoaded: DERIVED_FROM,
    GapDetected: (COLLECTIONS,),
    GapClosed: (COLLECTIONS,),
}

TYPES_IN: dict[str, frozenset[str]] = {
    topic: frozenset(model.TYPE for model, topics in TOPICS.items() if topic in topics)
    for topic in (METRICS, OBSERVATIONS, COLLECTIONS, DEVICES, STATUS, ALERTS, NOTIFICATIONS)
}
"""Which event types each topic holds."""
