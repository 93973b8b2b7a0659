"""The write path: one transaction a batch, on one connection.

Offsets are compared and set first: whoever finds another value than the one last read or written is fenced and writes
nothing. Rows, ledger and offsets are committed together, so a batch is stored once or not at all.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import psycopg

from runtime.errors import SchemaOutdated
from sinks.timescale.batch import Batch, Item, Owned
from sinks.timescale.ledger import Known, Ledger, Stream, folded
from sinks.timescale.packed import Packed, Unpackable
from sinks.timescale.ranges import parse_ranges
from sinks.timescale.refusals import Meaning, meaning
from sinks.timescale.revision import REVISION
from sinks.timescale.tables import Connection, Stored, Tables, sink_statements

Connect = Callable[[], Awaitable[Connection]]

Refusal = psycopg.Error | Unpackable
"""Why the database would not have a row."""


class Fenced(Exception):
    """Another writer has moved these partitions: nothing of the batch was stored."""

    def __init__(self, owners: Sequence[Owned]) -> None:
        super().__init__(", ".join(f"{owner.topic}/{owner.partition}" for owner in owners))
        self.owners = owners


@dataclass(frozen=True, slots=True)
class StoredOffset:
    """What the database holds of a partition."""

    next: int
    first: int


@dataclass(frozen=True, slots=True)
class LockPatience:
    """Seconds: how long one statement waits for a lock, and after how long a writer that stands still is ended."""

    wait_s: float = 10.0
    stopped_after_s: float = 30.0


_PATIENCE = LockPatience()


class Writer:
    """Stores batches. Not for concurrent use but by its own lock: each public method waits for the others.

    After a psycopg.Error call `reset`, then try again; the next call connects anew.
    """

    def __init__(self, connect: Connect, *, sink: str = "timescale", patience: LockPatience = _PATIENCE) -> None:
        self._connect = connect
        self._sink = sink
        self._patience = patience
        self._sql = sink_statements()
        self._tables = Tables(self._sql)
        self._lock = asyncio.Lock()
        self._connection: Connection | None = None
        self._uncertain: Batch | None = None

    async def close(self) -> None:
        """Close the connection. May be called twice."""
        async with self._lock:
            await self._drop()

    async def reset(self) -> None:
        """Give up the connection and what was learnt over it."""
        async with self._lock:
            await self._drop()
            self._tables.series.clear()

    async def check_schema(self) -> None:
        """Raise SchemaOutdated unless the database has the revision that this version writes."""
        async with self._lock:
            connection = await self._connected()
            try:
                cursor = await connection.execute(self._sql["read_revision"])
                row = await cursor.fetchone()
            except psycopg.errors.UndefinedTable:
                row = None
            await connection.rollback()
        found = row[0] if row else None
        if found == REVISION:
            return
        if found is None:
            message = "the database has no tables of Infrastructor: run `infrastructor db migrate`"
        elif found < REVISION:
            message = (
                f"the database is at revision {found}, this version needs {REVISION}: run `infrastructor db migrate`"
            )
        else:
            message = f"the database is at revision {found}, newer than {REVISION}: update this program"
        raise SchemaOutdated(message, operation="check schema", found=found, needed=REVISION)

    async def offsets(self, begins: Mapping[tuple[str, int], int]) -> dict[tuple[str, int], StoredOffset]:
        """The stored offsets of partitions, made at the given begin of their log where there was none."""
        names = sorted(begins)
        wanted = {
            "sink": self._sink,
            "topics": [topic for topic, _ in names],
            "partitions": [partition for _, partition in names],
            "begins": [begins[name] for name in names],
        }
        async with self._lock:
            connection = await self._connected()
            await connection.execute(self._sql["begin_offsets"], wanted)
            found = await self._read_offsets(connection, names)
            await connection.commit()
        return found

    async def skip(self, owner: Owned, to: int) -> bool:
        """Move a partition over a range that the log has lost; False when another writer has moved it."""
        async with self._lock:
            connection = await self._connected()
            moved = await self._claim(connection, [(owner, to)])
            await connection.commit()
        if moved:
            owner.known = owner.ahead = to
        return bool(moved)

    async def load(self, streams: Iterable[Stream]) -> Ledger:
        """What is stored of some streams; those that are not in the answer are new."""
        asked = sorted(set(streams))
        if not asked:
            return {}
        topics, subjects, scopes = (list(column) for column in zip(*asked, strict=True))
        async with self._lock:
            connection = await self._connected()
            cursor = await connection.execute(
                self._sql["read_ledger"], {"topics": topics, "subjects": subjects, "scopes": scopes}
            )
            rows = await cursor.fetchall()
            await connection.commit()
        return {
            (topic, subject, scope): Known(parse_ranges(seen), parse_ranges(dead), since)
            for topic, subject, scope, since, seen, dead in rows
        }

    def packed(self, batch: Batch) -> Packed | None:
        """The batch packed ahead; None when ids or series have to be looked up first, which `store` then does."""
        return None if batch.known_by_id() else self._tables.packed(batch.items)

    async def store(self, batch: Batch, ready: Packed | None = None) -> Stored:
        """Store a batch in one transaction, merging by key when a row is there already; the owners are moved on.

        Raises Fenced and Unpackable (nothing stored), psycopg.Error (nothing stored, or not known: call again).
        """
        async with self._lock:
            if self._uncertain is batch and await self._settle(batch):
                ready = None
            if not batch.shares:
                return Stored({})
            try:
                return await self._transaction(batch, ready, merge=False)
            except psycopg.errors.LockNotAvailable:
                await self._end_stopped()
                raise
            except psycopg.Error as error:
                if meaning(error) is not Meaning.DUPLICATE:
                    raise
            return await self._transaction(batch, ready, merge=True)

    async def refused(self, batch: Batch) -> dict[int, Refusal]:
        """Find by bisection which items the database refuses, each with its error, by `id(item)`; nothing is stored."""
        async with self._lock:
            return await self._bisect(batch.items)

    async def _bisect(self, items: Sequence[Item]) -> dict[int, Refusal]:
        error = await self._try(items) if items else None
        if error is None:
            return {}
        if len(items) == 1:
            return {id(items[0]): error}
        half = len(items) // 2
        return {**await self._bisect(items[:half]), **await self._bisect(items[half:])}

    async def _try(self, items: Sequence[Item]) -> Refusal | None:
        connection = await self._connected()
        try:
            packed = await self._tables.pack(connection, items)
            await self._tables.merge(connection, packed)
            await self._tables.upsert(connection, packed)
        except (psycopg.Error, Unpackable) as error:
            if isinstance(error, psycopg.Error) and meaning(error) is not Meaning.ROW:
                raise
            return error
        finally:
            await self._undo(connection)
        return None

    async def _transaction(self, batch: Batch, ready: Packed | None, *, merge: bool) -> Stored:
        connection = await self._connected()
        try:
            await self._claim_all(connection, batch)
            packed = self._tables.usable(ready) or await self._looked_up(connection, batch)
            stored = await (self._tables.merge if merge else self._tables.copy)(connection, packed)
            await self._tables.upsert(connection, packed)
            ledgers = await self._write_ledger(connection, batch)
            self._uncertain = batch
            await connection.commit()
        except (psycopg.Error, Fenced, Unpackable):
            await self._undo(connection)
            raise
        except BaseException:
            # A cancelled wait leaves the connection in the middle of an answer: it is of no more use then.
            await self._drop()
            raise
        self._uncertain = None
        self._tables.committed(packed)
        for part in batch.parts:
            part.owner.known = part.next
            part.owner.stored.update(ledgers[part.owner])
        return stored

    async def _undo(self, connection: Connection) -> None:
        try:
            await connection.rollback()
        except psycopg.Error:
            await self._drop()

    async def _claim_all(self, connection: Connection, batch: Batch) -> None:
        moved = await self._claim(connection, [(part.owner, part.next) for part in batch.parts])
        fenced = [part.owner for part in batch.parts if part.owner.name not in moved]
        if fenced:
            raise Fenced(fenced)

    async def _settle(self, batch: Batch) -> bool:
        """After a COMMIT without answer: leave out what was stored by it. Whether anything was."""
        connection = await self._connected()
        found = await self._read_offsets(connection, [part.owner.name for part in batch.parts])
        await connection.commit()
        self._uncertain = None
        done = [p for p in batch.parts if p.owner.name in found and found[p.owner.name].next == p.next]
        for part in done:
            part.owner.known = part.next
            part.owner.stored.update(folded(part.owner.stored, part.changes))
        batch.leave(part.owner for part in done)
        return bool(done)

    async def _claim(self, connection: Connection, moves: Sequence[tuple[Owned, int]]) -> set[tuple[str, int]]:
        cursor = await connection.execute(
            self._sql["claim_offsets"],
            {
                "sink": self._sink,
                "topics": [owner.topic for owner, _ in moves],
                "partitions": [owner.partition for owner, _ in moves],
                "known": [owner.known for owner, _ in moves],
                "next": [to for _, to in moves],
            },
        )
        return {(topic, partition) for topic, partition in await cursor.fetchall()}

    async def _read_offsets(
        self, connection: Connection, names: Sequence[tuple[str, int]]
    ) -> dict[tuple[str, int], StoredOffset]:
        cursor = await connection.execute(
            self._sql["read_offsets"],
            {"sink": self._sink, "topics": [name for name, _ in names], "partitions": [number for _, number in names]},
        )
        return {(topic, partition): StoredOffset(at, first) for topic, partition, at, first in await cursor.fetchall()}

    async def _looked_up(self, connection: Connection, batch: Batch) -> Packed:
        """Leave out what is stored by id, ask for unknown series, and pack: inside the transaction."""
        ids = batch.known_by_id()
        if ids:
            cursor = await connection.execute(self._sql["stored_ids"], {"ids": ids})
            batch.drop_stored({row[0] for row in await cursor.fetchall()})
        return await self._tables.pack(connection, batch.items)

    async def _write_ledger(self, connection: Connection, batch: Batch) -> dict[Owned, Ledger]:
        ledgers = {part.owner: folded(part.owner.stored, part.changes) for part in batch.parts}
        rows = [(stream, known) for ledger in ledgers.values() for stream, known in ledger.items()]
        if rows:
            await connection.execute(
                self._sql["write_ledger"],
                {
                    "topics": [stream[0] for stream, _ in rows],
                    "subjects": [stream[1] for stream, _ in rows],
                    "scopes": [stream[2] for stream, _ in rows],
                    "since": [known.since for _, known in rows],
                    "seen": [str(known.seen) for _, known in rows],
                    "dead": [str(known.dead) for _, known in rows],
                },
            )
        return ledgers

    async def _end_stopped(self) -> None:
        """Somebody holds what we wait for: when that is a writer that was stopped, end its session."""
        connection = await self._connected()
        await connection.execute(self._sql["end_stopped_writers"], {"seconds": self._patience.stopped_after_s})
        await connection.commit()

    async def _connected(self) -> Connection:
        if self._connection is None or self._connection.closed:
            connection = await self._connect()
            limit = {"milliseconds": str(int(self._patience.wait_s * 1000))}
            await connection.execute(self._sql["limit_lock_waits"], limit)
            await connection.commit()
            self._connection = connection
        return self._connection

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
