"""baseline.accepted: an operator says that this is how a thing is, so that only what differs from it counts."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.entity import EntityKind
from schemas.envelope import Envelope
from schemas.fields import EventId, Name, Part, Scalar, Text


class BaselineAcceptedData(Part):
    """Which values of which thing are accepted, from which observation they were taken, and by whom."""

    operator: Name
    kind: EntityKind | Literal["metric"]
    entity: Name
    values: Annotated[dict[Name, Scalar], Field(min_length=1, max_length=256)]
    observation_id: EventId | None = None
    comment: Text | None = None


class BaselineAccepted(Envelope):
    """An operator accepts a baseline; it replaces the one before it of the same thing."""

    TYPE: ClassVar[str] = "infrastructor.baseline.accepted.v1"
    type: Literal["infrastructor.baseline.accepted.v1"] = "infrastructor.baseline.accepted.v1"
    data: BaselineAcceptedData
