"""Deriving again, on a real broker: no difference after the worker's own work; one planted is found and named."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest

from deploy.local.broker import Broker
from replay.verify import verify
from runtime.clock import SystemClock
from runtime.errors import InputInvalid
from runtime.settings import KafkaSettings
from schemas.record import RawRecord
from schemas.registry import STATUS
from tests.integration.streams_worker import Worker, all_applied, events, now, raws_of, read, send, until
from tests.unit.streams.log_of_events import Collections, Metrics

pytestmark = pytest.mark.kafka

ROOT = Path(__file__).parents[2]


def command(broker: Broker, *options: str, code: int) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "replay", "verify", "--json", *options],
        env=os.environ | {"INFRASTRUCTOR_KAFKA__BOOTSTRAP_SERVERS": broker.bootstrap},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


async def test_a_healthy_log_has_no_difference_and_a_planted_one_is_named(
    broker: Broker, topics: KafkaSettings, tmp_path: Path
) -> None:
    looks, metrics = Collections(start=now()), Metrics(start=now())
    for number in range(6):
        looks.completed(f"sound-{number}", shortest_interval_seconds=0.2)
        metrics.look({"m{a=b}": 0.95}, device=f"sound-{number}", interval=3600)
    with Worker(broker.bootstrap, tmp_path) as worker:
        await send(topics, raws_of(looks, metrics))

        async def derived() -> bool:
            return len(events(await read(topics, STATUS))) >= 6

        await until(derived)
        # The worker goes on, and with it its ticks.
        running = await verify(topics, topic=None, wait_s=20, clock=SystemClock())
        assert running.good, running.document()
        await all_applied(topics, worker)
        assert worker.terminate() == 0
    told = command(broker, code=0)
    assert told["differing"] == 0
    assert {one["name"]: one["compared"] for one in told["derivations"]}.keys() >= {"device_status", "notifications"}
    assert next(one for one in told["derivations"] if one["name"] == "device_status")["derived"] >= 6

    there = next(raw for raw in await read(topics, STATUS) if b"/streams/device_status" in (raw.value or b""))
    assert there.value is not None
    event = orjson.loads(there.value)
    invented = orjson.dumps({**event, "id": str(uuid4()), "sequence": 99})
    changed = orjson.dumps({**event, "time": "2026-01-01T00:00:00Z"})
    planted = [RawRecord(STATUS, there.partition, 0, 0, there.key, value) for value in (invented, changed, there.value)]
    await send(topics, planted, partition=there.partition)
    told = command(broker, "--topic", STATUS, "--wait", "1", code=1)
    status = next(one for one in told["derivations"] if one["name"] == "device_status")
    assert status["differing"] == 2
    assert {"does not follow again" in one for one in status["differences"]} == {True, False}
    assert any("two versions" in one for one in status["differences"])

    with pytest.raises(InputInvalid, match=r"infra\.status"):
        await verify(topics, topic="infra.moon", wait_s=0, clock=SystemClock())
