"""An event before the spool has numbered it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from pydantic import ValidationError

from schemas.envelope import Envelope
from schemas.fields import Part
from schemas.identity import agent_source
from schemas.refusal import refusal_from

MENTIONED = "{}"
"""Remembered of a device of which something was told, but not yet what it is: never in the place of more."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An event without source and sequence: those are the spool's to give."""

    model: type[Envelope]
    topic: str
    subject: str
    id: UUID
    time: datetime
    collector: str
    data: Part
    correlationid: UUID | None = None
    causationid: UUID | None = None

    def numbered(self, *, agent: str, epoch: UUID, sequence: int) -> Envelope:
        """Return the event with its place in its stream. Raises EventRefused when it is no valid event."""
        fields = {
            "type": self.model.TYPE,
            "id": self.id,
            "source": agent_source(agent, epoch, self.collector),
            "subject": self.subject,
            "time": self.time,
            "sequence": sequence,
            "correlationid": self.correlationid,
            "causationid": self.causationid,
            "data": self.data,
        }
        try:
            return self.model.model_validate(fields)
        except ValidationError as error:
            raise refusal_from(error) from None


@dataclass(frozen=True, slots=True)
class Commit:
    """All of one look: it is kept as a whole or not at all.

    `devices` is what is to be remembered of devices, None: nothing any more; `memory`, likewise, what looks remember,
    by device, collector and name.
    """

    drafts: tuple[Draft, ...]
    devices: Mapping[str, str | None] = field(default_factory=dict)
    memory: Mapping[tuple[str, str, str], bytes | None] = field(default_factory=dict)
