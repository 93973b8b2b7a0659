"""The worker that decides who is told is killed: the other takes over, and nothing is lost or told twice."""

import asyncio
import random
import time
from collections import Counter
from pathlib import Path

import pytest

from deploy.local.broker import Broker
from schemas.notification import NotificationRequested
from tests.faults.streams_load import Fleet, Load
from tests.faults.streams_stage import Stage, judge, on_stage, seed_of_this_run
from tests.integration.streams_worker import Worker, events, read

pytestmark = [pytest.mark.kafka, pytest.mark.faults, pytest.mark.timeout(200)]

DEVICES = 30
PATIENCE_S = 90.0
"""Long enough for a watchdog to end a worker that does not get on, and for the next start."""


async def test_who_decides_who_is_told_dies_and_the_other_goes_on(broker: Broker, tmp_path: Path) -> None:
    rng = random.Random(seed_of_this_run())
    async with on_stage(Stage(broker, tmp_path, workers=2)) as stage:
        load = Load(stage.settings, Fleet(rng, DEVICES))
        running = asyncio.create_task(load.run())
        try:
            await told(stage, more_than=20)
            await stage.for_a_while(rng.uniform(0, 1))
            dies = owner_of_alerts(stage.workers)
            stage.note(f"{dies.log.parent.name} has infra.alerts, and is killed")
            stage.kill(dies)
            (goes_on,) = stage.running
            await told(stage, more_than=20 + await told(stage, more_than=0))
            assert owner_of_alerts(stage.workers) is goes_on, stage.story()
        finally:
            load.stop()
            await running
        await stage.at_rest()
        await stage.all_end()
        topics, _ = await judge(stage)
    requested = [one for one in topics["infra.notifications"] if one.event and one.type == NotificationRequested.TYPE]
    by_id = {one.id: one.event["data"] for one in requested if one.event}
    first = Counter(
        (one["receiver"], alert) for one in by_id.values() if one["kind"] == "raised" for alert in one["alert_ids"]
    )
    assert {told: count for told, count in first.items() if count > 1} == {}


async def told(stage: Stage, *, more_than: int) -> int:
    """Wait until so many decisions about notifications are in the log; how many there are."""
    deadline = time.monotonic() + PATIENCE_S
    while (count := len(events(await read(stage.settings, "infra.notifications")))) <= more_than:
        assert time.monotonic() < deadline, stage.story(f"{count} notifications, and no more")
        await stage.for_a_while(0.5)
    return count


def owner_of_alerts(workers: list[Worker]) -> Worker:
    """Who took the one partition of infra.alerts last."""
    last: dict[str, Worker] = {}
    for worker in workers:
        for line in worker.log.read_text(errors="replace").splitlines():
            if '"partitions taken"' in line and '"infra.alerts": 1' in line:
                last[line.partition('"timestamp": "')[2]] = worker
    return last[max(last)]
