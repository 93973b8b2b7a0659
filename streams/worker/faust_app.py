"""The Faust app: one agent a derivation, one table a derivation, positions from our own states.

What Faust does here: the consumer group, the assignment of partitions together with their changelogs, recovery of the
tables, and the streams of records. What it does not: topics (made before), sending (we await each acknowledgement), and
deciding where to read from.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

import faust
from aiokafka.errors import IllegalStateError
from faust.transport.drivers.aiokafka import Consumer, Transport
from faust.types import TP, EventT, StreamT

from runtime.errors import InfrastructorError
from runtime.kafka.catalog import TopicCatalog
from runtime.kafka.failures import CLIENT_ERRORS, translate
from runtime.kafka.options import faust_broker_options
from runtime.log import get_logger
from runtime.settings import KafkaSettings
from schemas.record import RawRecord
from streams.entries import Precedence
from streams.fleet import AnyDerivation
from streams.settings import StreamsSettings
from streams.worker.assigning import ListedAssignor
from streams.worker.owned import Owned, Ownership, Recovered

Work = Callable[[Sequence[RawRecord]], Awaitable[None]]
Failed = Callable[[BaseException], None]


class StatePositionConsumer(Consumer):
    """Reads each partition from the first record that its stored state has not applied.

    Faust calls `seek_to_committed` after recovery and when its flow was stopped: a name of Kafka's, positions of ours.
    """

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek the partitions that are ours and assigned; those without a state from the beginning of the log."""
        app = self.app
        assert isinstance(app, StreamsApp)  # noqa: S101 - for the type checker
        assigned = self.assignment()
        wanted = {TP(*place): offset for place, offset in app.ownership.positions().items()}
        positions = {tp: offset for tp, offset in wanted.items() if tp in assigned}
        if positions:
            await self.seek_wait(positions)
        return positions


class StatePositionTransport(Transport):
    """The transport with our consumer."""

    Consumer = StatePositionConsumer


