"""What operators say, as events. Pure: who, what and when come in, events come out."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from cli.operators.speaker import Speaker
from runtime.errors import InputInvalid
from schemas.alert import (
    AlertAcknowledged,
    AlertRemark,
    AlertSilenced,
    AlertUnacknowledged,
    AlertUnsilenced,
    SilenceData,
    UnsilenceData,
)
from schemas.baseline import BaselineAccepted, BaselineAcceptedData
from schemas.fields import DEVICE_ID_PATTERN, Scalar
from schemas.maintenance import MaintenanceEnded, MaintenanceEndedData, MaintenanceStarted, MaintenanceStartedData
from streams.notifications.matchers import FLEET

_DEVICE = re.compile(DEVICE_ID_PATTERN)


def acknowledged(by: Speaker, alert: UUID, device: str, *, comment: str | None) -> AlertAcknowledged:
    """He takes an alert on."""
    return AlertAcknowledged(**_envelope(by, device), data=_remark(by, alert, comment))


def unacknowledged(by: Speaker, alert: UUID, device: str, *, comment: str | None) -> AlertUnacknowledged:
    """He gives an alert back."""
    return AlertUnacknowledged(**_envelope(by, device), data=_remark(by, alert, comment))


def silenced(
    by: Speaker, device: str | None, matchers: Mapping[str, str], *, ends_at: datetime, comment: str | None
) -> AlertSilenced:
    """Alerts that match are not told of from now on until `ends_at`; of one device, or of all."""
    envelope = _envelope(by, device or FLEET)
    data = _built(
        SilenceData,
        silence_id=envelope["id"],
        operator=by.name,
        matchers=dict(matchers),
        starts_at=by.at,
        ends_at=ends_at,
        comment=comment,
    )
    return AlertSilenced(**envelope, data=data)


def unsilenced(by: Speaker, silence: UUID, subject: str, *, comment: str | None) -> AlertUnsilenced:
    """A silence ends."""
    data = _built(UnsilenceData, silence_id=silence, operator=by.name, comment=comment)
    return AlertUnsilenced(**_envelope(by, subject), data=data)


def maintenance_started(
    by: Speaker,
    device: str | None,
    *,
    starts_at: datetime,
    ends_at: datetime | None,
    groups: Sequence[str] = (),
    matchers: Mapping[str, str] | None = None,
    comment: str | None = None,
) -> MaintenanceStarted:
    """Alerts of a device, of groups or of all are expected from when to when; without an end until he ends it."""
    envelope = _envelope(by, device or FLEET)
    data = _built(
        MaintenanceStartedData,
        maintenance_id=envelope["id"],
        operator=by.name,
        starts_at=starts_at,
        ends_at=ends_at,
        groups=tuple(groups),
        matchers=dict(matchers or {}),
        comment=comment,
    )
    return MaintenanceStarted(**envelope, data=data)


def maintenance_ended(by: Speaker, maintenance: UUID, subject: str, *, comment: str | None) -> MaintenanceEnded:
    """Maintenance is over."""
    data = _built(MaintenanceEndedData, maintenance_id=maintenance, operator=by.name, comment=comment)
    return MaintenanceEnded(**_envelope(by, subject), data=data)


def baseline_accepted(
    by: Speaker,
    device: str,
    *,
    kind: str,
    entity: str,
    values: Mapping[str, Scalar],
    observation: UUID | None,
    comment: str | None,
) -> BaselineAccepted:
    """He accepts how a thing is: only what differs counts."""
    data = _built(
        BaselineAcceptedData,
        operator=by.name,
        kind=kind,
        entity=entity,
        values=dict(values),
        observation_id=observation,
        comment=comment,
    )
    return BaselineAccepted(**_envelope(by, device), data=data)


def _remark(by: Speaker, alert: UUID, comment: str | None) -> AlertRemark:
    found: AlertRemark = _built(AlertRemark, alert_id=alert, operator=by.name, comment=comment)
    return found


def _envelope(by: Speaker, subject: str) -> dict[str, Any]:
    if subject != FLEET and not _DEVICE.fullmatch(subject):
        raise InputInvalid(f"{subject!r} is no device id: lower case letters, digits, dots, - and _", operation="say")
    return {"id": by.new_id(), "source": by.source, "subject": subject, "time": by.at}


def _built(model: Any, **fields: Any) -> Any:
    """The model of these fields; InputInvalid names the first that is not what it may be."""
    try:
        return model(**fields)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "what is said"
        raise InputInvalid(f"{field}: {first['msg']}", operation="say") from None
