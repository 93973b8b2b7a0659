"""What is told of one look: its observations, what the device is when that is news, and how the look ended."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from collectors.device import Device
from collectors.errors import LookFailed
from collectors.look import Look, Told
from collectors.registration import Registration, news
from collectors.spool.draft import MENTIONED, Commit, Draft
from runtime.redact import Redactor
from schemas.collection import (
    CollectionCompleted,
    CollectionCompletedData,
    CollectionFailed,
    CollectionFailedData,
    Requester,
)
from schemas.device import DeviceAttributes, DeviceRetired, DeviceRetiredData
from schemas.envelope import Envelope
from schemas.fields import Part
from schemas.registry import COLLECTIONS, DEVICES, METRICS

LONGEST_TEXT = 4096
LONGEST_REASON = 512


@dataclass(frozen=True, slots=True)
class Observing:
    """The agent that looks: its own device id, its version, and where new ids come from."""

    agent: str
    version: str
    new_id: Callable[[], UUID]


@dataclass(frozen=True, slots=True)
class Account:
    """One look that ended: who looked at what, which run it was, how long it took, the skew as then known (seconds).

    `output_bytes` are those that the device gave, None when it gave none.
    """

    observing: Observing
    device: Device
    look: Look[Any]
    correlation: UUID
    duration_s: float
    skew_s: float | None
    requested_by: Requester = "schedule"
    output_bytes: int | None = None

    def answered(self, told: Told, *, at: datetime, remembered: str | None) -> Commit:
        """Return the events of a look that gave an answer, read at `at`; `remembered` is the device as last told."""
        measured = any(one.topic == METRICS for one in told.observations)
        found = news(told.attributes, self._known(), remembered, at=at, measured=measured)
        drafts: list[Draft] = []
        if found.inventory is not None:
            drafts += self._news(found.inventory, (COLLECTIONS, DEVICES), at=at)
        if found.metrics is not None:
            # Before the metrics, for they are judged by it.
            cause = drafts[0].id if drafts else None
            drafts += self._news(found.metrics, (METRICS,), at=at, cause=cause)
        drafts += [self._draft(one.model, one.topic, one.data, at=at) for one in told.observations]
        partial = tuple(_text(one)[:LONGEST_REASON] for one in told.partial)
        data = CollectionCompletedData(**self._facts(), events=len(drafts), partial=partial or None)
        drafts.append(self._draft(CollectionCompleted, COLLECTIONS, data, at=at))
        memory = {(self.device.id, self.look.name, name): value for name, value in told.remember.items()}
        return Commit(tuple(drafts), {self.device.id: found.remember or MENTIONED}, memory)

    def cached(self, *, at: datetime, events: int, age_s: float) -> Commit:
        """Return the event of an answer that was `age_s` seconds old."""
        data = CollectionCompletedData(
            **self._facts(), status="cached", events=events, age_seconds=round(max(0.0, age_s), 6)
        )
        return Commit((self._draft(CollectionCompleted, COLLECTIONS, data, at=at),))

    def skipped(self, reason: str, *, at: datetime) -> Commit:
        """Return the event of a look that was not tried, or that the device has nothing for."""
        data = CollectionCompletedData(**self._facts(), status="skipped", reason=_text(reason))
        return Commit((self._draft(CollectionCompleted, COLLECTIONS, data, at=at),), {self.device.id: MENTIONED})

    def failed(self, error: LookFailed, *, at: datetime, attempts: int) -> Commit:
        """Return the event of a look that failed."""
        data = CollectionFailedData(
            **self._facts(),
            status=error.status,
            error_code=error.error_code,
            message=_text(error.message),
            attempts=attempts,
        )
        return Commit((self._draft(CollectionFailed, COLLECTIONS, data, at=at),), {self.device.id: MENTIONED})

    def _facts(self) -> dict[str, Any]:
        return {
            "collector": self.look.name,
            "requested_by": self.requested_by,
            "output_bytes": self.output_bytes,
            "command_hash": self.look.hash,
            "duration_seconds": round(max(0.0, self.duration_s), 6),
            "shortest_interval_seconds": self.device.shortest_interval_s,
            "clock_skew_seconds": self.skew_s,
            "groups": self.device.groups,
            "parents": self.device.parents,
        }

    def _known(self) -> DeviceAttributes:
        """Return what the agent knows of a device without looking."""
        return DeviceAttributes(
            agent=self.observing.agent,
            agent_version=self.observing.version,
            groups=self.device.groups,
            parents=self.device.parents,
            labels=dict(self.device.labels),
        )

    def _news(
        self, told: Registration, topics: tuple[str, ...], *, at: datetime, cause: UUID | None = None
    ) -> list[Draft]:
        """Return the events of what is news of a device; the first is the cause of the others."""
        first = self._draft(told.model, topics[0], told.data, at=at, cause=cause)
        return [first, *(self._draft(told.model, topic, told.data, at=at, cause=first.id) for topic in topics[1:])]

    def _draft(
        self, model: type[Envelope], topic: str, data: Part, *, at: datetime, cause: UUID | None = None
    ) -> Draft:
        return Draft(
            model,
            topic,
            self.device.id,
            id=self.observing.new_id(),
            time=at,
            collector=self.look.name,
            data=data,
            correlationid=self.correlation,
            causationid=cause,
        )


def retired(observing: Observing, device: str, reason: str, *, at: datetime, correlation: UUID) -> Commit:
    """Return the events of a device that is watched no more, and that it is to be forgotten."""
    data = DeviceRetiredData(reason=_text(reason))

    def draft(topic: str, cause: UUID | None = None) -> Draft:
        return Draft(
            DeviceRetired,
            topic,
            device,
            id=observing.new_id(),
            time=at,
            collector="identity",
            data=data,
            correlationid=correlation,
            causationid=cause,
        )

    first = draft(COLLECTIONS)
    return Commit((first, draft(DEVICES, first.id), draft(METRICS, first.id)), {device: None})


def _text(message: str) -> str:
    # A program's complaint may quote what it was given.
    return Redactor().text(message).replace("\x00", "")[:LONGEST_TEXT]
