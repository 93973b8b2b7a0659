"""gap.*: a hole in a sequence, where it is and why."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from schemas.envelope import Envelope
from schemas.fields import EventId, Name, Part, Text, broken_rule

Number = Annotated[int, Field(ge=0, le=2**63 - 2)]
"""A sequence or an offset; one more still is a bigint, as ranges of them end there."""

GapReason = Literal["spool_full", "spool_age", "spool_corrupt", "missing", "retention"]


class GapData(Part):
    """Numbers `first` to `last` of one stream are not there.

    By sequence: counted within `scope` (agent epoch or source), topic and subject. By offset: within topic and
    partition, when the log was cut off before a consumer (`scope`) had read it.
    """

    counted_by: Literal["sequence", "offset"] = "sequence"
    scope: Name
    topic: Name
    subject: Name
    partition: Annotated[int, Field(ge=0)] | None = None
    first: Number
    last: Number
    reason: GapReason
    detail: Text | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last < self.first:
            raise broken_rule("last", f"a gap from {self.first} to {self.last} runs backwards")
        return self

    @property
    def count(self) -> int:
        """How many events are missing."""
        return self.last - self.first + 1


class GapDetected(Envelope):
    """Events are missing."""

    TYPE: ClassVar[str] = "infrastructor.gap.detected.v1"
    type: Literal["infrastructor.gap.detected.v1"] = "infrastructor.gap.detected.v1"
    data: GapData


class GapClosedData(Part):
    """Which gap is whole again."""

    gap_id: EventId
    scope: Name
    topic: Name
    subject: Name
    first: Number
    last: Number


class GapClosed(Envelope):
    """Events that were missing arrived."""

    TYPE: ClassVar[str] = "infrastructor.gap.closed.v1"
    type: Literal["infrastructor.gap.closed.v1"] = "infrastructor.gap.closed.v1"
    data: GapClosedData
