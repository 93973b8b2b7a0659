"""When to look: a fixed grid for each look, out of step with the others, never twice at once."""

import asyncio
import hashlib
import heapq
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from runtime.clock import Clock

FIRST_WITHIN_S = 2.0
"""The first look of each comes within so long after the start, not a whole interval later."""


@dataclass(frozen=True, slots=True)
class Appointment:
    """A look to have every `interval_s` seconds. `device` decides where on the clock it stands, `look` is its name."""

    device: str
    look: str
    interval_s: float
    run: Callable[[], Awaitable[None]]
    missed: Callable[[int], None] = lambda _: None


def phase(device: str) -> float:
    """Return the share of an interval, 0..1, by which a device's looks are shifted: the same at each start."""
    return int.from_bytes(hashlib.sha256(device.encode()).digest()[:8], "big") / 2**64


def first_due(device: str, start: float, within_s: float) -> float:
    """Return when a device is first looked at; `start` and the result in seconds of the monotonic clock.

    All first looks at a device are due at once, so that they happen in the order of the list.
    """
    return start + phase(device) * min(within_s, FIRST_WITHIN_S)


def second_due(appointment: Appointment, start: float, first: float) -> float:
    """Return when the grid begins: at the device's phase, at least half an interval after the first look."""
    due = start + phase(appointment.device) * appointment.interval_s
    while due < first + appointment.interval_s / 2:
        due += appointment.interval_s
    return due


def next_due(due: float, interval_s: float, now: float) -> tuple[float, int]:
    """Return the next point of the grid after `due`, and how many were passed over because it is already `now`."""
    missed = max(0, int((now - due) // interval_s))
    return due + (missed + 1) * interval_s, missed


class Scheduler:
    """Runs appointments. Each look is a task of its own: a slow one delays no other."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._running: dict[tuple[str, str], asyncio.Task[None]] = {}

    async def run(self, appointments: Iterable[Appointment]) -> None:
        """Keep the appointments until cancelled; then what is under way is cancelled, too, and awaited."""
        start = self._clock.monotonic()
        appointments = list(appointments)
        shortest: dict[str, float] = {}
        for one in appointments:
            shortest[one.device] = min(one.interval_s, shortest.get(one.device, one.interval_s))
        # The order of the list decides between those due at once.
        heap = [
            (first_due(one.device, start, shortest[one.device]), order, one, True)
            for order, one in enumerate(appointments)
        ]
        heapq.heapify(heap)
        try:
            while heap:
                wait_s = heap[0][0] - self._clock.monotonic()
                if wait_s > 0:
                    await self._clock.sleep(wait_s)
                    continue
                due, order, appointment, is_first = heapq.heappop(heap)
                self._keep(appointment)
                if is_first:
                    following = second_due(appointment, start, due)
                else:
                    following, missed = next_due(due, appointment.interval_s, self._clock.monotonic())
                    if missed:
                        appointment.missed(missed)
                heapq.heappush(heap, (following, order, appointment, False))
        finally:
            await self._cancel()

    def _keep(self, appointment: Appointment) -> None:
        key = appointment.device, appointment.look
        before = self._running.get(key)
        if before is not None and not before.done():
            appointment.missed(1)
            return
        self._running[key] = asyncio.create_task(_run(appointment))

    async def _cancel(self) -> None:
        under_way = [task for task in self._running.values() if not task.done()]
        for task in under_way:
            task.cancel()
        if under_way:
            await asyncio.wait(under_way)


async def _run(appointment: Appointment) -> None:
    await appointment.run()
