"""Whether a device is new, or changed since it was last told: a pure comparison with what the spool remembers.

The inventory (`infra.collections`, `infra.devices`) is told when a look at what the machine is finds something new.
`infra.metrics` is told the same for those who judge metrics by a device's groups: before its first metrics, also when
only devices.yaml is known of it yet, and once a day, for that topic is kept for the shortest time.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from schemas.device import DeviceAttributes, DeviceRegistered, DeviceUpdated, DeviceUpdatedData
from schemas.envelope import Envelope

TELL_METRICS_AGAIN = timedelta(days=1)
_NOTHING = DeviceAttributes()


class Memory(BaseModel):
    """What was told of a device, to the inventory and to `infra.metrics`; kept as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    inventory: DeviceAttributes | None = None
    metrics: DeviceAttributes | None = None
    metrics_at: AwareDatetime | None = None


@dataclass(frozen=True, slots=True)
class Registration:
    """The event to tell, and its data."""

    model: type[Envelope]
    data: DeviceAttributes


@dataclass(frozen=True, slots=True)
class News:
    """What is to be told to the inventory and to `infra.metrics`, and what to remember; None: nothing new."""

    inventory: Registration | None
    metrics: Registration | None
    remember: str | None


def news(
    seen: DeviceAttributes | None, known: DeviceAttributes, remembered: str | None, *, at: datetime, measured: bool
) -> News:
    """Return what a look at `at` makes known of a device.

    `seen` is what the look saw of the machine itself, if it is a look at that; `known` what the agent knows without
    looking (its groups and parents, the agent itself). `measured`: metrics follow.
    """
    before = _read(remembered)
    now = _with(before.inventory or _NOTHING if seen is None else seen, known)
    inventory = None if seen is None else registration(now, before.inventory)
    metrics = registration(now, before.metrics) if measured or inventory is not None else None
    if metrics is None and measured and _long_ago(before.metrics_at, at):
        metrics = _updated(now, ())
    if inventory is None and metrics is None:
        return News(None, None, None)
    after = Memory(
        inventory=before.inventory if inventory is None else now,
        metrics=before.metrics if metrics is None else now,
        metrics_at=before.metrics_at if metrics is None else at,
    )
    return News(inventory, metrics, after.model_dump_json(exclude_none=True))


def registration(now: DeviceAttributes, before: DeviceAttributes | None) -> Registration | None:
    """Return what is to be told of a device of which `before` was told; None when all of it is known."""
    if before is None:
        return Registration(DeviceRegistered, now)
    changed = tuple(name for name in DeviceAttributes.model_fields if getattr(now, name) != getattr(before, name))
    return _updated(now, changed) if changed else None


def _updated(now: DeviceAttributes, changed: tuple[str, ...]) -> Registration:
    fields = {name: getattr(now, name) for name in DeviceAttributes.model_fields}
    return Registration(DeviceUpdated, DeviceUpdatedData(**fields, changed=changed))


def _with(seen: DeviceAttributes, known: DeviceAttributes) -> DeviceAttributes:
    return seen.model_copy(update={name: getattr(known, name) for name in known.model_fields_set})


def _long_ago(told_at: datetime | None, now: datetime) -> bool:
    # A clock that was set back must not silence it until it has caught up.
    return told_at is None or abs(now - told_at) >= TELL_METRICS_AGAIN


def _read(remembered: str | None) -> Memory:
    if remembered is None:
        return Memory()
    try:
        return Memory.model_validate_json(remembered)
    except ValidationError:
        return Memory(inventory=_read_attributes(remembered))


def _read_attributes(remembered: str) -> DeviceAttributes | None:
    """What an earlier version kept: the attributes that it told to the inventory."""
    try:
        return DeviceAttributes.model_validate_json(remembered)
    except ValidationError:
        # Written by another version, with fields that are not known here: told anew.
        return None
