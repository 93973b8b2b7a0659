"""A log written by hand: records of a topic with offsets, append times and sequences, for tests of the cores."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import orjson

from schemas.baseline import BaselineAccepted, BaselineAcceptedData
from schemas.clock import ClockTicked, ClockTickedData
from schemas.codec import decode, encode
from schemas.collection import (
    CollectionCompleted,
    CollectionCompletedData,
    CollectionFailed,
    CollectionFailedData,
)
from schemas.device import DeviceAttributes, DeviceRegistered, DeviceRetired, DeviceRetiredData
from schemas.entity import EntityKind
from schemas.envelope import Envelope
from schemas.headers import SENT
from schemas.identity import derived_id
from schemas.metric import MetricCollected, MetricCollectedData, Sample
from schemas.record import AnyRead, RawRecord, Record, RecordReader
from schemas.registry import COLLECTIONS, METRICS, OBSERVATIONS
from schemas.rules import RulesKind, RulesLoaded, RulesLoadedData
from streams.documents import document_hash, rules_id

START = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
EPOCH = UUID("018f0000-0000-7000-8000-000000000001")
_NAMES = UUID("00000000-0000-4000-8000-000000000000")


class Log:
    """One partition of a topic; each method appends one record and returns it."""

    def __init__(self, topic: str, partition: int = 0, *, start: datetime = START) -> None:
        self.start = start
        self.topic = topic
        self.partition = partition
        self.raws: list[RawRecord] = []
        self.records: list[Record[AnyRead]] = []
        self.at_s = 0.0
        self._reader = RecordReader()
        self._sequences: dict[tuple[UUID, str], int] = {}

    def wait(self, seconds: float) -> None:
        """Let the broker's clock go on."""
        self.at_s += seconds

    def now(self) -> datetime:
        """The broker's time."""
        return self.start + timedelta(seconds=self.at_s)

    def append(self, event: Envelope, *, sent_s: float | None = None) -> Record[AnyRead]:
        """Append an event as it is; `sent_s` is when its sender says that he sent it."""
        sent_ms = None if sent_s is None else int((self.start + timedelta(seconds=sent_s)).timestamp() * 1000)
        raw = RawRecord(
            topic=self.topic,
            partition=self.partition,
            offset=len(self.raws),
            appended_ms=int(self.now().timestamp() * 1000),
            key=event.subject.encode(),
            value=encode(event),
            headers=() if sent_ms is None else ((SENT, str(sent_ms).encode()),),
        )
        record = self._reader.read(raw)
        self.raws.append(raw)
        self.records.append(record)
        return record

    def envelope(
        self, device: str, *, at_s: float | None = None, epoch: UUID = EPOCH, agent: str = "agent-1"
    ) -> dict[str, Any]:
        """The attributes of an agent's event, with the next sequence."""
        sequence = self._sequences[epoch, device] = self._sequences.get((epoch, device), 0) + 1
        return {
            "id": derived_id(_NAMES, self.topic, str(self.partition), str(epoch), device, str(sequence)),
            "source": f"/agents/{agent}/{epoch}/system",
            "subject": device,
            "time": self.now() if at_s is None else self.start + timedelta(seconds=at_s),
            "sequence": sequence,
        }

    def registered(
        self,
        device: str = "web-1",
        *,
        at_s: float | None = None,
        epoch: UUID = EPOCH,
        agent: str = "agent-1",
        sent_s: float | None = None,
        **data: Any,
    ) -> Record[AnyRead]:
        """An agent says what a device is."""
        envelope = self.envelope(device, at_s=at_s, epoch=epoch, agent=agent)
        return self.append(DeviceRegistered(**envelope, data=DeviceAttributes(agent=agent, **data)), sent_s=sent_s)

    def retired(
        self,
        device: str = "web-1",
        *,
        at_s: float | None = None,
        epoch: UUID = EPOCH,
        agent: str = "agent-1",
        sent_s: float | None = None,
    ) -> Record[AnyRead]:
        """An agent watches a device no more."""
        envelope = self.envelope(device, at_s=at_s, epoch=epoch, agent=agent)
        return self.append(DeviceRetired(**envelope, data=DeviceRetiredData(reason="sold")), sent_s=sent_s)

    def baseline(
        self, kind: EntityKind | Literal["metric"], entity: str, device: str, values: Mapping[str, Any]
    ) -> Record[AnyRead]:
        """An operator accepts values of a thing."""
        return self.append(
            BaselineAccepted(
                id=derived_id(_NAMES, self.topic, "baseline", str(self.partition), str(len(self.raws))),
                source="/operators/ada",
                subject=device,
                time=self.now(),
                data=BaselineAcceptedData(operator="ada", kind=kind, entity=entity, values=dict(values)),
            )
        )

    def tick(self, period: float = 5.0, *, after: float | None = None) -> Record[AnyRead]:
        """Append a tick, by default one period after what was before."""
        self.wait(period if after is None else after)
        return self.append(
            ClockTicked(
                id=derived_id(_NAMES, self.topic, "tick", str(self.partition), str(len(self.raws))),
                source="/streams/clock",
                subject=f"_partition-{self.partition}",
                time=self.now(),
                data=ClockTickedData(period_seconds=period),
            )
        )

    def ticks(self, seconds: float, period: float = 5.0) -> None:
        """Append ticks for a time."""
        for _ in range(int(seconds / period)):
            self.tick(period)

    def rules(self, kind: RulesKind, document: Mapping[str, Any], revision: int = 1) -> Record[AnyRead]:
        """Append a document of rules."""
        digest = document_hash(document)
        return self.append(
            RulesLoaded(
                id=rules_id(kind, revision, digest, topic=self.topic, partition=self.partition),
                source="/streams/rules",
                subject=f"_partition-{self.partition}",
                time=self.now(),
                data=RulesLoadedData(kind=kind, revision=revision, hash=digest, document=dict(document)),
            )
        )


