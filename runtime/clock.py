"""The clock as something passed in: the system's, or one that a test moves by hand."""

import asyncio
import heapq
import itertools
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Wall time, monotonic time, and waiting."""

    def now(self) -> datetime:
        """Return the wall time, aware, UTC. Does not block."""
        ...

    def now_ms(self) -> int:
        """Return the wall time in milliseconds since 1970-01-01 UTC. Does not block."""
        ...

    def monotonic(self) -> float:
        """Return seconds since an arbitrary moment; never goes back. Does not block."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds` of this clock; at once, but not before other tasks ran, when not positive."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """Return the wall time, aware, UTC."""
        return datetime.now(UTC)

    def now_ms(self) -> int:
        """Return the wall time in milliseconds since 1970-01-01 UTC."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Return seconds of the machine's monotonic clock."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait in the running event loop."""
        await asyncio.sleep(seconds)


class ManualClock:
    """A clock that stands still until `advance` moves it, waking those who sleep in the order of their times."""

    def __init__(self, start: datetime | None = None) -> None:
        self._now = start or datetime(2026, 1, 1, tzinfo=UTC)
        if self._now.tzinfo is None:
            raise ValueError("a clock starts at an aware time")
        self._elapsed = 0.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        """Return the time reached so far."""
        return self._now + timedelta(seconds=self._elapsed)

    def now_ms(self) -> int:
        """Return the time reached so far in milliseconds since 1970-01-01 UTC."""
        return (self.now() - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)

    def monotonic(self) -> float:
        """Return the seconds by which this clock was moved."""
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        """Wait until `advance` has moved the clock by `seconds`."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed + seconds, next(self._order), woken))
        await woken

    def set(self, now: datetime) -> None:
        """Set the wall time (a clock that was corrected); monotonic time and sleepers are not moved."""
        self._now = now - timedelta(seconds=self._elapsed)

    async def advance(self, seconds: float) -> None:
        """Move the clock, waking each sleeper at its own time and letting it run before the next."""
        end = self._elapsed + seconds
        await _settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            at, _, woken = heapq.heappop(self._sleepers)
            self._elapsed = at
            if not woken.done():
                woken.set_result(None)
            await _settle()
        self._elapsed = end
        await _settle()


async def _settle() -> None:
    # A woken task may need several turns of the loop before it sleeps again.
    for _ in range(10):
        await asyncio.sleep(0)
