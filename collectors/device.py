"""A device that is looked at, and how it gets its id."""

import re
from dataclasses import dataclass

from collectors.transport import Transport
from runtime.errors import SettingsInvalid
from schemas.fields import DEVICE_ID_PATTERN

_DEVICE_ID = re.compile(DEVICE_ID_PATTERN)
_NOT_ALLOWED = re.compile(r"[^a-z0-9._-]+")
LONGEST = 63


@dataclass(frozen=True, slots=True)
class Device:
    """A device: its id, the way to it, the shortest interval of its looks (seconds), groups and parents.

    `elevates` when the login is not root: programs that want root are then run by `sudo -n`.
    """

    id: str
    transport: Transport
    shortest_interval_s: float
    groups: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    elevates: bool = False
    labels: tuple[tuple[str, str], ...] = ()


def device_id(setting: str | None, hostname: str) -> str:
    """Return the id of this machine: the setting, else its host name in lower case with `-` for what is not allowed.

    Raises SettingsInvalid when the host name gives none.
    """
    if setting is not None:
        return setting
    name = _NOT_ALLOWED.sub("-", hostname.lower()).lstrip("._-")[:LONGEST]
    if _DEVICE_ID.match(name) is None:
        raise SettingsInvalid(
            f"the host name {hostname!r} gives no device id: set INFRASTRUCTOR_AGENT__DEVICE_ID, "
            "for example INFRASTRUCTOR_AGENT__DEVICE_ID=nas-1",
            operation="name this device",
            variables=["INFRASTRUCTOR_AGENT__DEVICE_ID"],
        )
    return name
