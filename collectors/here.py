"""The machine that this runs on, as a device."""

import os
import socket

from collectors.catalog import shortest_interval
from collectors.device import Device, device_id
from collectors.local import LocalTransport
from collectors.settings import AgentSettings


def this_device(settings: AgentSettings) -> Device:
    """Return this machine. Raises SettingsInvalid when its host name gives no id, or a collector is unknown."""
    return Device(
        device_id(settings.device_id, socket.gethostname()),
        LocalTransport(root=settings.host_root),
        shortest_interval(settings),
        groups=settings.groups,
        elevates=os.geteuid() != 0,
    )
