"""A worker is stopped (SIGSTOP) for longer than its session while it writes, and continued when others own its part.

It ends, and what it wrote late counts for nothing: the topics hold what follows from the topics, and no state is set
back. It has much to catch up with in small batches, so that the signal meets it while it writes.
"""

import asyncio
import random
from pathlib import Path

import pytest

from deploy.local.broker import Broker
from runtime.kafka.catalog import load_catalog
from runtime.settings import KafkaSettings
from schemas.record import RawRecord
from streams.derivations import all_derivations
from streams.entries import Entries
from tests.faults.streams_load import TURNS, Fleet
from tests.faults.streams_stage import PAUSED, Stage, judge, on_stage, seed_of_this_run
from tests.integration.streams_worker import SESSION_S, Worker, read, send

pytestmark = [pytest.mark.kafka, pytest.mark.faults, pytest.mark.timeout(240)]

DEVICES = 40
ROUNDS = 30
"""So many looks of each device are there to be caught up with, each time."""


def looks(fleet: Fleet) -> list[RawRecord]:
    return [raw for turn in range(ROUNDS * TURNS) for raw in fleet.turn(turn)]


async def test_a_worker_that_stood_still_over_a_rebalance_writes_nothing_that_counts(
    broker: Broker, tmp_path: Path
) -> None:
    rng = random.Random(seed_of_this_run())
    fleet = Fleet(rng, DEVICES)
    async with on_stage(Stage(broker, tmp_path, workers=2, STREAMS__BATCH_RECORDS="20")) as stage:
        await until_all_own_something(stage)
        for worker in stage.workers:
            await send(stage.settings, looks(fleet))
            await stage.for_a_while(rng.uniform(0.05, 0.6))
            stage.note(f"{worker.log.parent.name} is stopped")
            await stage.freeze(worker, SESSION_S + rng.uniform(0.5, 1.5))
            await until_it_ended(stage, worker)
            await stage.at_rest()
        assert stage.left == [PAUSED] * len(stage.workers), stage.story()
        await stage.all_end()
        _, derived = await judge(stage)
        back = await set_back(stage.settings)
    print(f"set back, and written again: {back}")
    assert len(derived["device_status"]) > DEVICES
    assert len(derived["entity_status"]) > DEVICES


async def until_all_own_something(stage: Stage) -> None:
    while not all("partitions taken" in worker.log.read_text(errors="replace") for worker in stage.workers):
        await stage.for_a_while(0.25)
    await asyncio.sleep(0.5)


async def until_it_ended(stage: Stage, worker: Worker) -> None:
    """It notices by itself; and is started again, as by a supervisor."""
    before = len(stage.left)
    for _ in range(80):
        if len(stage.left) > before:
            return
        await stage.for_a_while(0.25)
    raise AssertionError(stage.story(f"{worker.log.parent.name} goes on after it stood still"))


async def set_back(settings: KafkaSettings) -> int:
    """How many entries were written over those of a later owner; none of them may have the last word."""
    catalog, count = load_catalog(settings), 0
    for derivation in all_derivations():
        entries = Entries()
        for raw in await read(settings, catalog.changelog(derivation.table)):
            before = sum(len(one.overwritten) for one in entries.partitions.values())
            entries.take(raw)
            count += sum(len(one.overwritten) for one in entries.partitions.values()) > before
        assert not any(one.overwritten for one in entries.partitions.values())
    return count
