"""The list of derivations: a new one adds its line here."""

from typing import Any

from streams.alerts.core import MetricAlerts
from streams.alerts.status_core import StatusAlerts
from streams.derivation import Derivation
from streams.device_status.core import DeviceStatus
from streams.entity_status.core import EntityStatus
from streams.notifications.core import Notifications


def all_derivations() -> tuple[Derivation[Any, Any], ...]:
    """Every derivation, made anew."""
    return (DeviceStatus(), EntityStatus(), MetricAlerts(), StatusAlerts(), Notifications())
