"""clock.ticked: time as an event, put into each partition by the worker that owns it."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.envelope import Envelope
from schemas.fields import Part


class ClockTickedData(Part):
    """How often ticks are put; what a tick says is when the broker appended it."""

    period_seconds: Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]


class ClockTicked(Envelope):
    """Time went on in this partition. `time` is the worker's clock; readers go by the append time."""

    TYPE: ClassVar[str] = "infrastructor.clock.ticked.v1"
    type: Literal["infrastructor.clock.ticked.v1"] = "infrastructor.clock.ticked.v1"
    data: ClockTickedData
