"""The list of derivations: a new one adds its line here."""

from streams.alerts.core import MetricAlerts
from streams.alerts.status_core import StatusAlerts
from streams.device_status.core import DeviceStatus
from streams.entity_status.core import EntityStatus
from streams.fleet import AnyDerivation
from streams.notifications.core import Notifications


def all_derivations() -> tuple[AnyDerivation, ...]:
    """Every derivation, made anew."""
    return (DeviceStatus(), EntityStatus(), MetricAlerts(), StatusAlerts(), Notifications())
