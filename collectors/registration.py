"""Whether a device is new, or changed since it was last told: a pure comparison with what the spool remembers."""

from dataclasses import dataclass

from pydantic import ValidationError

from schemas.device import DeviceAttributes, DeviceRegistered, DeviceUpdated, DeviceUpdatedData
from schemas.envelope import Envelope


@dataclass(frozen=True, slots=True)
class Registration:
    """The event to tell, its data, and what to remember."""

    model: type[Envelope]
    data: DeviceAttributes
    remember: str


def registration(now: DeviceAttributes, remembered: str | None) -> Registration | None:
    """Return what is to be told of a device; None when all of it is known. `remembered` is JSON, None: nothing."""
    remember = now.model_dump_json(exclude_none=True)
    before = _read(remembered)
    if before is None:
        return Registration(DeviceRegistered, now, remember)
    changed = tuple(name for name in DeviceAttributes.model_fields if getattr(now, name) != getattr(before, name))
    if not changed:
        return None
    fields = {name: getattr(now, name) for name in DeviceAttributes.model_fields}
    return Registration(DeviceUpdated, DeviceUpdatedData(**fields, changed=changed), remember)


def _read(remembered: str | None) -> DeviceAttributes | None:
    if remembered is None:
        return None
    try:
        return DeviceAttributes.model_validate_json(remembered)
    except ValidationError:
        # Written by another version, with fields that are not known here: told anew.
        return None
