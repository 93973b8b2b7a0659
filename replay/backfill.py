"""A range of the log into the live tables once more: the sink's own rows, merged by key, while the sink goes on.

Only tables are written. Offsets and the sequence ledger belong to the live sink, dead letters were sent by it: what
cannot be stored is counted and named here, and that is all.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from replay.figures import Totals
from replay.log import Piece, bounds_of, read_reaches
from replay.plan import Place, Selection, left, reaches
from replay.progress import Progress, ProgressFile
from replay.restore import Restorer
from runtime.clock import Clock
from runtime.process import Stop
from runtime.settings import KafkaSettings
from schemas.metric_look import MetricLook
from schemas.record import RawRecord, RecordReader
from sinks.timescale.batch import Item, read
from sinks.timescale.packed import Packed, Unpackable

_YIELD_EVERY = 8

Tell = Callable[[Progress], None]
"""Told after each batch how far it is."""

Refresh = Callable[[datetime, datetime], Awaitable[None]]
"""Brings the aggregates over samples of these event times up to date; both ends belong to the range."""


@dataclass(slots=True)
class _Batch:
    """What is merged in one transaction, and how far the log was read for it."""

    items: list[Item] = field(default_factory=list)
    ids: set[UUID] = field(default_factory=set)
    rows: int = 0
    done: dict[Place, int] = field(default_factory=dict)
    records: int = 0
    passed_over: int = 0
    repeated: int = 0
    refused: list[tuple[str, str, str]] = field(default_factory=list)

    def take(self, raw: RawRecord, reader: RecordReader, *, selection: Selection, now_ms: int) -> None:
        """Read one record. What comes twice in a batch is taken once: an upsert must not meet a key twice."""
        found = read(raw, reader, now_ms=now_ms) if selection.wants(raw) else None
        if found is None or (isinstance(found, Item) and not selection.takes(found.record)):
            self.passed_over += 1
        elif not isinstance(found, Item):
            self.refused.append((_place(raw), found.reason, found.message))
        elif found.record is not None and found.record.event.id in self.ids:
            self.repeated += 1
        else:
            if found.record is not None:
                self.ids.add(found.record.event.id)
            self.items.append(found)
            self.rows += found.rows

    def count(self, totals: Totals) -> None:
        """Add what was read to the totals."""
        totals.records += self.records
        totals.passed_over += self.passed_over
        totals.repeated += self.repeated
        totals.stored += len(self.items)
        totals.rows += self.rows
        for place, reason, message in self.refused:
            totals.refuse(place, reason, message)


class Backfill:
    """One backfill. `file` None: nothing is kept, as for a dry run."""

    def __init__(
        self,
        kafka: KafkaSettings,
        restorer: Restorer,
        selection: Selection,
        *,
        batch_rows: int,
        clock: Clock,
        file: ProgressFile | None = None,
        tell: Tell = lambda _: None,
        refresh: Refresh | None = None,
    ) -> None:
        self._kafka = kafka
        self._restorer = restorer
        self._selection = selection
        self._batch_rows = batch_rows
        self._clock = clock
        self._file = file
        self._tell = tell
        self._refresh = refresh
        self._reader = RecordReader()
        self._writing: asyncio.Task[None] | None = None

    async def run(self, stop: Stop) -> tuple[Progress, bool]:
        """Read and merge until all is done or it is asked to stop; how far it came, and whether it is whole.

        Goes on where the progress file says. Raises InfrastructorError.
        """
        await self._restorer.check_schema()
        progress = (self._file.load() if self._file else None) or await self._planned()
        self._tell(progress)
        try:
            await self._read_all(progress, stop)
        finally:
            writing, self._writing = self._writing, None
            if writing is not None:
                await asyncio.wait({writing})
            await self._restorer.close()
        whole = not left(progress.reaches, progress.done)
        if whole:
            await self._finished(progress.totals)
        return progress, whole

    async def _planned(self) -> Progress:
        selection = self._selection
        bounds = await bounds_of(self._kafka, selection.topics, from_ms=selection.from_ms, to_ms=selection.to_ms)
        found = reaches(selection, bounds, await self._restorer.stored_offsets())
        progress = Progress(found, planned_ms=self._clock.now_ms())
        if self._file is not None:
            self._file.save(progress)
        return progress

    async def _read_all(self, progress: Progress, stop: Stop) -> None:
        batch = _Batch()
        async with aclosing(read_reaches(self._kafka, left(progress.reaches, progress.done))) as pieces:
            async for piece in pieces:
                await self._take(batch, piece)
                if batch.rows >= self._batch_rows or batch.records >= self._batch_rows:
                    await self._hand_over(batch, progress)
                    batch = _Batch()
                if stop.asked:
                    break
        await self._hand_over(batch, progress)
        await self._settled()

    async def _take(self, batch: _Batch, piece: Piece) -> None:
        now_ms = self._clock.now_ms()
        for index, raw in enumerate(piece.raws):
            batch.take(raw, self._reader, selection=self._selection, now_ms=now_ms)
            if index % _YIELD_EVERY == _YIELD_EVERY - 1:
                # The other task is feeding the database: let it hand over its next piece.
                await asyncio.sleep(0)
        batch.records += len(piece.raws)
        batch.done[piece.place] = piece.next

    async def _hand_over(self, batch: _Batch, progress: Progress) -> None:
        """Start to merge a batch as soon as the one before is committed; meanwhile the next is read."""
        ready = None
        try:
            ready = self._restorer.packed(batch.items)
        except Unpackable:
            # Which of them it is, is found when they are stored.
            ready = None
        await self._settled()
        self._writing = asyncio.create_task(self._write(batch, ready, progress))

    async def _settled(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            await writing

    async def _write(self, batch: _Batch, ready: Packed | None, progress: Progress) -> None:
        totals = progress.totals
        if batch.items:
            restored = await self._restorer.store(batch.items, ready)
            totals.changed.update(restored.changed)
            totals.conflicts += restored.conflicts
            for item, error in restored.refused:
                state = getattr(error, "sqlstate", None) or "unpackable"
                totals.refuse(_place(item.raw), f"sqlstate_{state}".lower(), str(error).split("\n", maxsplit=1)[0])
            if restored.changed["metric_samples"]:
                times = [item.record.event.time for item in batch.items if _is_look(item) and item.record is not None]
                totals.touch(min(times), max(times))
        batch.count(totals)
        progress.done.update(batch.done)
        if self._file is not None:
            self._file.save(progress)
        self._tell(progress)

    async def _finished(self, totals: Totals) -> None:
        if self._refresh is not None and totals.low is not None and totals.high is not None:
            await self._refresh(totals.low, totals.high)
        if self._file is not None:
            self._file.remove()


def _is_look(item: Item) -> bool:
    return item.record is not None and isinstance(item.record.event, MetricLook)


def _place(raw: RawRecord) -> str:
    return f"{raw.topic}/{raw.partition}@{raw.offset}"
