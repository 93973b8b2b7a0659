"""Two streams workers under load, killed, stopped, started, frozen; rules and policies change, the broker goes away.

What is in the topics afterwards is what the pure cores derive from the topics: nothing else, nothing less.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from deploy.local.broker import Broker
from replay.verify import verify
from runtime.clock import SystemClock
from schemas.alert import AlertRaised
from tests.faults.oracle import Seen
from tests.faults.streams_load import Fleet, Load, acknowledge, silence
from tests.faults.streams_stage import OUTPUTS, Derived, Stage, differences, judge, on_stage, seed_of_this_run
from tests.integration.streams_worker import SESSION_S, events, read

pytestmark = [pytest.mark.kafka, pytest.mark.faults, pytest.mark.timeout(300)]

DEVICES = 50
LEAST = {"device_status": 50, "entity_status": 50, "alerts-metrics": 50, "alerts-status": 20, "notifications": 50}
"""So much must follow of each at least, or the load was none."""


class Strikes:
    """What is done to a stage, by name."""

    def __init__(self, stage: Stage, load: Load, rng: random.Random) -> None:
        self._stage, self._load, self._rng = stage, load, rng
        self.all: dict[str, Callable[[], Awaitable[None]]] = {
            "kill": self._kill,
            "terminate": self._terminate,
            "freeze": self._freeze,
            "broker": self._broker,
            "rules": self._rules,
            "policies": self._policies,
            "operator": self._operator,
        }

    async def one_after_the_other(self, names: list[str], *, gap_s: tuple[float, float]) -> None:
        """All of them, in an order of chance."""
        for name in self._rng.sample(names, len(names)):
            await self._stage.for_a_while(self._rng.uniform(*gap_s))
            self._stage.note(f"{name} at {self._load.sent} records")
            await self.all[name]()

    async def _kill(self) -> None:
        """SIGKILL, and started again at once: its partitions wait for the end of its session, or go to who joins."""
        worker = self._rng.choice(self._stage.workers)
        self._stage.kill(worker)
        self._stage.start(worker)

    async def _terminate(self) -> None:
        """SIGTERM, the other has all for a while, and is joined again."""
        worker = self._rng.choice(self._stage.workers)
        await self._stage.terminate(worker)
        await self._stage.for_a_while(self._rng.uniform(0, 2))
        self._stage.start(worker)

    async def _freeze(self) -> None:
        await self._stage.freeze(self._rng.choice(self._stage.workers), SESSION_S + self._rng.uniform(0.5, 2))

    async def _broker(self) -> None:
        await self._stage.bounce_broker(self._rng.uniform(0, 1))

    async def _rules(self) -> None:
        self._stage.books.change_rules()

    async def _policies(self) -> None:
        self._stage.books.change_policies()

    async def _operator(self) -> None:
        """Silence a device, and acknowledge what is known of another."""
        await self._load.say(silence("sim-010", seconds=self._rng.uniform(3, 8)))
        alerts = events(await read(self._stage.settings, "infra.alerts"))
        raised = [one for one in alerts if isinstance(one, AlertRaised)]
        if raised:
            await self._load.say(acknowledge(self._rng.choice(raised[-20:])))


async def struck(stage: Stage, names: list[str], seed: int, *, gap_s: tuple[float, float]) -> None:
    """Run the load under the strikes until all of it is applied."""
    rng = random.Random(seed)
    load = Load(stage.settings, Fleet(rng, DEVICES))
    running = asyncio.create_task(load.run())
    try:
        await Strikes(stage, load, rng).one_after_the_other(names, gap_s=gap_s)
        await much_is_told(stage)
    finally:
        load.stop()
        await running
    stage.note(f"{load.sent} records sent, {load.again} times again")
    await stage.at_rest()


async def much_is_told(stage: Stage) -> None:
    """Let load and workers go on until there is enough to be judged; of all, notifications come last."""
    for _ in range(30):
        await stage.for_a_while(1)
        if len(events(await read(stage.settings, "infra.notifications"))) >= 2 * LEAST["notifications"]:
            return


async def test_two_workers_and_all_that_can_happen_to_them_change_no_result(broker: Broker, tmp_path: Path) -> None:
    seed = seed_of_this_run()
    names = ["kill", "kill", "terminate", "freeze", "broker", "rules", "policies", "operator"]
    async with on_stage(Stage(broker, tmp_path, workers=2)) as stage:
        await struck(stage, names, seed, gap_s=(0.5, 3.5))
        # The workers go on, and with them their ticks.
        verdict = await verify(stage.settings, topic=None, wait_s=20, clock=SystemClock())
        assert verdict.good, stage.story(str(verdict.document()))
        await stage.all_end()
        topics, derived = await judge(stage)
    assert {name: len(found) for name, found in derived.items() if len(found) < LEAST[name]} == {}
    for output in OUTPUTS:
        each_difference_is_seen(topics, derived, output.topic, output.source)


def each_difference_is_seen(topics: dict[str, list[Seen]], derived: Derived, topic: str, source: str) -> None:
    """The judgement can fail: one event less, one more, one that says something else."""
    records = topics[topic]
    index = next(i for i, one in enumerate(records) if one.event and one.event["source"] == source)
    there = records[index]
    assert there.event is not None
    last = {**there.event, "sequence": 1 + max(_sequences(records, there))}
    others = [one for one in records if one.id != there.id]
    invented = replace(there, event={**last, "id": str(uuid4())})
    changed = replace(there, event={**there.event, "time": "2026-01-01T00:00:00Z"})
    assert "not in the topic" in str(differences({**topics, topic: others}, derived))
    assert "not derived again" in str(differences({**topics, topic: [*records, invented]}, derived))
    assert "different" in str(differences({**topics, topic: [*others, changed]}, derived))
    assert "two versions" in str(differences({**topics, topic: [*records, changed]}, derived))
    assert differences({**topics, topic: [*records, there]}, derived) == []


def _sequences(records: list[Seen], like: Seen) -> list[int]:
    return [one.event["sequence"] for one in records if one.event and one.stream == like.stream]
