"""An operator asks the agent that runs: what it sees is in Kafka, with who asked; without an agent nothing is."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from collectors.scheduler import FIRST_WITHIN_S
from collectors.settings import socket_path
from deploy.local.broker import Broker
from runtime.kafka.admin import apply_topics
from runtime.kafka.catalog import load_catalog
from runtime.settings import KafkaSettings
from schemas.collection import CollectionCompleted
from schemas.metric import MetricCollected
from tests.integration.agent_process import ROOT, AgentProcess, holes, stored, wait_for

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def topics(broker: Broker) -> Broker:
    settings = KafkaSettings(bootstrap_servers=(broker.bootstrap,))
    asyncio.run(apply_topics(settings, load_catalog(settings)))
    return broker


def collect(data_dir: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    env = os.environ | {
        "INFRASTRUCTOR_DATA_DIR": str(data_dir),
        "INFRASTRUCTOR_AGENT__DEVICE_ID": "asked",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "cli.main", "collect", *arguments]
    return subprocess.run(command, env=env, cwd=data_dir, capture_output=True, text=True, check=False, timeout=60)


async def test_what_an_operator_asks_for_is_published_and_then_cached(topics: Broker, data_dir: Path) -> None:
    agent = AgentProcess(topics.bootstrap, data_dir, "asked", interval_s=3600)
    with agent.running() as process:
        wait_for("the socket", socket_path(data_dir).exists)
        # Until the schedule has looked, too, and does not come in between.
        await asyncio.sleep(FIRST_WITHIN_S + 0.5)
        forced = collect(data_dir, "system", "--device", "asked", "--force", "--output", "ndjson")
        cached = collect(data_dir, "system", "--device", "asked", "--output", "ndjson")
        raw = collect(data_dir, "system", "--raw-dir", str(data_dir / "raw"))
        unknown = collect(data_dir, "system", "--device", "another")
        assert agent.ended(process) == 0
    assert (forced.returncode, cached.returncode, raw.returncode) == (0, 0, 0), forced.stderr + cached.stderr
    assert forced.stderr == ""
    assert "s ago" in cached.stderr
    assert unknown.returncode == 65
    assert "does not watch 'another'" in unknown.stderr
    (kept,) = (data_dir / "raw").iterdir()
    assert kept.read_text().startswith("==> /proc/stat <==")
    assert "system.memory.usage" in raw.stdout

    found = await stored(topics, "asked")
    assert not holes(found)
    printed = json.loads(forced.stdout)
    assert json.loads(cached.stdout) == printed
    (published,) = [event for _, event in found if str(event.id) == printed["id"]]
    assert isinstance(published, MetricCollected)
    audits = [
        event for _, event in found if isinstance(event, CollectionCompleted) and event.data.requested_by == "operator"
    ]
    assert [event.data.status for event in audits] == ["success", "cached", "success"]
    assert audits[0].correlationid == published.correlationid
    assert audits[1].data.age_seconds is not None
    assert {event.data.command_hash for event in audits} == {audits[0].data.command_hash}
    assert audits[0].data.output_bytes


def test_without_an_agent_it_looks_by_itself_and_says_that_nothing_was_published(data_dir: Path) -> None:
    data_dir.mkdir(parents=True, exist_ok=True)
    done = collect(data_dir, "identity", "--output", "ndjson")
    assert done.returncode == 0
    assert "nothing was published" in done.stderr
    assert json.loads(done.stdout.splitlines()[0])["type"] == "infrastructor.device.registered.v1"
    assert not socket_path(data_dir).exists()


def test_the_filter_reads_what_a_look_kept(data_dir: Path) -> None:
    data_dir.mkdir(parents=True, exist_ok=True)
    looked = collect(data_dir, "system", "--raw-dir", "raw", "--output", "ndjson")
    (kept,) = (data_dir / "raw").iterdir()
    parsed = subprocess.run(
        [sys.executable, "-m", "cli.main", "parse", "system", "--device", "asked"],
        input=kept.read_bytes(),
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    assert json.loads(parsed.stdout)["data"]["samples"] == json.loads(looked.stdout)["data"]["samples"]


@pytest.mark.skipif(shutil.which("zpool") is not None, reason="zpool is installed here")
def test_what_does_not_apply_is_said_and_is_no_failure(data_dir: Path) -> None:
    data_dir.mkdir(parents=True, exist_ok=True)
    done = collect(data_dir, "zfs")
    assert (done.returncode, done.stdout) == (0, "")
    assert "skipped: zpool cannot be run" in done.stderr
