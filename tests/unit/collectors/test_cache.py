"""What is kept of looks: how long, how much, one run for all who ask at once, and nothing of failures."""

import asyncio

import pytest
from prometheus_client import CollectorRegistry

from collectors.cache import Answer, Cache, Key
from collectors.metrics import CacheMetrics
from runtime.clock import ManualClock

KEY: Key = ("web-1", "drives", "0" * 64)


class Bench:
    """A cache of numbers, where what is negative is a failure; each run gives the next number."""

    def __init__(self, max_entries: int = 1000) -> None:
        self.clock = ManualClock()
        self.registry = CollectorRegistry()
        self.cache: Cache[int] = Cache(
            self.clock,
            CacheMetrics.on(self.registry),
            keep=lambda value: value if value >= 0 else None,
            max_entries=max_entries,
        )
        self.runs = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def run(self) -> int:
        self.runs += 1
        number = self.runs
        await self.gate.wait()
        return number

    async def failing(self) -> int:
        return -await self.run()

    async def get(self, key: Key = KEY, *, fresh_s: float = 60) -> Answer[int]:
        return await self.cache.get(key, self.run, fresh_s=fresh_s)

    def counted(self, name: str, collector: str | None = "drives") -> float:
        labels = {"collector": collector} if collector else {}
        return self.registry.get_sample_value(f"infrastructor_cache_{name}_total", labels) or 0


@pytest.fixture
async def bench() -> Bench:
    return Bench()


async def test_what_is_fresh_is_answered_with_its_age(bench: Bench) -> None:
    assert await bench.get() == Answer(1, 0.0, "run")
    await bench.clock.advance(60)
    assert await bench.get() == Answer(1, 60.0, "kept")
    await bench.clock.advance(0.5)
    assert await bench.get() == Answer(2, 0.0, "run")
    assert (bench.counted("hits"), bench.counted("misses")) == (1, 2)


async def test_each_asks_for_his_own_freshness(bench: Bench) -> None:
    await bench.get()
    await bench.clock.advance(30)
    assert (await bench.get(fresh_s=10)).how == "run"


async def test_a_run_passes_what_is_kept_by_and_replaces_it(bench: Bench) -> None:
    await bench.get()
    assert await bench.cache.run(KEY, bench.run) == 2
    assert await bench.get() == Answer(2, 0.0, "kept")


async def test_those_who_ask_at_once_share_one_run(bench: Bench) -> None:
    bench.gate.clear()
    asking = [asyncio.create_task(bench.get()) for _ in range(10)]
    await asyncio.sleep(0)
    bench.gate.set()
    answers = await asyncio.gather(*asking)
    assert bench.runs == 1
    assert sorted(answer.how for answer in answers) == ["run"] + ["shared"] * 9
    assert bench.counted("shared_runs") == 9


async def test_a_look_of_the_schedule_is_shared_too(bench: Bench) -> None:
    bench.gate.clear()
    scheduled = asyncio.create_task(bench.cache.run(KEY, bench.run))
    await asyncio.sleep(0)
    asked = asyncio.create_task(bench.get())
    await asyncio.sleep(0)
    bench.gate.set()
    assert (await scheduled, await asked) == (1, Answer(1, 0.0, "shared"))


async def test_a_failure_is_not_kept(bench: Bench) -> None:
    assert (await bench.cache.get(KEY, bench.failing, fresh_s=60)).value == -1
    assert (await bench.get()).how == "run"


async def test_an_error_is_raised_to_all_who_shared_the_run(bench: Bench) -> None:
    async def broken() -> int:
        await bench.gate.wait()
        raise ValueError("no")

    bench.gate.clear()
    asking = [asyncio.create_task(bench.cache.get(KEY, broken, fresh_s=60)) for _ in range(3)]
    await asyncio.sleep(0)
    bench.gate.set()
    found = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(one) for one in found] == [ValueError] * 3
    assert (await bench.get()).how == "run"


async def test_when_the_one_who_runs_goes_away_another_runs(bench: Bench) -> None:
    bench.gate.clear()
    first, second = asyncio.create_task(bench.get()), asyncio.create_task(bench.get())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    first.cancel()
    bench.gate.set()
    assert await second == Answer(2, 0.0, "run")
    assert first.cancelled()


async def test_one_who_waits_and_goes_away_takes_nobody_along(bench: Bench) -> None:
    bench.gate.clear()
    first, second = asyncio.create_task(bench.get()), asyncio.create_task(bench.get())
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.sleep(0)
    bench.gate.set()
    assert await first == Answer(1, 0.0, "run")
    assert second.cancelled()


async def test_the_least_recently_used_goes_first() -> None:
    bench = Bench(max_entries=3)
    keys: list[Key] = [(f"web-{n}", "drives", "0" * 64) for n in range(4)]
    for key in keys[:3]:
        await bench.get(key)
    await bench.get(keys[0])
    await bench.get(keys[3])
    assert [(await bench.get(key)).how for key in (keys[0], keys[2], keys[3])] == ["kept"] * 3
    assert len(bench.cache) == 3
    assert bench.counted("evictions", None) == 1
    assert (await bench.get(keys[1])).how == "run"


async def test_a_thousand_are_kept_and_no_more() -> None:
    bench = Bench()
    for n in range(1100):
        await bench.get((f"web-{n}", "drives", "0" * 64))
    assert len(bench.cache) == 1000
