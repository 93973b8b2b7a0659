"""What every clock keeps to: one suite, on the system's and on the one moved by hand."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from runtime.clock import Clock, ManualClock, SystemClock


@pytest.fixture(params=[SystemClock, ManualClock])
def clock(request: pytest.FixtureRequest) -> Clock:
    made: Clock = request.param()
    return made


async def wait(clock: Clock, seconds: float) -> None:
    """Sleep on the clock, moving it when it does not move by itself."""
    sleeping = asyncio.create_task(clock.sleep(seconds))
    if isinstance(clock, ManualClock):
        await clock.advance(seconds)
    await asyncio.wait_for(sleeping, 5)


def test_now_is_aware_utc_and_agrees_with_now_ms(clock: Clock) -> None:
    now = clock.now()
    assert now.utcoffset() == timedelta(0)
    assert abs(now.timestamp() * 1000 - clock.now_ms()) < 1000


async def test_all_times_move_by_what_was_slept(clock: Clock) -> None:
    now, now_ms, monotonic = clock.now(), clock.now_ms(), clock.monotonic()
    await wait(clock, 0.05)
    assert clock.now() - now >= timedelta(seconds=0.045)
    assert clock.now_ms() - now_ms >= 45
    assert clock.monotonic() - monotonic >= 0.045


async def test_no_time_at_all_still_lets_others_run(clock: Clock) -> None:
    ran = asyncio.Event()
    asyncio.get_running_loop().call_soon(ran.set)
    await clock.sleep(0)
    assert ran.is_set()


async def test_sleepers_wake_in_the_order_of_their_times() -> None:
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    woken: list[tuple[str, datetime]] = []

    async def sleeper(name: str, *naps: float) -> None:
        for nap in naps:
            await clock.sleep(nap)
            woken.append((name, clock.now()))

    tasks = [asyncio.create_task(sleeper("a", 3, 3)), asyncio.create_task(sleeper("b", 2, 2))]
    await clock.advance(10)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    assert woken == [(name, start + timedelta(seconds=s)) for name, s in (("b", 2), ("a", 3), ("b", 4), ("a", 6))]
    assert clock.now() == start + timedelta(seconds=10)
    await asyncio.gather(*tasks)


def test_a_corrected_wall_clock_leaves_monotonic_time_alone() -> None:
    clock = ManualClock()
    clock.set(datetime(2030, 1, 1, tzinfo=UTC))
    assert clock.now().year == 2030
    assert clock.monotonic() == 0
