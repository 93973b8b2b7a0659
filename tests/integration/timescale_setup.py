"""What the tests of the database sink share: events of each family, raw records, and a writer without Kafka."""

from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
from pydantic import SecretStr

from runtime.postgres import connect
from runtime.settings import PostgresSettings
from schemas.codec import encode
from schemas.collection import CollectionCompleted, CollectionCompletedData
from schemas.device import DeviceAttributes, DeviceRegistered, DeviceStatusChanged, DeviceStatusData
from schemas.envelope import Envelope
from schemas.identity import agent_source, uuid7
from schemas.metric import MetricCollected, MetricCollectedData, Sample
from schemas.record import RawRecord, RecordReader
from schemas.registry import COLLECTIONS, METRICS
from sinks.timescale.batch import Batch, Owned, read
from sinks.timescale.writer import Writer

START = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
EPOCH = UUID("01935c1e-7e1c-7000-8000-000000000001")


def ms(time: datetime) -> int:
    return int(time.timestamp() * 1000)


def settings_of(url: str) -> PostgresSettings:
    return PostgresSettings(url=SecretStr(url))


def connecting(url: str) -> Callable[[], Awaitable["psycopg.AsyncConnection[tuple[Any, ...]]"]]:
    return lambda: connect(settings_of(url), "infrastructor-test")


def writer_on(url: str) -> Writer:
    return Writer(connecting(url))


def rows(url: str, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(statement.encode()).fetchall()


def one(url: str, statement: str) -> Any:
    return rows(url, statement)[0][0]


def looked(
    sequence: int,
    *,
    device: str = "web-1",
    values: tuple[float, ...] = (0.5, 0.25),
    time: datetime | None = None,
    epoch: UUID = EPOCH,
    id_: UUID | None = None,
) -> MetricCollected:
    at = time or START + timedelta(seconds=10 * sequence)
    samples = tuple(
        Sample(name="system.cpu.utilization", value=value, unit="1", labels={"cpu": str(cpu)})
        for cpu, value in enumerate(values)
    )
    return MetricCollected(
        id=id_ or uuid7(ms(at)),
        source=agent_source(device, epoch, "system"),
        subject=device,
        time=at,
        sequence=sequence,
        data=MetricCollectedData(collector="system", samples=samples),
    )


def collected(sequence: int, *, device: str = "web-1", epoch: UUID = EPOCH) -> CollectionCompleted:
    at = START + timedelta(seconds=10 * sequence)
    return CollectionCompleted(
        id=uuid7(ms(at)),
        source=agent_source(device, epoch, "system"),
        subject=device,
        time=at,
        sequence=sequence,
        correlationid=uuid4(),
        data=CollectionCompletedData(
            collector="system", duration_seconds=0.02, shortest_interval_seconds=10.0, events=1, output_bytes=4096
        ),
    )


def registered(sequence: int, *, device: str = "web-1", hostname: str = "web-1.example") -> DeviceRegistered:
    at = START + timedelta(seconds=sequence)
    return DeviceRegistered(
        id=uuid7(ms(at)),
        source=agent_source(device, EPOCH, "system"),
        subject=device,
        time=at,
        sequence=sequence,
        data=DeviceAttributes(hostname=hostname, kernel="6.1.0", groups=("web",), labels={"rack": "a"}),
    )


def status_changed(sequence: int, *, status: Any = "online", device: str = "web-1") -> DeviceStatusChanged:
    at = START + timedelta(seconds=sequence)
    return DeviceStatusChanged(
        id=uuid4(),
        source="/streams/device_status",
        subject=device,
        time=at,
        sequence=sequence,
        data=DeviceStatusData(previous="unknown", status=status, reason="seen", summary="it answers", since=at),
    )


def raw(
    event: Envelope, topic: str, *, offset: int, partition: int = 0, headers: tuple[tuple[str, bytes], ...] = ()
) -> RawRecord:
    return RawRecord(
        topic=topic,
        partition=partition,
        offset=offset,
        appended_ms=ms(event.time) + 40,
        key=event.subject.encode(),
        value=encode(event),
        headers=headers,
    )


def metrics(*events: MetricCollected, begin: int = 0) -> list[RawRecord]:
    return [raw(event, METRICS, offset=begin + at) for at, event in enumerate(events)]


def collections(*events: Envelope, begin: int = 0) -> list[RawRecord]:
    return [raw(event, COLLECTIONS, offset=begin + at) for at, event in enumerate(events)]


async def owned(writer: Writer, topic: str = METRICS, partition: int = 0) -> Owned:
    found = (await writer.offsets({(topic, partition): 0}))[topic, partition]
    return Owned(topic, partition, known=found.next, ahead=found.next, first=found.first)


async def admitted(writer: Writer, owner: Owned, raws: Iterable[RawRecord]) -> Batch:
    """A batch as the service makes it: read, ledger loaded, admitted."""
    batch, reader = Batch(), RecordReader()
    for one_raw in raws:
        batch.take(owner, one_raw, read(one_raw, reader, now_ms=one_raw.appended_ms))
    for part in batch.parts:
        missing = set(part.streams()) - owner.taken.keys()
        loaded = await writer.load(missing)
        owner.stored.update(loaded)
        owner.taken.update(loaded)
        part.admit()
    return batch
