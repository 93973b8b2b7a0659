"""What is told of one look: its observations, what the device is when that is news, and how the look ended."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from collectors.device import Device
from collectors.errors import LookFailed
from collectors.look import Look, Told
from collectors.registration import registration
from collectors.spool.draft import Commit, Draft
from schemas.collection import CollectionCompleted, CollectionCompletedData, CollectionFailed, CollectionFailedData
from schemas.device import DeviceAttributes
from schemas.envelope import Envelope
from schemas.fields import Part
from schemas.registry import COLLECTIONS, DEVICES

LONGEST_TEXT = 4096


@dataclass(frozen=True, slots=True)
class Observing:
    """The agent that looks: its own device id, its version, and where new ids come from."""

    agent: str
    version: str
    new_id: Callable[[], UUID]


@dataclass(frozen=True, slots=True)
class Account:
    """One look that ended: who looked at what, which run it was, how long it took, the skew as then known (seconds)."""

    observing: Observing
    device: Device
    look: Look[Any]
    correlation: UUID
    duration_s: float
    skew_s: float | None

    def answered(self, told: Told, *, at: datetime, output_bytes: int, remembered: str | None) -> Commit:
        """Return the events of a look that gave an answer, read at `at`; `remembered` is the device as last told."""
        devices: dict[str, str] = {}
        drafts: list[Draft] = []
        if told.attributes is not None:
            attributes = self._completed(told.attributes)
            news = registration(attributes, remembered)
            if news is not None:
                devices[self.device.id] = news.remember
                first = self._draft(news.model, COLLECTIONS, news.data, at=at)
                drafts += [first, self._draft(news.model, DEVICES, news.data, at=at, cause=first.id)]
        drafts += [self._draft(one.model, one.topic, one.data, at=at) for one in told.observations]
        data = CollectionCompletedData(**self._facts(), output_bytes=output_bytes, events=len(drafts))
        drafts.append(self._draft(CollectionCompleted, COLLECTIONS, data, at=at))
        return Commit(tuple(drafts), devices)

    def failed(self, error: LookFailed, *, at: datetime, attempts: int) -> Commit:
        """Return the event of a look that failed."""
        data = CollectionFailedData(
            **self._facts(),
            status=error.status,
            error_code=error.error_code,
            message=error.message.replace("\x00", "")[:LONGEST_TEXT],
            attempts=attempts,
        )
        return Commit((self._draft(CollectionFailed, COLLECTIONS, data, at=at),))

    def _facts(self) -> dict[str, Any]:
        return {
            "collector": self.look.name,
            "command_hash": self.look.hash,
            "duration_seconds": round(max(0.0, self.duration_s), 6),
            "shortest_interval_seconds": self.device.shortest_interval_s,
            "clock_skew_seconds": self.skew_s,
            "groups": self.device.groups,
            "parents": self.device.parents,
        }

    def _completed(self, seen: DeviceAttributes) -> DeviceAttributes:
        """Return what was seen of a device with what the agent knows of it."""
        known = {
            "agent": self.observing.agent,
            "agent_version": self.observing.version,
            "groups": self.device.groups,
            "parents": self.device.parents,
        }
        return seen.model_copy(update=known)

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
