"""The real agent against a real broker: outages, kills, refusals."""

import asyncio
import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from collectors.settings import spool_path
from deploy.local.broker import Broker
from runtime.kafka.admin import apply_topics
from runtime.kafka.catalog import load_catalog
from runtime.settings import KafkaSettings
from schemas.collection import CollectionCompleted
from schemas.device import DeviceRegistered
from schemas.headers import SENT, header_number
from schemas.metric import MetricCollected
from schemas.registry import COLLECTIONS, DEVICES, METRICS
from tests.integration.agent_process import AgentProcess, holes, numbered_in, stored, wait_for

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def topics(broker: Broker) -> Broker:
    settings = KafkaSettings(bootstrap_servers=(broker.bootstrap,))
    asyncio.run(apply_topics(settings, load_catalog(settings)))
    return broker


def waiting_in(data_dir: Path) -> int:
    """Return how many events are in the spool's file, read beside the agent."""
    path = spool_path(data_dir)
    if not path.exists():
        return 0
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)
    try:
        return int(database.execute("SELECT COUNT(*) FROM events").fetchone()[0])
    except sqlite3.OperationalError:
        return 0
    finally:
        database.close()


async def test_what_is_seen_here_is_in_kafka_within_a_moment(topics: Broker, data_dir: Path) -> None:
    agent = AgentProcess(topics.bootstrap, data_dir, "plain")
    with agent.running() as process:
        await asyncio.sleep(6)
        assert agent.ended(process) == 0
    found = await stored(topics, "plain")
    by_topic = {topic: [event for raw, event in found if raw.topic == topic] for topic in (METRICS, COLLECTIONS)}
    assert isinstance(by_topic[COLLECTIONS][0], DeviceRegistered)
    looks = [event for event in by_topic[METRICS] if isinstance(event, MetricCollected)]
    assert len(looks) >= 8
    names = {sample.name for sample in looks[-1].data.samples}
    assert {"system.cpu.utilization", "system.memory.usage", "system.uptime", "system.network.io"} <= names
    assert "system.cpu.utilization" not in {sample.name for sample in looks[0].data.samples}
    ends = [event for event in by_topic[COLLECTIONS] if isinstance(event, CollectionCompleted)]
    skews = [event.data.clock_skew_seconds for event in ends if event.data.clock_skew_seconds is not None]
    assert skews
    assert all(abs(skew) < 2 for skew in skews)
    assert not holes(found)
    for raw, event in found:
        sent_ms = header_number(raw.headers, SENT)
        assert sent_ms is not None
        assert abs(raw.appended_ms - sent_ms) < 5_000
        assert event.correlationid is not None
    assert waiting_in(data_dir) == 0


async def test_a_broker_killed_and_started_again_costs_nothing(topics: Broker, data_dir: Path) -> None:
    agent = AgentProcess(topics.bootstrap, data_dir, "outage")
    with agent.running() as process:
        await asyncio.sleep(3)
        topics.kill()
        before = waiting_in(data_dir)
        await asyncio.sleep(6)
        assert waiting_in(data_dir) > before + 20, "the agent does not go on without the broker"
        # In this thread: the kernel ends the broker with the thread that started it.
        topics.start()
        await asyncio.to_thread(wait_for, "the spool is empty", lambda: waiting_in(data_dir) <= 2, within=60)
        assert agent.ended(process) == 0
    found = await stored(topics, "outage")
    assert not holes(found)
    assert {topic: max(e.sequence or 0 for r, e in found if r.topic == topic) for topic in (METRICS, COLLECTIONS)} == {
        topic: number for topic, number in numbered_in(data_dir).items() if topic != DEVICES
    }
    assert agent.log.count("nothing can be sent") == 1
    assert "Traceback" not in agent.log


async def test_an_agent_killed_again_and_again_loses_nothing_and_gives_no_number_twice(
    topics: Broker, data_dir: Path
) -> None:
    seed = int(os.environ.get("INFRASTRUCTOR_TEST_SEED", random.randrange(1 << 32)))
    print(f"seed {seed}")
    chance = random.Random(seed)
    agent = AgentProcess(topics.bootstrap, data_dir, "killed", interval_s=0.1)
    for _ in range(4):
        with agent.running() as process:
            await asyncio.sleep(1.2 + chance.random() * 1.5)
            process.send_signal(signal.SIGKILL)
    with agent.running() as process:
        await agent.until_it_looks()
        assert agent.ended(process) == 0
    found = await stored(topics, "killed")
    assert not holes(found)
    by_number: dict[tuple[str, int], set[str]] = {}
    for raw, event in found:
        by_number.setdefault((raw.topic, event.sequence or 0), set()).add(str(event.id))
    assert all(len(ids) == 1 for ids in by_number.values()), "a number stands for two events"
    assert len({event.source.split("/")[3] for _, event in found}) == 1
    assert waiting_in(data_dir) == 0
    assert {topic: max(n for t, n in by_number if t == topic) for topic in (METRICS, COLLECTIONS, DEVICES)} == (
        numbered_in(data_dir)
    )


async def test_without_a_broker_it_starts_collects_and_stops_in_time(
    data_dir: Path, free_port: Callable[[], int]
) -> None:
    agent = AgentProcess(f"127.0.0.1:{free_port()}", data_dir, "alone")
    with agent.running() as process:
        await asyncio.sleep(4)
        began = time.monotonic()
        assert agent.ended(process) == 0
        assert time.monotonic() - began < 10
    assert waiting_in(data_dir) > 15
    assert agent.log.count("nothing can be sent") == 1
    assert "Traceback" not in agent.log
    assert "events stay in the spool" in agent.log


async def test_missing_topics_are_one_line_and_a_code(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    broker = Broker(tmp_path_factory.mktemp("bare"))
    broker.start()
    try:
        agent = AgentProcess(broker.bootstrap, data_dir, "bare")
        with agent.running() as process:
            code = await asyncio.to_thread(process.wait, 30)
    finally:
        broker.stop()
    assert code == 69
    last = agent.log.strip().splitlines()[-1]
    assert "infra.metrics" in last
    assert "infrastructor topics apply" in last
    assert "Traceback" not in agent.log


async def test_a_second_agent_on_the_same_folder_is_refused(topics: Broker, data_dir: Path) -> None:
    first = AgentProcess(topics.bootstrap, data_dir, "twice")
    with first.running() as process:
        await asyncio.to_thread(wait_for, "a spool", lambda: spool_path(data_dir).exists())
        await asyncio.sleep(0.5)
        second = AgentProcess(topics.bootstrap, data_dir, "twice", runs=10)
        with second.running() as other:
            assert await asyncio.to_thread(other.wait, 20) == 75
        assert "an agent already runs on" in (data_dir / "log-011").read_text()
        assert first.ended(process) == 0


async def test_a_wrong_setting_is_one_line_and_a_code(topics: Broker, data_dir: Path) -> None:
    agent = AgentProcess(topics.bootstrap, data_dir, "plain", more={"INFRASTRUCTOR_AGENT__DEVICE_ID": "Not A Device"})
    with agent.running() as process:
        assert await asyncio.to_thread(process.wait, 20) == 78
    (line,) = agent.log.strip().splitlines()
    assert "INFRASTRUCTOR_AGENT__DEVICE_ID" in line
