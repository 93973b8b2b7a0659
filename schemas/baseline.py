"""baseline.accepted: an operator says that this is how a thing is, so that only what differs from it counts."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.entity import EntityKind
from schemas.envelope import Envelope
from schemas.fields import EventId, Name, Part, Scalar, Text

METRIC_VALUE = "value"
"""The name of the number in a baseline of the kind `metric`."""


class BaselineAcceptedData(Part):
    """Which values of which thing are accepted, from which observation they were taken, and by whom."""

    operator: Name
    kind: EntityKind | Literal["metric"] = Field(
        description="`metric`: put into infra.metrics, for rules of the kind deviates; all others: infra.observations."
    )
    entity: Name = Field(
        description='Which thing; of `metric` the series, such as `system.filesystem.usage{device="sda1"}` (labels '
        "sorted by name), or a metric's name for all of its series."
    )
    values: Annotated[dict[Name, Scalar], Field(min_length=1, max_length=256)] = Field(
        description="The accepted values by name; of `metric` one number, named `value`."
    )
    observation_id: EventId | None = None
    comment: Text | None = None


class BaselineAccepted(Envelope):
    """An operator accepts a baseline; it replaces the one before it of the same thing."""

    TYPE: ClassVar[str] = "infrastructor.baseline.accepted.v1"
    type: Literal["infrastructor.baseline.accepted.v1"] = "infrastructor.baseline.accepted.v1"
    data: BaselineAcceptedData