class StateTable(faust.Table[bytes, bytes]):
    """A table that takes from its changelog what counts, in recovery; nothing else ever writes it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.precedence: dict[int, Precedence] = {}
        self._read_to: dict[int, int] = {}

    @property
    def entries(self) -> Mapping[bytes, bytes]:
        """What was recovered; after a rebalance also of partitions that went away."""
        found: Mapping[bytes, bytes] = self.data.data
        return found

    def apply_changelog_batch(self, batch: Iterable[EventT[Any]]) -> None:
        """Take in a piece of the changelog."""
        taken = []
        for event in batch:
            message = event.message
            partition = message.partition
            if message.offset <= self._read_to.get(partition, -1) or partition not in self.precedence:
                # It was another's in between: read from its beginning once more.
                self.precedence[partition] = Precedence()
            self._read_to[partition] = message.offset
            key: Any = message.key
            headers: Any = message.headers or ()
            if self.precedence[partition].takes(key, headers):
                taken.append(event)
        super().apply_changelog_batch(taken)
        ownership: Ownership = self.app.ownership  # type: ignore[attr-defined]
        ownership.settling_on()


class StreamsApp(faust.App):
    """The app; `ownership` is told of every change of the assignment, once the tables are recovered.

    What it refuses (states that are lost or cannot be read) goes to `failed`, which ends the process.
    """

    kafka: KafkaSettings
    ownership: Ownership
    failed: Failed
    partitions: Mapping[str, int]
    """By topic that is read, states included, how many partitions it has."""

    async def start(self) -> None:
        """Start what Faust consists of. Raises InfrastructorError when Kafka went away meanwhile, or refuses."""
        try:
            await super().start()
        except CLIENT_ERRORS as error:
            raise translate(error, self.kafka, operation="start the worker") from error

    def _create_directories(self) -> None:
        """Make none: nothing is kept on disk."""

    def _new_transport(self) -> Any:
        return StatePositionTransport(self.conf.broker_consumer, self)


def build_app(
    settings: StreamsSettings, kafka: KafkaSettings, *, catalog: TopicCatalog, ownership: Ownership, failed: Failed
) -> StreamsApp:
    """The app with its tables, without agents. Nothing is connected yet."""
    _quieten()
    app = StreamsApp(
        catalog.changelogs.app,
        store="memory://",
        web_enabled=False,
        processing_guarantee="at_least_once",
        # A rebalance waits for the batch in hand: its acknowledgements are ours (noack_take).
        stream_wait_empty=True,
        stream_buffer_maxsize=max(2 * settings.batch_records, 1000),
        broker_client_id="infrastructor-streams",
        PartitionAssignor=ListedAssignor,
        Table=StateTable,
        **faust_broker_options(kafka),
    )
    app.kafka = kafka
    app.ownership = ownership
    app.failed = failed
    derivations = ownership.derivations.values()
    topics = [topic for one in derivations for topic in (one.reads, catalog.changelog(one.table))]
    app.partitions = {topic: catalog.topic(topic).partitions for topic in topics}
    for derivation in derivations:
        app.Table(
            derivation.table,
            partitions=catalog.topic(derivation.reads).partitions,
            key_type=bytes,
            value_type=bytes,
        )
    # Faust awaits what these return; its types know of functions that return None only.
    app.on_partitions_revoked.connect(_revoked, weak=False)  # type: ignore[arg-type]
    app.on_rebalance_complete.connect(_recovered, weak=False)  # type: ignore[arg-type]
    return app


def add_agent(
    app: StreamsApp, derivation: AnyDerivation, settings: StreamsSettings, *, work: Work, failed: Failed
) -> None:
    """Let `work` have the derivation's records batch by batch; what it raises goes to `failed`.

    A batch is acknowledged when `work` has returned, and never when it raised: Faust itself would acknowledge it, so
    then this agent waits for the end of the process.
    """
    topic = app.topic(
        derivation.reads,
        key_type=bytes,
        value_type=bytes,
        key_serializer="raw",
        value_serializer="raw",
        allow_empty=True,
    )

    async def agent(stream: StreamT[bytes]) -> None:
        # Named `noack_take` in Faust, whose types know it for its own Stream class only.
        batches = stream.noack_take(settings.batch_records, within=settings.batch_window_s)  # type: ignore[attr-defined]
        async for events in batches:
            try:
                await work([_raw(event) for event in events])
            except asyncio.CancelledError:
                raise
            except BaseException as error:  # noqa: BLE001 - handed to the one supervisor, which ends the process
                failed(error)
                await asyncio.Event().wait()
            for event in events:
                event.ack()

    app.agent(topic, name=derivation.name, concurrency=1)(agent)


def _raw(event: EventT[bytes]) -> RawRecord:
    message = event.message
    return RawRecord(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        # Faust has seconds; a double holds the milliseconds of this century exactly enough to round.
        appended_ms=round(message.timestamp * 1000),
        key=message.key,
        value=message.value,
        headers=tuple(message.headers or ()),  # type: ignore[arg-type]
    )


async def _revoked(app: Any, *_: Any, **__: Any) -> None:
    app.ownership.lose_all()


async def reread(app: StreamsApp, partitions: Sequence[Owned]) -> None:
    """Set partitions back to the first record that is not applied; past what is no longer in the log."""
    assigned = app.consumer.assignment()
    places = {TP(one.topic, one.partition): one for one in partitions}
    ours = {tp: one for tp, one in places.items() if tp in assigned}
    try:
        earliest = await app.consumer.earliest_offsets(*ours)
        for tp, one in ours.items():
            _past_what_is_gone(one, earliest.get(tp) or 0)
        await app.consumer.seek_wait({tp: one.fold.next_offset for tp, one in ours.items()})
    except IllegalStateError:
        # A rebalance took them away in between: who owns them reads them from their states.
        return
    get_logger("streams").warning(
        "read again", **{f"{tp.topic}-{tp.partition}": one.fold.next_offset for tp, one in ours.items()}
    )


def _past_what_is_gone(owned: Owned, earliest: int) -> None:
    expected = owned.fold.next_offset
    if earliest > expected:
        get_logger("streams").error(
            "records were deleted before they were read",
            topic=owned.topic,
            partition=owned.partition,
            first=expected,
            last=earliest - 1,
        )
        owned.fold.pass_over(earliest - 1)


async def _recovered(app: Any, *_: Any, **__: Any) -> None:
    places = [(tp.topic, tp.partition) for tp in app.consumer.assignment()]
    tables = {name: Recovered(table.entries, table.precedence) for name, table in app.tables.items()}
    try:
        app.ownership.take(places, tables, generation=app.consumer_generation_id)
    except InfrastructorError as error:
        # Faust would end this service and leave the others waiting.
        app.failed(error)
        await asyncio.Event().wait()
    # Before Faust lets the records flow, which it does before it seeks by itself.
    await app.consumer.seek_to_committed()


def _quieten() -> None:
    """Leave what Faust says at length to what we say in short; errors stay."""
    for name in ("faust", "mode", __name__):
        logging.getLogger(name).setLevel(logging.ERROR)
