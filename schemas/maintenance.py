"""maintenance.*: times in which a device's alerts are expected. The subject is a device, or `_fleet`."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from schemas.envelope import Envelope
from schemas.fields import EventId, Labels, Name, Part, Text, UtcTime, broken_rule


class MaintenanceStartedData(Part):
    """From when to when, and for what; without an end it lasts until it is ended."""

    maintenance_id: EventId
    operator: Name
    starts_at: UtcTime
    ends_at: UtcTime | None = None
    groups: tuple[Name, ...] = Field(default=(), description="With the subject `_fleet`: only devices of these groups.")
    matchers: Labels = Field(
        default_factory=dict, description="Only alerts whose labels match these regular expressions."
    )
    comment: Text | None = None

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.ends_at is not None and self.ends_at <= self.starts_at:
            raise broken_rule("ends_at", "maintenance ends before it starts")
        return self


class MaintenanceStarted(Envelope):
    """Maintenance begins, or is planned."""

    TYPE: ClassVar[str] = "infrastructor.maintenance.started.v1"
    type: Literal["infrastructor.maintenance.started.v1"] = "infrastructor.maintenance.started.v1"
    data: MaintenanceStartedData


class MaintenanceEndedData(Part):
    """Which maintenance is over, and who says so."""

    maintenance_id: EventId
    operator: Name
    comment: Text | None = None


class MaintenanceEnded(Envelope):
    """Maintenance is over, perhaps before its time."""

    TYPE: ClassVar[str] = "infrastructor.maintenance.ended.v1"
    type: Literal["infrastructor.maintenance.ended.v1"] = "infrastructor.maintenance.ended.v1"
    data: MaintenanceEndedData
