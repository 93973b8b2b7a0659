"""Storing what was read again: rows merged by key, past ledger and offsets, so that a second time changes nothing."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from replay.plan import Place
from runtime.backoff import Backoff
from runtime.errors import DatabaseUnavailable, InfrastructorError
from runtime.postgres import connect, translate
from runtime.settings import PostgresSettings
from runtime.sql import load_statements
from sinks.timescale.batch import CONSUMER, Item
from sinks.timescale.packed import Packed, Unpackable
from sinks.timescale.process import NAME
from sinks.timescale.refusals import Meaning, meaning
from sinks.timescale.tables import Connection, Stored, Tables, sink_statements
from sinks.timescale.writer import Refusal, Writer

TRIES = 8
WAITS = Backoff(first_s=0.2, longest_s=10.0)
_LOCK_WAIT_MS = "10000"
_MERGES_BEFORE_COPY = 8

_TABLES = {
    "upsert_devices": "devices",
    "update_first_seen": "devices",
    "upsert_retirements": "devices",
    "upsert_outcomes": "notifications",
    "upsert_requests": "notifications",
    "upsert_closings": "gaps",
}
"""Statements whose name does not end in that of their table."""


@dataclass(slots=True)
class Restored:
    """What one batch changed, by table, and which of its items the database would not have."""

    changed: Counter[str] = field(default_factory=Counter)
    conflicts: int = 0
    refused: list[tuple[Item, Refusal]] = field(default_factory=list)


class Restorer:
    """Merges batches. With `dry_run` each is rolled back after it was counted. One call at a time.

    It calls itself what the live sink does, so that the sink's own rule reaches it: a writer that stands still in the
    middle of a transaction is ended after half a minute, and blocks nobody. Then the batch is merged again.
    """

    def __init__(self, settings: PostgresSettings, *, dry_run: bool = False) -> None:
        ours = load_statements(Path(__file__).with_name("statements"))
        self._settings = settings
        self._dry_run = dry_run
        self._sql = {**sink_statements(), **ours, "upsert_dead_letters": ours["restore_dead_letters"]}
        self._tables = Tables(self._sql)
        self._connection: Connection | None = None
        self._merges_left = 0

    async def check_schema(self) -> None:
        """Raise SchemaOutdated unless the database has the revision that this version writes."""
        writer = Writer(lambda: connect(self._settings, NAME))
        try:
            await writer.check_schema()
        finally:
            await writer.close()

    async def stored_offsets(self) -> dict[Place, int]:
        """How far the live sink has stored each partition."""
        connection = await self._connected()
        cursor = await connection.execute(self._sql["stored_offsets"], {"sink": CONSUMER})
        found = {(topic, partition): offset for topic, partition, offset in await cursor.fetchall()}
        await connection.commit()
        return found

    async def close(self) -> None:
        """Close the connection. May be called twice."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    def packed(self, items: Sequence[Item]) -> Packed | None:
        """The items packed ahead; None when a series has to be asked for. Raises Unpackable."""
        return self._tables.packed(items)

    async def store(self, items: Sequence[Item], ready: Packed | None) -> Restored:
        """Merge a batch in one transaction; what the database refuses is found and left out.

        Waits a while for a database that is away, busy or deadlocked. Raises DatabaseUnavailable, DatabaseRefused.
        """
        outcome, kept, failed = Restored(), list(items), 0
        while True:
            try:
                stored, changed = await self._transaction(kept, ready, keep=not self._dry_run)
            except (psycopg.Error, Unpackable, DatabaseUnavailable) as error:
                ready = None
                if _is_of_a_row(error):
                    refused = await self._bisect(kept)
                    outcome.refused += refused
                    gone = {id(item) for item, _ in refused}
                    kept = [item for item in kept if id(item) not in gone]
                    if refused:
                        continue
                failed += 1
                await self._wait(error, failed)
                continue
            outcome.changed.update(stored.rows)
            outcome.changed.update(changed)
            outcome.conflicts = stored.conflicts
            return outcome

    async def _transaction(
        self, items: Sequence[Item], ready: Packed | None, *, keep: bool
    ) -> tuple[Stored, Counter[str]]:
        connection = await self._connected()
        try:
            packed = self._tables.usable(ready) or await self._tables.pack(connection, items)
            stored = await self._write(connection, packed)
            changed: Counter[str] = Counter()
            for name, count in (await self._tables.upsert(connection, packed)).items():
                changed[_TABLES.get(name) or name.partition("_")[2]] += count
            await (connection.commit() if keep else connection.rollback())
        except (psycopg.Error, Unpackable):
            await self._undo(connection)
            raise
        except BaseException:
            # A cancelled wait leaves the connection in the middle of an answer: it is of no more use then.
            await self.close()
            raise
        if keep:
            self._tables.committed(packed)
        return stored, changed

    async def _write(self, connection: Connection, packed: Packed) -> Stored:
        """Copy samples as if all were missing, unless that was wrong lately."""
        if self._merges_left:
            self._merges_left -= 1
            return await self._tables.merge(connection, packed)
        stored = await self._tables.restore(connection, packed)
        if stored.merged:
            self._merges_left = _MERGES_BEFORE_COPY
        return stored

    async def _bisect(self, items: Sequence[Item]) -> list[tuple[Item, Refusal]]:
        if not items:
            return []
        try:
            await self._transaction(items, None, keep=False)
        except (psycopg.Error, Unpackable) as error:
            if not _is_of_a_row(error):
                raise self._told(error) from error
            if len(items) == 1:
                return [(items[0], error)]
        else:
            return []
        half = len(items) // 2
        return [*await self._bisect(items[:half]), *await self._bisect(items[half:])]

    async def _wait(self, error: Refusal | DatabaseUnavailable, failed: int) -> None:
        told = self._told(error)
        if failed >= TRIES or (isinstance(told, InfrastructorError) and not told.retryable):
            raise told from error
        await self.close()
        self._tables.series.clear()
        await asyncio.sleep(WAITS.wait_s(failed, random.random()))  # noqa: S311 - spreads retries, no secret

    def _told(self, error: Refusal | DatabaseUnavailable) -> Exception:
        if not isinstance(error, psycopg.Error):
            return error
        return translate(error, self._settings, operation="backfill") or error

    async def _undo(self, connection: Connection) -> None:
        try:
            await connection.rollback()
        except psycopg.Error:
            await self.close()

    async def _connected(self) -> Connection:
        if self._connection is None or self._connection.closed:
            connection = await connect(self._settings, NAME)
            await connection.execute(self._sql["limit_lock_waits"], {"milliseconds": _LOCK_WAIT_MS})
            await connection.execute(self._sql["lift_decompression_limit"])
            await connection.commit()
            self._connection = connection
        return self._connection


def _is_of_a_row(error: Exception) -> bool:
    return isinstance(error, Unpackable) or (isinstance(error, psycopg.Error) and meaning(error) is Meaning.ROW)
