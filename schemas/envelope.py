"""The envelope: a CloudEvents 1.0 document in structured mode, with sequence, correlationid and causationid.

Source of the format: the CloudEvents specification 1.0.2 and its JSON event format.
"""

import re
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from schemas.fields import SUBJECT_PATTERN, EventId, Part, Sequence, Subject, UtcTime, broken_rule

_NAME = r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}"
_EPOCH = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
SOURCE_PATTERN = rf"^/(?:agents/{_NAME}/{_EPOCH}/{_NAME}|streams/{_NAME}|operators/{_NAME}|sinks/{_NAME})$"
UNSEQUENCED_SOURCES = ("/streams/clock", "/streams/rules", "/operators/", "/sinks/")
_SOURCE = re.compile(SOURCE_PATTERN)
_SUBJECT = re.compile(SUBJECT_PATTERN)

Source = Annotated[str, StringConstraints(pattern=SOURCE_PATTERN)]


def is_source(value: str) -> bool:
    """Whether a text has the form of an event's source."""
    return _SOURCE.fullmatch(value) is not None


def is_subject(value: str) -> bool:
    """Whether a text has the form of an event's subject."""
    return _SUBJECT.fullmatch(value) is not None


def needs_sequence(source: str) -> bool:
    """Whether events of a source are counted: those of agents and derivations are, the others are known by their id."""
    return not source.startswith(UNSEQUENCED_SOURCES)


class Envelope(Part):
    """What every event has; a subclass adds `type` and `data`.

    `time` is event time, given once. `sequence` counts up by one within (agent epoch or source, topic, subject).
    """

    TYPE: ClassVar[str]

    specversion: Literal["1.0"] = "1.0"
    id: EventId
    source: Source
    subject: Subject
    time: UtcTime
    datacontenttype: Literal["application/json"] = "application/json"
    sequence: Sequence | None = None
    correlationid: EventId | None = Field(default=None, description="The collection run that started it.")
    causationid: EventId | None = Field(default=None, description="The event that caused it.")

    @model_validator(mode="after")
    def _sequence_where_counted(self) -> Self:
        if needs_sequence(self.source) != (self.sequence is not None):
            raise broken_rule("sequence", sequence_rule(self.source))
        return self


def sequence_rule(source: str) -> str:
    """The sentence that says what a source's sequence must be."""
    if needs_sequence(source):
        return f"events of {source} carry a sequence"
    return f"events of {source} carry no sequence"
