"""Three streams workers, of which now one and now another is killed, ended, started: shared anew, derived the same."""

from pathlib import Path

import pytest

from deploy.local.broker import Broker
from tests.faults.streams_stage import Stage, judge, on_stage, seed_of_this_run
from tests.faults.test_streams_killed import LEAST, struck

pytestmark = [pytest.mark.kafka, pytest.mark.faults, pytest.mark.timeout(300)]


async def test_three_workers_killed_ended_and_started_change_no_result(broker: Broker, tmp_path: Path) -> None:
    seed = seed_of_this_run()
    names = ["kill", "terminate", "kill", "rules", "policies"]
    async with on_stage(Stage(broker, tmp_path, workers=3)) as stage:
        await struck(stage, names, seed, gap_s=(0.2, 3))
        await stage.all_end()
        _, derived = await judge(stage)
    assert {name: len(found) for name, found in derived.items() if len(found) < LEAST[name]} == {}
