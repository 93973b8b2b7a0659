"""What all changes of watched things share: which thing, what happened, before and after, and the proof."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.fields import Code, Evidence, Facts, Name, Part, Text, UtcTime

EntityKind = Literal["container", "drive", "pool", "service", "network", "packages", "config"]

Complete = Annotated[
    bool, Field(description="The list holds all there are, so that what it lacks is gone; false when the look was cut.")
]


class EntityChange(Part):
    """One thing that happened to one watched thing of a device, found by comparing two looks.

    A family narrows `what`, `previous` and `status` to its own words.
    """

    entity: Name = Field(description="Stable within the device: a serial number, a container's or a unit's name.")
    what: Code = Field(description="What happened.")
    previous: Code | None = Field(default=None, description="The judged status before; absent when it is new.")
    status: Code = Field(description="The judged status from here on.")
    before: Facts = Field(default_factory=dict, description="What was seen before of the facts that differ.")
    after: Facts = Field(default_factory=dict, description="What is seen now of the facts that differ.")
    summary: Text = Field(description="What happened, in words for people.")
    since: UtcTime = Field(description="When it happened as far as it is known, in event time.")
    evidence: tuple[Evidence, ...] = Field(default=(), description="The observations that were compared.")
