"""Storing a batch until it is stored: dead letters first, then the transaction, with patience and with bisection."""

import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

import psycopg

from runtime.backoff import Backoff
from runtime.errors import DatabaseRefused, InfrastructorError, Poisoned, SchemaOutdated
from runtime.kafka.dead_letters import DeadLetter, to_record
from runtime.kafka.producer import Outgoing, Sending
from sinks.surroundings import Surroundings
from sinks.timescale.batch import CONSUMER, Batch, Item, Owned
from sinks.timescale.limits import Limit, Tally, exceeded
from sinks.timescale.metrics import SinkMetrics
from sinks.timescale.packed import Packed, Unpackable
from sinks.timescale.refusals import Meaning, meaning
from sinks.timescale.tables import Stored
from sinks.timescale.writer import Fenced, Refusal, Writer

T = TypeVar("T")

WAITS = Backoff(first_s=0.2, longest_s=10.0)
MAX_MESSAGE_CHARS = 300

_HEALS = (DatabaseRefused, SchemaOutdated)
"""Not retryable by themselves, but a service waits for the person who mends them."""


class Stopping(Exception):
    """The process was asked to stop while it waited: what is under way is left, and read again by the next."""


class Explain(Protocol):
    """Turns the driver's error into ours."""

    def __call__(self, error: psycopg.Error) -> InfrastructorError | None:
        """Return ours; None for what is no matter of connection or permission."""
        ...


class Store:
    """Everything that is done to the database, with patience; also keeps the tally of what is refused.

    While the database is away, refuses the login, has another schema, no room or no time, it waits with backoff and
    readiness says why. Only a login that is refused before there ever was a connection is an error at once.
    """

    def __init__(
        self,
        writer: Writer,
        producer: Sending,
        *,
        around: Surroundings,
        metrics: SinkMetrics,
        limit: Limit,
        explain: Explain,
    ) -> None:
        self._writer = writer
        self._producer = producer
        self._around = around
        self._metrics = metrics
        self._limit = limit
        self._explain = explain
        self._tally = Tally()
        self._connected_once = False

    def count(self, *, good: int, bad: int) -> None:
        """Keep the tally; raises Poisoned when too much is refused."""
        if good:
            self._tally = self._tally.good(good, self._limit)
        if bad:
            self._tally = self._tally.bad(bad, self._limit)
        why = exceeded(self._tally, self._limit)
        if why is not None:
            raise Poisoned(
                f"the sink stops: {why}. Look at them with `infrastructor dead-letters list --consumer {CONSUMER}`; "
                "what was not stored is read again at the next start",
                operation="read the log",
            )

    async def patiently(self, operation: Callable[[], Awaitable[T]]) -> T:
        """What an operation on the database returns, tried until it works. Raises Stopping, Fenced, Unpackable.

        Errors that tell of one row are raised as they are: psycopg.Error whose meaning is ROW.
        """
        return await self._until(operation, "database")

    async def send(self, records: Sequence[Outgoing]) -> None:
        """Send records until all are acknowledged. Raises Stopping."""
        await self._until(lambda: self._producer.send(records), "kafka")

    async def _until(self, operation: Callable[[], Awaitable[T]], part: str) -> T:
        failed = 0
        while True:
            try:
                found = await operation()
            except (psycopg.Error, InfrastructorError) as error:
                reason = self._reason(error)
            else:
                self._connected_once = self._connected_once or part == "database"
                self._around.readiness.set(part, ok=True)
                return found
            failed += 1
            await self._wait(reason, failed, part=part)

    def _reason(self, error: psycopg.Error | InfrastructorError) -> InfrastructorError | psycopg.Error:
        if isinstance(error, psycopg.Error):
            if meaning(error) is Meaning.ROW:
                raise error
            reason = self._explain(error) or error
        else:
            reason = error
        if isinstance(reason, DatabaseRefused) and not self._connected_once:
            raise reason from error
        if isinstance(reason, InfrastructorError) and not (reason.retryable or isinstance(reason, _HEALS)):
            raise reason from error
        return reason

    async def _wait(self, reason: Exception, failed: int, *, part: str) -> None:
        what = " ".join(str(reason).split())[:MAX_MESSAGE_CHARS]
        self._metrics.retries.inc()
        self._around.readiness.set(part, ok=False, why=what)
        wait_s = WAITS.wait_s(failed, random.random())  # noqa: S311 - spreads retries, no secret
        self._around.log.warning("waiting", why=what, attempt=failed, next_try_s=round(wait_s, 1))
        if part == "database":
            await self._writer.reset()
        if await self._around.stop.wait(wait_s):
            raise Stopping

    async def store(self, batch: Batch, ready: Packed | None, *, fenced: Callable[[list[Owned]], None]) -> Stored:
        """Store a batch, or what of it is still ours. Raises Stopping, Poisoned."""
        total = Stored({})
        while batch.shares:
            gone = [owner for owner in batch.shares if not owner.is_live()]
            if gone:
                batch.leave(gone)
                ready = None
                continue
            try:
                await self._send_letters(batch)
                total = await self.patiently(_Attempt(self._writer, batch, ready))
            except Fenced as found:
                self._metrics.fenced.inc(len(found.owners))
                self._around.log.warning("fenced", partitions=str(found))
                fenced(list(found.owners))
                batch.leave(found.owners)
            except (psycopg.Error, Unpackable) as error:
                await self._refuse(batch, error)
            else:
                break
            ready = None
        return total

    async def _send_letters(self, batch: Batch) -> None:
        """Send what was refused and wait for it: before the transaction, so that no offset passes a lost letter."""
        letters = [letter for letter in batch.letters if letter.identity not in batch.sent]
        if not letters:
            return
        await self.send([to_record(letter) for letter in letters])
        for letter in letters:
            batch.sent.add(letter.identity)
            self._metrics.refused.labels(letter.reason).inc()
            self._around.log.warning(
                "dead letter",
                topic=letter.origin.topic,
                partition=letter.origin.partition,
                offset=letter.origin.offset,
                reason=letter.reason,
                field=letter.field,
                message=letter.message,
            )

    async def _refuse(self, batch: Batch, error: Refusal) -> None:
        found = await self.patiently(lambda: self._writer.refused(batch))
        if not found:
            # Nothing is refused when tried alone: the same batch again, but not at once for ever.
            await self._wait(error, 3, part="database")
            return
        letters = {id(item): self._letter(item, found[id(item)]) for item in batch.items if id(item) in found}
        batch.refuse(letters)
        self.count(good=0, bad=len(letters))

    def _letter(self, item: Item, error: Refusal) -> DeadLetter:
        state = (error.sqlstate or "unknown").lower() if isinstance(error, psycopg.Error) else "unpackable"
        told = error.diag.message_primary if isinstance(error, psycopg.Error) else None
        return DeadLetter(
            consumer=CONSUMER,
            origin=item.raw,
            reason=f"sqlstate_{state}" if isinstance(error, psycopg.Error) else state,
            message=told or str(error),
            failed_at_ms=self._around.clock.now_ms(),
        )


class _Attempt:
    """One call of the writer; from the second on nothing that was packed before is trusted."""

    def __init__(self, writer: Writer, batch: Batch, ready: Packed | None) -> None:
        self._writer = writer
        self._batch = batch
        self._ready = ready

    async def __call__(self) -> Stored:
        ready, self._ready = self._ready, None
        return await self._writer.store(self._batch, ready)
