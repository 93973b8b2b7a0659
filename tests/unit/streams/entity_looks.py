"""Looks in, what happened out: the smallest way to write a test of entity_status."""

from collections.abc import Mapping
from typing import Any

from schemas.entity import EntityChange
from schemas.envelope import Envelope
from schemas.record import Record
from streams.entity_status.core import EntityStatus
from streams.fold import PartitionFold
from tests.unit.streams.log_of_events import Log, Observations

Json = dict[str, Any]


def changes_of(log: Log) -> list[tuple[Record[Any], Envelope]]:
    """What follows from each record of a log; nothing may be refused."""
    fold: PartitionFold[Any, Any] = PartitionFold(EntityStatus(), log.partition)
    found = []
    for record in log.records:
        applied = fold.apply(record)
        assert applied.problems == ()
        found += [(record, one.event) for one in applied.outputs]
    return found


def told(log: Log) -> list[EntityChange]:
    """What is told, in order."""
    return [event.data for _, event in changes_of(log) if hasattr(event, "data")]


def whats(log: Log) -> list[str]:
    """What happened to what, and how it is from then on."""
    return [f"{one.entity} {one.what} {one.status}" for one in told(log)]


def looks(kind: str, *data: Mapping[str, Any], every: float = 60.0) -> Observations:
    """Looks of one kind, one after the other."""
    log = Observations()
    for one in data:
        log.look(one, kind)
        log.wait(every)
    return log
