"""Where an event stands in the log, as states remember it and events give it as evidence."""

from dataclasses import dataclass
from uuid import UUID

from schemas.fields import Evidence
from schemas.record import AnyRead, Record


@dataclass(frozen=True, slots=True)
class Place:
    """Where an event stands in the log."""

    topic: str
    partition: int
    offset: int
    id: UUID

    def evidence(self) -> Evidence:
        """The place as events carry it."""
        return Evidence(topic=self.topic, partition=self.partition, offset=self.offset, id=self.id)


def place_of(record: Record[AnyRead]) -> Place:
    """Where a record stands."""
    return Place(record.topic, record.partition, record.offset, record.event.id)
