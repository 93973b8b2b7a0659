"""What was seen last, for those who can do with that: bounded, with its age, and one run for all who ask at once."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from collectors.metrics import CacheMetrics
from runtime.clock import Clock

MAX_ENTRIES = 1000

Key = tuple[str, str, str]
"""Device, look, command hash."""

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Answer(Generic[V]):
    """A value, how old it is (seconds), and how it was come by: looked now, shared with one who did, or kept."""

    value: V
    age_s: float
    how: Literal["run", "shared", "kept"]


class Cache(Generic[V]):
    """Answers by key, the least recently used going first.

    `keep` returns what is to be kept of a value, None when nothing is: a failure is asked again.
    """

    def __init__(
        self,
        clock: Clock,
        metrics: CacheMetrics,
        *,
        keep: Callable[[V], V | None],
        max_entries: int = MAX_ENTRIES,
    ) -> None:
        self._clock = clock
        self._metrics = metrics
        self._keep = keep
        self._max = max_entries
        self._kept: OrderedDict[Key, tuple[V, float]] = OrderedDict()
        self._running: dict[Key, asyncio.Future[V]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def forget(self, which: Callable[[Key], bool]) -> None:
        """Let go of answers."""
        for key in [key for key in self._kept if which(key)]:
            del self._kept[key]

    async def get(self, key: Key, run: Callable[[], Awaitable[V]], *, fresh_s: float) -> Answer[V]:
        """Return what is kept when it is at most `fresh_s` old, else wait for the run that is under way, else run.

        Raises what `run` raises. When the one who ran was cancelled, one of those who waited runs.
        """
        while True:
            kept = self._kept.get(key)
            if kept is not None and (age_s := self._clock.monotonic() - kept[1]) <= fresh_s:
                self._kept.move_to_end(key)
                self._metrics.hits.labels(key[1]).inc()
                return Answer(kept[0], age_s, "kept")
            running = self._running.get(key)
            if running is None:
                self._metrics.misses.labels(key[1]).inc()
                return Answer(await self.run(key, run), 0.0, "run")
            # Waiting so, a caller's end is not the end of what others wait for.
            await asyncio.wait({running})
            if not running.cancelled():
                self._metrics.shared.labels(key[1]).inc()
                return Answer(running.result(), 0.0, "shared")

    async def run(self, key: Key, run: Callable[[], Awaitable[V]]) -> V:
        """Run whatever is kept, and keep the value: for those who always look. Others may share this run."""
        ours: asyncio.Future[V] = asyncio.get_running_loop().create_future()
        self._running[key] = ours
        try:
            value = await run()
        except asyncio.CancelledError:
            ours.cancel()
            raise
        except BaseException as error:
            ours.set_exception(error)
            # Read here, so that nobody is told of an error that nobody waited for.
            ours.exception()
            raise
        else:
            ours.set_result(value)
            self._store(key, value)
            return value
        finally:
            if self._running.get(key) is ours:
                del self._running[key]

    def _store(self, key: Key, value: V) -> None:
        kept = self._keep(value)
        if kept is None:
            return
        self._kept[key] = kept, self._clock.monotonic()
        self._kept.move_to_end(key)
        while len(self._kept) > self._max:
            self._kept.popitem(last=False)
            self._metrics.evictions.inc()