class Collections(Log):
    """A partition of `infra.collections`."""

    def __init__(self, partition: int = 0, *, start: datetime = START) -> None:
        super().__init__(COLLECTIONS, partition, start=start)

    def completed(self, device: str = "web-1", **data: Any) -> Record[AnyRead]:
        """A look that was done."""
        of = {"at_s": data.pop("at_s", None), "epoch": data.pop("epoch", EPOCH)}
        of["agent"], sent_s = data.pop("agent", "agent-1"), data.pop("sent_s", None)
        facts: dict[str, Any] = {
            "collector": "system",
            "duration_seconds": 0.1,
            "shortest_interval_seconds": 10.0,
        } | data
        completed = CollectionCompleted(**self.envelope(device, **of), data=CollectionCompletedData(**facts))
        return self.append(completed, sent_s=sent_s)

    def failed(self, device: str = "web-1", **data: Any) -> Record[AnyRead]:
        """A look that failed."""
        facts: dict[str, Any] = {
            "collector": "drive",
            "duration_seconds": 0.1,
            "shortest_interval_seconds": 10.0,
            "error_code": "no_smart",
            "message": "smartctl is not there",
        } | data
        return self.append(CollectionFailed(**self.envelope(device), data=CollectionFailedData(**facts)))


class Metrics(Log):
    """A partition of `infra.metrics`."""

    def __init__(self, partition: int = 0, *, start: datetime = START) -> None:
        super().__init__(METRICS, partition, start=start)

    def look(
        self,
        values: Mapping[str, float] | None = None,
        *,
        device: str = "web-1",
        at_s: float | None = None,
        collector: str = "system",
        interval: float = 10.0,
        sent_s: float | None = None,
    ) -> Record[AnyRead]:
        """A look with values by `name` or `name{label=value,...}`."""
        samples = tuple(_sample(series, value) for series, value in (values or {"system.uptime": 1.0}).items())
        return self.append(
            MetricCollected(
                **self.envelope(device, at_s=at_s),
                data=MetricCollectedData(collector=collector, interval_seconds=interval, samples=samples),
            ),
            sent_s=sent_s,
        )


class Observations(Log):
    """A partition of `infra.observations`."""

    def __init__(self, partition: int = 0, *, start: datetime = START) -> None:
        super().__init__(OBSERVATIONS, partition, start=start)

    def look(
        self,
        data: Mapping[str, Any],
        kind: str,
        *,
        device: str = "nas",
        at_s: float | None = None,
        epoch: UUID = EPOCH,
        run: UUID | None = None,
    ) -> Record[AnyRead]:
        """A look of a kind (`container`, `drive`, ...), its data as in JSON."""
        event = {
            "specversion": "1.0",
            **self.envelope(device, at_s=at_s, epoch=epoch),
            "type": f"infrastructor.{kind}.observed.v1",
            "data": data,
        }
        if run is not None:
            event["correlationid"] = run
        observed = decode(orjson.dumps(event))
        assert isinstance(observed, Envelope)
        return self.append(observed)

    def accept(self, kind: EntityKind, entity: str, device: str = "nas", **values: Any) -> Record[AnyRead]:
        """An operator accepts values of a thing."""
        return self.baseline(kind, entity, device, values)


def _sample(series: str, value: float) -> Sample:
    name, _, inside = series.rstrip("}").partition("{")
    pairs = (pair.partition("=") for pair in inside.split(",") if pair)
    return Sample(name=name, value=value, unit="1", labels={label: text for label, _, text in pairs})
