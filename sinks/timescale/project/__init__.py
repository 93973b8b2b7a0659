"""Records to rows: the pure core of the sink, one module a family."""

from collections.abc import Iterable
from typing import assert_never

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
from schemas.gap import GapClosed, GapDetected
from schemas.maintenance import MaintenanceEnded, MaintenanceStarted
from schemas.metric import MetricCollected
from schemas.metric_look import MetricLook
from schemas.network import NetworkObserved, NetworkStatusChanged
from schemas.notification import (
    NotificationDelivered,
    NotificationFailed,
    NotificationRequested,
    NotificationSuppressed,
)
from schemas.packages import PackagesObserved, PackagesStatusChanged
from schemas.pool import PoolHealthChanged, PoolObserved
from schemas.record import AnyRead
from schemas.registry import METRICS, Event
from schemas.rules import RulesLoaded
from schemas.service import ServiceObserved, ServiceStatusChanged
from sinks.timescale.project import (
    alerts,
    changes,
    collections,
    configs,
    containers,
    devices,
    drives,
    gaps,
    network,
    notifications,
    operators,
    packages,
    pools,
    rules,
    services,
)
from sinks.timescale.project.dead_letters import letter_row
from sinks.timescale.rows import ReadRecord, Rows

__all__ = ["is_projected", "letter_row", "project", "row_count"]

Observed = (
    ContainerObserved
    | DriveObserved
    | PoolObserved
    | ServiceObserved
    | NetworkObserved
    | PackagesObserved
    | ConfigObserved
)


def is_projected(record: ReadRecord) -> bool:
    """Whether an event becomes rows at all: ticks never do."""
    return not isinstance(record.event, ClockTicked)


def project(records: Iterable[ReadRecord]) -> Rows:
    """The rows of some records, each of which is new; their order is kept within each table."""
    rows = Rows()
    for record in records:
        event = record.event
        rows.events.append(record)
        if type(event) is MetricLook:
            rows.looks.append(event)
        elif not isinstance(event, MetricLook):
            _typed(event, record, rows)
    minutes = {look.time.replace(second=0, microsecond=0) for look in rows.looks}
    rows.minutes = [{"bucket": minute} for minute in sorted(minutes)]
    return rows


def _typed(event: Event, record: ReadRecord, rows: Rows) -> None:
    match event:
        case CollectionCompleted() | CollectionFailed():
            rows.collections.append(collections.row(event))
        case DeviceRegistered() | DeviceUpdated() | DeviceRetired() if record.topic == METRICS:
            # Said there for those who judge metrics: the inventory has it from the other topics.
            pass
        case DeviceRegistered() | DeviceUpdated() | DeviceRetired() | DeviceStatusChanged():
            devices.project(event, record.appended_ms, rows)
        case AlertRaised() | AlertResolved() | AlertAcknowledged() | AlertUnacknowledged():
            alerts.project(event, record.appended_ms, rows)
        case NotificationRequested() | NotificationSuppressed() | NotificationDelivered() | NotificationFailed():
            notifications.project(event, rows)
        case GapDetected() | GapClosed():
            gaps.project(event, rows)
        case RulesLoaded():
            rows.rule_sets.append(rules.row(event))
        case MetricCollected():
            raise TypeError("metric.collected is read as a MetricLook; read records with RecordReader")
        case ClockTicked():
            raise TypeError("ticks are never projected; leave them out with is_projected")
        case (
            ContainerStatusChanged()
            | DriveHealthChanged()
            | PoolHealthChanged()
            | ServiceStatusChanged()
            | NetworkStatusChanged()
            | PackagesStatusChanged()
            | ConfigChanged()
        ):
            changes.project(event, record.appended_ms, rows)
        case BaselineAccepted() | AlertSilenced() | AlertUnsilenced() | MaintenanceStarted() | MaintenanceEnded():
            operators.project(event, rows)
        case _:
            _observed(event, rows)


def _observed(event: Observed, rows: Rows) -> None:
    match event:
        case ContainerObserved():
            containers.project(event, rows)
        case DriveObserved():
            drives.project(event, rows)
        case PoolObserved():
            pools.project(event, rows)
        case ServiceObserved():
            services.project(event, rows)
        case NetworkObserved():
            network.project(event, rows)
        case PackagesObserved():
            packages.project(event, rows)
        case ConfigObserved():
            configs.project(event, rows)
        case _:
            assert_never(event)


def row_count(event: AnyRead) -> int:  # noqa: PLR0911 - one line a family
    """About how many rows an event becomes: what a batch is measured by."""
    match event:
        case MetricLook():
            return 1 + len(event.values)
        case ContainerObserved(data=seen):
            return 2 + sum(1 + len(one.ports) for one in seen.containers)
        case DriveObserved(data=looked):
            return 2 + sum(1 + len(one.attributes) + len(one.self_tests) for one in looked.drives)
        case PoolObserved(data=found):
            return 2 + sum(1 + len(one.devices) + len(one.datasets) for one in found.pools)
        case ServiceObserved(data=units):
            return 2 + len(units.services)
        case NetworkObserved(data=net):
            lists = (net.listening or (), net.routes or (), net.neighbours or ())
            return 5 + sum(1 + len(one.addresses) for one in net.interfaces) + sum(map(len, lists))
        case PackagesObserved(data=waiting):
            return 2 + len(waiting.updates)
        case _:
            return 2
