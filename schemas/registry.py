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
from schemas.baseline import BaselineAccepted
from schemas.clock import ClockTicked
from schemas.collection import CollectionCompleted, CollectionFailed
from schemas.config import ConfigChanged, ConfigObserved
from schemas.container import ContainerObserved, ContainerStatusChanged
from schemas.device import DeviceRegistered, DeviceRetired, DeviceStatusChanged, DeviceUpdated
from schemas.drive import DriveHealthChanged, DriveObserved
from schemas.envelope import Envelope
from schemas.gap import GapClosed, GapDetected
from schemas.maintenance import MaintenanceEnded, MaintenanceStarted
from schemas.metric import MetricCollected
from schemas.network import NetworkObserved, NetworkStatusChanged
from schemas.notification import (
    NotificationDelivered,
    NotificationFailed,
    NotificationRequested,
    NotificationSuppressed,
)
from schemas.packages import PackagesObserved, PackagesStatusChanged
from schemas.pool import PoolHealthChanged, PoolObserved
from schemas.rules import RulesLoaded
from schemas.service import ServiceObserved, ServiceStatusChanged

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
    | ContainerObserved
    | DriveObserved
    | PoolObserved
    | ServiceObserved
    | NetworkObserved
    | PackagesObserved
    | ConfigObserved
    | BaselineAccepted
    | ContainerStatusChanged
    | DriveHealthChanged
    | PoolHealthChanged
    | ServiceStatusChanged
    | NetworkStatusChanged
    | PackagesStatusChanged
    | ConfigChanged
    | AlertRaised
    | AlertResolved
    | AlertAcknowledged
    | AlertUnacknowledged
    | AlertSilenced
    | AlertUnsilenced
    | MaintenanceStarted
    | MaintenanceEnded
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
    DeviceRegistered: (COLLECTIONS, DEVICES, METRICS),
    DeviceUpdated: (COLLECTIONS, DEVICES, METRICS),
    DeviceRetired: (COLLECTIONS, DEVICES, METRICS),
    DeviceStatusChanged: (STATUS,),
    CollectionCompleted: (COLLECTIONS,),
    CollectionFailed: (COLLECTIONS,),
    ContainerObserved: (OBSERVATIONS,),
    DriveObserved: (OBSERVATIONS,),
    PoolObserved: (OBSERVATIONS,),
    ServiceObserved: (OBSERVATIONS,),
    NetworkObserved: (OBSERVATIONS,),
    PackagesObserved: (OBSERVATIONS,),
    ConfigObserved: (OBSERVATIONS,),
    BaselineAccepted: (OBSERVATIONS, METRICS),
    ContainerStatusChanged: (STATUS,),
    DriveHealthChanged: (STATUS,),
    PoolHealthChanged: (STATUS,),
    ServiceStatusChanged: (STATUS,),
    NetworkStatusChanged: (STATUS,),
    PackagesStatusChanged: (STATUS,),
    ConfigChanged: (STATUS,),
    AlertRaised: (ALERTS,),
    AlertResolved: (ALERTS,),
    AlertAcknowledged: (ALERTS,),
    AlertUnacknowledged: (ALERTS,),
    AlertSilenced: (ALERTS,),
    AlertUnsilenced: (ALERTS,),
    MaintenanceStarted: (ALERTS,),
    MaintenanceEnded: (ALERTS,),
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
