"""collection.*: one run of one collector on one device, the heartbeat and the audit trail."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from schemas.envelope import Envelope
from schemas.fields import Bytes, Code, Count, DeviceId, Finite, Name, Part, Seconds, Sha256, Text

Requester = Literal["schedule", "operator", "api"]


class Collection(Part):
    """What every look tells, however it ended."""

    collector: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    requested_by: Requester = "schedule"
    command_hash: Sha256 | None = Field(default=None, description="Stable over the order of arguments.")
    duration_seconds: Seconds
    output_bytes: Bytes | None = None
    shortest_interval_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = Field(
        description="The shortest interval at which this device is looked at; liveness is counted in it."
    )
    clock_skew_seconds: Finite | None = Field(
        default=None, description="Append time minus sending time, as last measured by the agent."
    )
    groups: tuple[Name, ...] = ()
    parents: tuple[DeviceId, ...] = ()


class CollectionCompletedData(Collection):
    """A look that gave an answer; `cached` and `skipped` are no sign of life."""

    status: Literal["success", "cached", "skipped"] = "success"
    events: Count = 0
    age_seconds: Seconds | None = Field(default=None, description="How old a cached answer was.")
    reason: Text | None = Field(default=None, description="Why it was skipped.")
    partial: tuple[Text, ...] | None = Field(
        default=None, description="What of the answer could not be read, and why; the rest was told."
    )


class CollectionCompleted(Envelope):
    """A look was done."""

    TYPE: ClassVar[str] = "infrastructor.collection.completed.v1"
    type: Literal["infrastructor.collection.completed.v1"] = "infrastructor.collection.completed.v1"
    data: CollectionCompletedData


class CollectionFailedData(Collection):
    """A look that failed: `unreachable` when the device did not answer, `timeout` when it did not in time."""

    status: Literal["error", "timeout", "unreachable"] = "error"
    error_code: Code
    message: Text
    attempts: Annotated[int, Field(ge=1)] = 1


class CollectionFailed(Envelope):
    """A look failed."""

    TYPE: ClassVar[str] = "infrastructor.collection.failed.v1"
    type: Literal["infrastructor.collection.failed.v1"] = "infrastructor.collection.failed.v1"
    data: CollectionFailedData
