"""When looks happen, on a clock that is moved by hand."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.scheduler import (
    FIRST_A_SECOND,
    FIRST_WITHIN_S,
    Appointment,
    Scheduler,
    first_due,
    first_within_s,
    next_due,
    phase,
    second_due,
)
from runtime.clock import ManualClock


@asynccontextmanager
async def running(clock: ManualClock, *appointments: Appointment) -> AsyncIterator[None]:
    task = asyncio.create_task(Scheduler(clock).run(appointments))
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


class Looks:
    """Remembers when it was called; each look takes `takes` seconds."""

    def __init__(self, clock: ManualClock, device: str, interval_s: float, *, takes: float = 0.0) -> None:
        self.clock = clock
        self.takes = takes
        self.at: list[float] = []
        self.ended = 0
        self.missed = 0
        self.appointment = Appointment(device, "system", interval_s, self.look, self.miss)

    async def look(self) -> None:
        self.at.append(self.clock.monotonic())
        if self.takes:
            await self.clock.sleep(self.takes)
        self.ended += 1

    def miss(self, count: int) -> None:
        self.missed += count


async def test_looks_keep_to_a_grid_and_do_not_drift() -> None:
    clock = ManualClock()
    looks = Looks(clock, "web-1", 10, takes=3.3)
    async with running(clock, looks.appointment):
        await clock.advance(1000)
    offset = phase("web-1") * 10
    assert looks.at[0] == pytest.approx(phase("web-1") * FIRST_WITHIN_S)
    for at in looks.at[1:]:
        assert (at - offset) % 10 == pytest.approx(0, abs=1e-6) or (at - offset) % 10 == pytest.approx(10, abs=1e-6)
    assert 99 <= len(looks.at) <= 101


async def test_a_look_never_runs_beside_its_next_and_what_was_due_is_counted() -> None:
    clock = ManualClock()
    looks = Looks(clock, "web-1", 10, takes=25)
    async with running(clock, looks.appointment):
        await clock.advance(300)
    assert all(later - earlier >= 25 for earlier, later in zip(looks.at, looks.at[1:], strict=False))
    assert looks.missed + len(looks.at) in (30, 31)


async def test_a_slow_device_delays_no_other() -> None:
    clock = ManualClock()
    slow, quick = Looks(clock, "slow", 10, takes=10_000), Looks(clock, "quick", 10)
    async with running(clock, slow.appointment, quick.appointment):
        await clock.advance(100)
    assert len(slow.at) == 1
    assert len(quick.at) >= 10


async def test_looks_are_hastened_once_beside_the_grid() -> None:
    clock = ManualClock()
    hourly, other = Looks(clock, "nas", 3600), Looks(clock, "web", 3600)
    scheduler = Scheduler(clock)
    task = asyncio.create_task(scheduler.run([hourly.appointment, other.appointment]))
    await clock.advance(60)
    scheduler.hasten("nas", {"system"})
    await clock.advance(60)
    assert (len(hourly.at), len(other.at), hourly.missed) == (2, 1, 0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_stopping_cancels_what_is_under_way() -> None:
    clock = ManualClock()
    looks = Looks(clock, "web-1", 10, takes=100)
    async with running(clock, looks.appointment):
        await clock.advance(5)
    assert looks.at
    assert looks.ended == 0


async def test_looks_of_one_device_begin_in_the_order_of_the_list() -> None:
    clock = ManualClock()
    order: list[str] = []

    def note(name: str) -> Appointment:
        async def run() -> None:
            order.append(name)

        return Appointment("web-1", name, 1 if name == "system" else 300, run)

    async with running(clock, note("identity"), note("system")):
        await clock.advance(0.99)
    assert order[:2] == ["identity", "system"]


async def test_the_first_looks_at_many_devices_are_no_rush_and_each_comes_within_its_interval() -> None:
    clock = ManualClock()
    looks = [Looks(clock, f"web-{n}", 30) for n in range(400)]
    hasty = Looks(clock, "hasty", 5)
    async with running(clock, hasty.appointment, *(one.appointment for one in looks)):
        await clock.advance(1)
        assert 5 <= sum(1 for one in looks if one.at) <= 2 * FIRST_A_SECOND
        await clock.advance(first_within_s(401) - 1)
    assert all(one.at for one in looks)
    assert hasty.at[0] <= 5


DEVICES = st.from_regex(r"[a-z0-9]{1,20}", fullmatch=True)


@given(DEVICES, st.floats(0.1, 10_000), st.floats(0, 1e6), st.integers(1, 5000))
def test_the_first_look_is_soon_and_the_second_not_at_once(
    device: str, interval_s: float, start: float, devices: int
) -> None:
    async def nothing() -> None: ...

    within_s = first_within_s(devices)
    appointment = Appointment(device, "system", interval_s, nothing)
    first = first_due(device, start, interval_s, within_s=within_s)
    second = second_due(appointment, start, first)
    assert start <= first <= start + min(interval_s, within_s)
    assert within_s == FIRST_WITHIN_S or within_s * FIRST_A_SECOND == pytest.approx(devices)
    assert interval_s / 2 <= second - first <= interval_s * 1.5 + 1e-6


@given(st.floats(0, 1e6), st.floats(0.1, 1000), st.floats(0, 1e5))
def test_the_next_look_is_ahead_and_on_the_grid(due: float, interval_s: float, late: float) -> None:
    following, missed = next_due(due, interval_s, due + late)
    assert following > due + late - 1e-6
    assert following == pytest.approx(due + (missed + 1) * interval_s)
    assert following - (due + late) <= interval_s * (1 + 1e-6) + 1e-6


def test_devices_are_spread_and_each_keeps_its_place() -> None:
    phases = [phase(f"web-{n}") for n in range(1000)]
    assert phases == [phase(f"web-{n}") for n in range(1000)]
    for tenth in range(10):
        assert 60 <= sum(1 for one in phases if tenth / 10 <= one < (tenth + 1) / 10) <= 140
