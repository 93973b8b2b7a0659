"""notification.*: who is to be told what, who is not and why, and what became of it."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.alert import Severity
from schemas.envelope import Envelope
from schemas.fields import Code, EventId, LongText, Name, Part, Text, UtcTime

Kind = Literal["raised", "resolved", "reminder", "escalation", "digest"]
SuppressedBecause = Literal[
    "not_configured",
    "silenced",
    "maintenance",
    "acknowledged",
    "inhibited",
    "dependency",
    "grouped",
    "quiet_hours",
    "rate_limited",
    "historical",
    "no_route",
]


class NotificationRequestedData(Part):
    """One message to one receiver; the sink of that name sends what stands here and nothing else."""

    receiver: Name
    kind: Kind
    alert_ids: Annotated[tuple[EventId, ...], Field(min_length=1)]
    over_ids: tuple[EventId, ...] = Field(default=(), description="Those of the alerts that are over.")
    rule: Name | None = None
    severity: Severity
    title: Text
    body: LongText = Field(description="Markdown.")
    since: UtcTime | None = None
    runbook: Text | None = None


class NotificationRequested(Envelope):
    """A receiver is to be told."""

    TYPE: ClassVar[str] = "infrastructor.notification.requested.v1"
    type: Literal["infrastructor.notification.requested.v1"] = "infrastructor.notification.requested.v1"
    data: NotificationRequestedData


class NotificationSuppressedData(Part):
    """Nobody, or this receiver, is told, and why."""

    alert_ids: Annotated[tuple[EventId, ...], Field(min_length=1)]
    reason: SuppressedBecause
    detail: Text
    receiver: Name | None = None
    request_id: EventId | None = Field(default=None, description="The request that a sink could not act on.")


class NotificationSuppressed(Envelope):
    """A receiver is not told."""

    TYPE: ClassVar[str] = "infrastructor.notification.suppressed.v1"
    type: Literal["infrastructor.notification.suppressed.v1"] = "infrastructor.notification.suppressed.v1"
    data: NotificationSuppressedData


class NotificationDeliveredData(Part):
    """The receiver has it, under its own id if it gives one."""

    request_id: EventId
    receiver: Name
    attempts: Annotated[int, Field(ge=1)]
    message_id: Name | None = None
    already_there: bool = Field(default=False, description="Found at the receiver after a crash, not sent again.")


class NotificationDelivered(Envelope):
    """A request reached its receiver."""

    TYPE: ClassVar[str] = "infrastructor.notification.delivered.v1"
    type: Literal["infrastructor.notification.delivered.v1"] = "infrastructor.notification.delivered.v1"
    data: NotificationDeliveredData


class NotificationFailedData(Part):
    """The receiver would not have it."""

    request_id: EventId
    receiver: Name
    attempts: Annotated[int, Field(ge=1)]
    error_code: Code
    message: Text


class NotificationFailed(Envelope):
    """A request will not reach its receiver."""

    TYPE: ClassVar[str] = "infrastructor.notification.failed.v1"
    type: Literal["infrastructor.notification.failed.v1"] = "infrastructor.notification.failed.v1"
    data: NotificationFailedData
