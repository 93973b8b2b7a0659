"""kill -9 of the streams worker at random moments: the topics hold what the pure fold derives, by id and in content."""

import asyncio
import random
import signal
from pathlib import Path

import pytest

from deploy.local.broker import Broker
from runtime.kafka.admin import apply_topics
from runtime.kafka.catalog import load_catalog
from runtime.settings import KafkaSettings
from schemas.record import RawRecord
from schemas.registry import METRICS
from schemas.rules import RulesLoaded
from streams.worker.pulse import Paused
from tests.integration.streams_worker import (
    SESSION_S,
    Worker,
    all_applied,
    compare_with_the_fold,
    logged,
    now,
    read,
    send,
    until,
)
from tests.unit.streams.log_of_events import Collections, Log, Metrics, Observations

pytestmark = [pytest.mark.kafka, pytest.mark.faults, pytest.mark.timeout(240)]

DEVICES = 20
ROUNDS = 60
KILLS = 3


def traffic(rng: random.Random) -> list[RawRecord]:
    """Looks of many devices that rise and fall, fail and come back."""
    found: list[RawRecord] = []
    logs: list[tuple[str, Log]] = []
    for number in range(DEVICES):
        kinds: list[Log] = [Collections(start=now()), Metrics(start=now()), Observations(start=now())]
        logs += [(f"kill-{number}", log) for log in kinds]
    for _ in range(ROUNDS):
        for device, log in logs:
            log.wait(0.1)
            if isinstance(log, Metrics):
                log.look({f"m{{d={n}}}": rng.choice([0.1, 0.95]) for n in range(5)}, device=device, interval=3600)
            elif isinstance(log, Observations):
                state = rng.choice(["running", "running", "exited"])
                log.look(
                    {"engine": "docker", "containers": [{"name": "web", "state": state}]}, "container", device=device
                )
            elif isinstance(log, Collections):
                if rng.random() < 0.3:
                    log.failed(device, status=rng.choice(["error", "unreachable"]))
                else:
                    log.completed(device, shortest_interval_seconds=1.0)
            found.append(log.raws[-1])
    return found


async def rules_are_in(settings: KafkaSettings) -> bool:
    """Whether each partition has rules: what comes before them is judged by none."""
    raws = await read(settings, METRICS)
    return (
        len({raw.partition for raw in raws if raw.value is not None and RulesLoaded.TYPE.encode() in raw.value}) == 12
    )


async def test_a_worker_killed_at_random_changes_no_result(broker: Broker, tmp_path: Path) -> None:
    settings = KafkaSettings(bootstrap_servers=(broker.bootstrap,), session_timeout_s=SESSION_S, heartbeat_s=1)
    await apply_topics(settings, load_catalog(settings))
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    raws = traffic(rng)
    with Worker(broker.bootstrap, tmp_path) as worker:

        async def publish() -> None:
            for start in range(0, len(raws), 20):
                await send(settings, raws[start : start + 20])
                await asyncio.sleep(0.1)

        await until(lambda: rules_are_in(settings))
        publishing = asyncio.create_task(publish())
        for kill in range(KILLS):
            # The first kills fall into the start and the recovery as well as into the work.
            await asyncio.sleep(rng.uniform(1.5, 4.0) + (SESSION_S if kill else 0))
            worker.kill()
            if kill == 1:
                worker.write_rules(2, 0.5)
            worker.start()
        await publishing
        await asyncio.sleep(SESSION_S)
        await all_applied(settings, worker)
        assert worker.terminate() == 0
    counts = await compare_with_the_fold(settings)
    assert counts["device_status"] > DEVICES
    assert counts["entity_status"] > DEVICES
    assert counts["alerts-metrics"] > DEVICES
    assert counts["notifications"] > DEVICES


async def test_two_workers_share_the_partitions_and_one_that_stood_still_ends(broker: Broker, tmp_path: Path) -> None:
    settings = KafkaSettings(bootstrap_servers=(broker.bootstrap,), session_timeout_s=SESSION_S, heartbeat_s=1)
    await apply_topics(settings, load_catalog(settings))
    raws = traffic(random.Random(7))
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    with Worker(broker.bootstrap, first) as one, Worker(broker.bootstrap, second) as other:
        await until(lambda: rules_are_in(settings))
        # Who is stopped before that has nothing to stand still with.
        await until(lambda: logged(one, '"partitions taken"'))
        await until(lambda: logged(other, '"partitions taken"'))
        for start in range(0, len(raws), 20):
            if start == 600:
                one.process.send_signal(signal.SIGSTOP)
            if start == 1800:
                one.process.send_signal(signal.SIGCONT)
            await send(settings, raws[start : start + 20])
            await asyncio.sleep(0.1 if not 600 < start < 1800 else 0.2)
        assert one.process.wait(20) == Paused.exit_code
        await all_applied(settings, other)
        assert other.terminate() == 0
    counts = await compare_with_the_fold(settings)
    assert counts["alerts-metrics"] > DEVICES
