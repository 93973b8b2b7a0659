"""The agent with a list of devices: this machine over a real sshd, beside others that are dead; Kafka is away."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from collectors.settings import spool_path
from collectors.spool.file import SpoolFile
from collectors.spool.limits import MIB, SpoolLimits
from collectors.spool.spool import Spool
from runtime.clock import SystemClock
from schemas.collection import CollectionCompleted, CollectionFailed
from schemas.device import DeviceRegistered, DeviceRetired
from schemas.metric import MetricCollected
from schemas.registry import Event
from tests.sshd import HOST, Sshd, free_port, needs_sshd, running_sshd
from tests.unit.collectors.spooling import take_all

pytestmark = needs_sshd
ROOT = Path(__file__).parents[2]


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    with running_sshd(tmp_path / "sshd", options="restrict") as server:
        yield server


@contextmanager
def silent_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen(50)
        yield int(taken.getsockname()[1])


@contextmanager
def running_agent(folder: Path, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = {
        **os.environ,
        "INFRASTRUCTOR_DATA_DIR": str(folder),
        "INFRASTRUCTOR_AGENT__DEVICE_ID": "me",
        "INFRASTRUCTOR_AGENT__COLLECTORS": "identity,system",
        "INFRASTRUCTOR_AGENT__REMOTE_INTERVAL_S": "1",
        "INFRASTRUCTOR_AGENT__FLUSH_S": "0",
        "INFRASTRUCTOR_SSH__CONNECT_S": "1",
        "INFRASTRUCTOR_KAFKA__BOOTSTRAP_SERVERS": f"{HOST}:{free_port()}",
        "INFRASTRUCTOR_HTTP__PORT": str(free_port()),
        **more,
    }
    with (folder / "agent.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "cli.main", "agent"], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


async def spooled(folder: Path) -> list[Event]:
    """Return the events that a stopped agent left."""
    limits = SpoolLimits(max_bytes=64 * MIB, max_metrics_age=timedelta(days=7))
    spool = Spool(SpoolFile(spool_path(folder), "me", SystemClock(), limits))
    try:
        return [event for _, event in await take_all(spool)]
    finally:
        await spool.close()


def write_devices(folder: Path, *devices: str) -> None:
    (folder / "devices.yaml").write_text("devices:\n" + "".join(f"- {device}\n" for device in devices))


async def test_devices_are_watched_beside_dead_ones_and_retired_without_a_restart(tmp_path: Path, sshd: Sshd) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "known_hosts").write_text(sshd.known_hosts.read_text())
    here = f"host: {HOST}, port: {sshd.port}, key: {sshd.key}"
    with silent_port() as silent, running_agent(folder) as process:
        # Listed while the agent runs.
        await asyncio.sleep(1)
        write_devices(
            folder,
            f"{{id: one, {here}}}",
            f"{{id: two, {here}, parents: [one]}}",
            f"{{id: refused, host: {HOST}, port: {free_port()}}}",
            f"{{id: silent, host: {HOST}, port: {silent}}}",
            f"{{id: strange, host: localhost, port: {sshd.port}, key: {sshd.key}}}",
        )
        deadline = time.monotonic() + 25
        while sshd.log.count("Accepted publickey") < 2 and time.monotonic() < deadline:
            await asyncio.sleep(0.1)
        await asyncio.sleep(6)
        write_devices(folder, f"{{id: one, {here}}}")
        await asyncio.sleep(4)
        assert process.poll() is None
    by_device: dict[str, list[Event]] = {}
    for event in await spooled(folder):
        by_device.setdefault(event.subject, []).append(event)
    assert set(by_device) == {"me", "one", "two", "refused", "silent", "strange"}
    for name in ("one", "two"):
        told = by_device[name]
        looks = [one for one in told if isinstance(one, CollectionCompleted) and one.data.collector == "system"]
        metrics = [one for one in told if isinstance(one, MetricCollected)]
        assert len(looks) >= 4
        assert len(metrics) == len([one for one in looks if one.data.status == "success"])
        assert not [one for one in told if isinstance(one, CollectionFailed)]
        registered = [one.data for one in told if isinstance(one, DeviceRegistered)]
        assert [one.hostname for one in registered].count(socket.gethostname()) >= 2
        # Once a topic, and once more where metrics came before the device was known by more than its name.
        assert [one.parents[0] for one in registered] in (["me"] * 3, ["me"] * 4)
    assert len([one for one in by_device["two"] if isinstance(one, DeviceRetired)]) == 3
    assert not [one for one in by_device["one"] if isinstance(one, DeviceRetired)]
    codes = {
        name: {one.data.error_code for one in by_device[name] if isinstance(one, CollectionFailed)}
        for name in ("refused", "strange")
    }
    assert codes == {"refused": {"connection_refused"}, "strange": {"host_key_unknown"}}
    skipped = [one for one in by_device["refused"] if isinstance(one, CollectionCompleted)]
    assert skipped
    assert {one.data.status for one in skipped} == {"skipped"}
    # One connection each, whatever is looked at.
    assert sshd.log.count("Accepted publickey") == 2


async def test_a_wrong_list_ends_the_start_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "devices.yaml").write_text("devices:\n- id: one\n  hots: x\n")
    with running_agent(tmp_path) as process:
        assert process.wait(20) == 65
    assert "devices.yaml, line 3: there is no 'hots' here: did you mean 'host'?" in (tmp_path / "agent.log").read_text()
