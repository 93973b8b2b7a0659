"""The spool as the event loop sees it: SQLite in one thread of its own, several looks to a commit."""

import asyncio
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from uuid import UUID

from collectors.spool.draft import Commit
from collectors.spool.file import SetAside, SpoolFile, SpoolLock
from collectors.spool.limits import SpoolCorrupt
from collectors.spool.store import Kept, Outcome, SpoolCounts, SpoolStore
from runtime.errors import InfrastructorError

T = TypeVar("T")

_Kept = asyncio.Future[tuple[bytes, ...]]

Told = Callable[[SetAside], None]
"""Told when a damaged file was set aside."""


class Taken:
    """Events that are under way, of one epoch: after a damaged file was set aside they are nobody's any more.

    `more` tells whether others wait behind them.
    """

    __slots__ = ("epoch", "events", "more")

    def __init__(self, epoch: UUID, events: list[Kept], *, more: bool) -> None:
        self.epoch = epoch
        self.events = events
        self.more = more


class Spool:
    """Events on disk until they are acknowledged. All methods may be called by many tasks of one event loop."""

    def __init__(self, file: SpoolFile, *, on_set_aside: Told = lambda _: None) -> None:
        """Open the file and take its lock. Blocks. Raises AlreadyRunning, SpoolUnusable."""
        self._file = file
        self._on_set_aside = on_set_aside
        self._lock = SpoolLock(file.path)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spool")
        self._waiting: list[tuple[Commit, _Kept]] = []
        self._flushing: asyncio.Task[None] | None = None
        self._dropped_before = 0
        self._closed = False
        self.news = asyncio.Event()
        """Set when something was kept; whoever sends clears it before it looks."""
        try:
            self._store = self._thread.submit(self._open).result()
        except BaseException:
            self._thread.shutdown()
            self._lock.release()
            raise

    @property
    def epoch(self) -> UUID:
        """Within which sequences count; another one after a damaged file was set aside."""
        return self._store.epoch

    @property
    def dropped(self) -> int:
        """Metric events that were let go since the spool was opened."""
        return self._dropped_before + self._store.dropped

    def remembered(self, subject: str) -> str | None:
        """Return what was last told of a device, as JSON; None when nothing was in this epoch."""
        return self._store.remembered(subject)

    def subjects(self) -> tuple[str, ...]:
        """Return the devices of which something was told in this epoch and that were not retired."""
        return self._store.subjects()

    async def memory(self, subject: str, collector: str) -> dict[str, bytes]:
        """Return what a collector remembers of a device, by name. Raises SpoolUnusable."""
        return await self._run(lambda store: store.memory(subject, collector))

    async def commit(self, commit: Commit) -> tuple[bytes, ...]:
        """Return the events as they will be sent, when all are on the disk; commits that wait share a transaction.

        Raises SpoolFull, SpoolUnusable, EventRefused (an event that is too large); then nothing of it was kept.
        """
        kept: _Kept = asyncio.get_running_loop().create_future()
        self._waiting.append((commit, kept))
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._flush())
        return await kept

    async def take(self, *, max_events: int, max_bytes: int) -> Taken:
        """Return what is to be sent next; see `SpoolStore.take`. Raises SpoolUnusable."""

        def work(store: SpoolStore) -> Taken:
            taken = store.take(max_events=max_events, max_bytes=max_bytes)
            return Taken(store.epoch, taken, more=store.waits)

        return await self._run(work)

    async def settle(self, taken: Taken, acknowledged: Collection[int]) -> int:
        """End what `take` began, by index of its events; return how many are gone. Raises SpoolUnusable."""
        places = frozenset(taken.events[index].place for index in acknowledged)

        def work(store: SpoolStore) -> int:
            return store.settle(taken.events, places) if taken.epoch == store.epoch else 0

        return await self._run(work) if taken.events else 0

    async def trim(self) -> None:
        """Let metrics go that are too old."""
        before = self.dropped
        await self._run(SpoolStore.trim)
        if self.dropped != before:
            self.news.set()

    async def has_room(self) -> bool:
        """Tell whether more can be kept."""
        return await self._run(SpoolStore.has_room)

    async def counts(self) -> SpoolCounts:
        """Return what the spool holds."""
        return await self._run(SpoolStore.counts)

    async def close(self) -> None:
        """Keep what waits to be kept, close the file, let go of the lock. May be called twice."""
        if self._closed:
            return
        self._closed = True
        if self._flushing is not None:
            await asyncio.wait({self._flushing})
        await self._run(SpoolStore.close)
        self._thread.shutdown()
        self._lock.release()

    async def _flush(self) -> None:
        try:
            while self._waiting:
                waiting, self._waiting = self._waiting, []
                await self._append(waiting)
                self.news.set()
        finally:
            self._flushing = None

    async def _append(self, waiting: "list[tuple[Commit, _Kept]]") -> None:
        try:
            outcomes = await self._run(lambda store: store.append([commit for commit, _ in waiting]))
        except InfrastructorError as error:
            outcomes = [error for _ in waiting]
        except BaseException:
            # Whatever else went wrong, nobody waits for ever.
            for _, kept in waiting:
                kept.cancel()
            raise
        for (_, kept), outcome in zip(waiting, outcomes, strict=True):
            _resolve(kept, outcome)

    async def _run(self, work: Callable[[SpoolStore], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._guarded, work)

    def _guarded(self, work: Callable[[SpoolStore], T]) -> T:
        """Do it in the spool's thread; when the file turns out to be damaged, with another one."""
        try:
            return work(self._store)
        except SpoolCorrupt:
            self._store.close()
            self._dropped_before += self._store.dropped
            self._store = self._open()
            return work(self._store)

    def _open(self) -> SpoolStore:
        store, aside = self._file.open()
        if aside is not None:
            self._on_set_aside(aside)
        return store


def _resolve(kept: _Kept, outcome: Outcome) -> None:
    if kept.done():
        return
    if isinstance(outcome, tuple):
        kept.set_result(outcome)
    else:
        kept.set_exception(outcome)
