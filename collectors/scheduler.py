"""When to look: a fixed grid for each look, out of step with the others, never twice at once."""

import asyncio
import hashlib
import heapq
import itertools
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass, field, replace

from runtime.clock import Clock

FIRST_WITHIN_S = 2.0
"""The first look of each comes within so long after the start, not a whole interval later."""

FIRST_A_SECOND = 25
"""Unless there are many devices: so many are begun with in a second. Each has a connection to make, and those who wait
for theirs longer than a look may take would have failed through no fault of their own."""

NOTICE_S = 1.0
"""So long it takes at most until an appointment that was added counts."""


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


def first_within_s(devices: int) -> float:
    """Return the seconds over which the first looks at so many devices are spread."""
    return max(FIRST_WITHIN_S, devices / FIRST_A_SECOND)


def first_due(device: str, start: float, interval_s: float, *, within_s: float = FIRST_WITHIN_S) -> float:
    """Return when a device is first looked at; `start` and the result in seconds of the monotonic clock.

    All first looks at a device are due at once, so that they happen in the order of the list.
    """
    return start + phase(device) * min(interval_s, within_s)


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


@dataclass(frozen=True, slots=True, order=True)
class _Turn:
    """When an appointment is due next, and when its grid began."""

    due: float
    order: int
    appointment: Appointment = field(compare=False)
    start: float = field(compare=False)
    is_first: bool = field(compare=False)

    def next(self, now: float) -> "_Turn":
        if self.is_first:
            following = second_due(self.appointment, self.start, self.due)
        else:
            following, missed = next_due(self.due, self.appointment.interval_s, now)
            if missed:
                self.appointment.missed(missed)
        return replace(self, due=following, is_first=False)


class Scheduler:
    """Runs appointments. Each look is a task of its own: a slow one delays no other."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._running: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._heap: list[_Turn] = []
        # The order of the list decides between those due at once.
        self._order = itertools.count()

    async def run(self, appointments: Iterable[Appointment] = ()) -> None:
        """Keep the appointments, and those added, until cancelled; then what is under way is cancelled and awaited."""
        self.add(appointments)
        try:
            while True:
                now = self._clock.monotonic()
                wait_s = self._heap[0].due - now if self._heap else NOTICE_S
                if wait_s > 0:
                    await self._clock.sleep(min(wait_s, NOTICE_S))
                    continue
                turn = heapq.heappop(self._heap)
                self._keep(turn.appointment)
                heapq.heappush(self._heap, turn.next(self._clock.monotonic()))
        finally:
            await self._cancel(list(self._running))

    def add(self, appointments: Iterable[Appointment]) -> None:
        """Keep these, too, from now on; noticed within `NOTICE_S`."""
        start = self._clock.monotonic()
        appointments = list(appointments)
        shortest: dict[str, float] = {}
        for one in appointments:
            shortest[one.device] = min(one.interval_s, shortest.get(one.device, one.interval_s))
        within_s = first_within_s(len(shortest))
        for one in appointments:
            due = first_due(one.device, start, shortest[one.device], within_s=within_s)
            heapq.heappush(self._heap, _Turn(due, next(self._order), one, start, is_first=True))

    def hasten(self, device: str, looks: Collection[str]) -> None:
        """Have these looks at a device now, once, beside those that are due; what is under way already is that look."""
        if not looks:
            return
        for turn in self._heap:
            one = turn.appointment
            if one.device == device and one.look in looks and not self._under_way(one):
                self._keep(one)

    async def drop(self, device: str) -> None:
        """Keep a device's appointments no more; what is under way is cancelled and awaited."""
        self._heap = [turn for turn in self._heap if turn.appointment.device != device]
        heapq.heapify(self._heap)
        await self._cancel([key for key in self._running if key[0] == device])

    def _keep(self, appointment: Appointment) -> None:
        if self._under_way(appointment):
            appointment.missed(1)
            return
        self._running[appointment.device, appointment.look] = asyncio.create_task(_run(appointment))

    def _under_way(self, appointment: Appointment) -> bool:
        before = self._running.get((appointment.device, appointment.look))
        return before is not None and not before.done()

    async def _cancel(self, keys: Iterable[tuple[str, str]]) -> None:
        under_way = [task for task in map(self._running.pop, keys) if not task.done()]
        for task in under_way:
            task.cancel()
        if under_way:
            await asyncio.wait(under_way)


async def _run(appointment: Appointment) -> None:
    await appointment.run()
