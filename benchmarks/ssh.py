"""Many devices over SSH: what one agent on one core takes, handshakes and looks, a dozen of the devices dead.

`python -m benchmarks.ssh [DEVICES [SECONDS [INTERVAL]]]` prints them; 500 devices looked at every 30 s for 150 s when
not said otherwise. All devices are names for one real sshd on the loopback, each with a connection and sessions of its
own. Of the dead ones a fourth refuses connections, a fourth takes them and keeps silent, a fourth says its version and
nothing more, a fourth floods each output. Kafka is away: what is seen stays in the spool, and is counted there.

The sshd of this benchmark shares the machine with the agent; the agent alone is bound to one core.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

import psutil
from prometheus_client.parser import text_string_to_metric_families

from collectors.settings import spool_path
from collectors.spool.file import SpoolFile
from collectors.spool.limits import MIB, SpoolLimits
from collectors.spool.spool import Spool
from runtime.clock import SystemClock
from schemas.codec import decode
from schemas.collection import CollectionCompleted, CollectionFailed
from tests.sshd import HOST, SSHD, Sshd, free_port, running_sshd

DEVICES, SECONDS, INTERVAL_S = 500, 150, 30
DEAD = 12
MANY = "MaxStartups 2000\nMaxSessions 20"
ROOT = Path(__file__).parents[1]


def main(arguments: list[str]) -> int:
    """Run it; return 0 when no healthy device missed a look."""
    if SSHD is None:
        print("there is no sshd: apt-get install openssh-server")
        return 0
    given = [int(argument) for argument in arguments]
    devices, seconds, interval_s = (*given, *(DEVICES, SECONDS, INTERVAL_S)[len(given) :])
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        server = stack.enter_context(running_sshd(folder / "sshd", more=MANY))
        flood = stack.enter_context(running_sshd(folder / "flood", more=f"{MANY}\nForceCommand cat /dev/zero"))
        silent = stack.enter_context(listener(None))
        mute = stack.enter_context(listener(b"SSH-2.0-mute\r\n"))
        data = folder / "data"
        data.mkdir()
        (data / "known_hosts").write_text(server.known_hosts.read_text() + flood.known_hosts.read_text())
        ports = [free_port(), silent, mute, flood.port]
        (data / "devices.yaml").write_text(listed(devices, server, flood, ports))
        measured = measure(data, seconds=seconds, interval_s=interval_s)
        return report(measured, asyncio.run(looks(data)), devices=devices, seconds=seconds, interval_s=interval_s)


def listed(devices: int, server: Sshd, flood: Sshd, ports: list[int]) -> str:
    """Return devices.yaml: healthy ones, and the dead, each kind in turn."""
    lines = [f"- {{id: h-{n}, host: {HOST}, port: {server.port}, key: {server.key}}}" for n in range(devices - DEAD)]
    lines += [f"- {{id: d-{n}, host: {HOST}, port: {ports[n % 4]}, key: {flood.key}}}" for n in range(DEAD)]
    return "defaults:\n  collectors: [identity, system]\ndevices:\n" + "\n".join(lines) + "\n"


@contextmanager
def listener(answer: bytes | None) -> Iterator[int]:
    """Take connections, say `answer`, and keep silent."""
    with socket.socket() as server:
        server.bind((HOST, 0))
        server.listen(100)
        held = []

        def serve() -> None:
            while True:
                try:
                    taken, _ = server.accept()
                except OSError:
                    return
                held.append(taken)
                if answer:
                    taken.send(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield int(server.getsockname()[1])


def measure(data: Path, *, seconds: float, interval_s: int) -> dict[str, float]:
    """Run the agent; return its memory (bytes), processor seconds of the second half, and its own metrics."""
    port = free_port()
    environment = os.environ | {
        "INFRASTRUCTOR_DATA_DIR": str(data),
        "INFRASTRUCTOR_AGENT__DEVICE_ID": "bench",
        "INFRASTRUCTOR_AGENT__COLLECTORS": "identity,system",
        "INFRASTRUCTOR_AGENT__REMOTE_INTERVAL_S": str(interval_s),
        "INFRASTRUCTOR_AGENT__FLUSH_S": "0",
        "INFRASTRUCTOR_LOG__LEVEL": "error",
        "INFRASTRUCTOR_KAFKA__BOOTSTRAP_SERVERS": f"{HOST}:{free_port()}",
        "INFRASTRUCTOR_HTTP__PORT": str(port),
    }
    with (data / "agent.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "cli.main", "agent"], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
    try:
        one = psutil.Process(process.pid)
        one.cpu_affinity([0])
        time.sleep(seconds / 2)
        busy = sum(one.cpu_times()[:2])
        began, peak = time.monotonic(), 0
        while time.monotonic() - began < seconds / 2:
            peak = max(peak, one.memory_info().rss)
            time.sleep(0.5)
        share = (sum(one.cpu_times()[:2]) - busy) / (time.monotonic() - began)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            told = answer.read().decode()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    found = {"peak": float(peak), "cpu": share}
    for family in text_string_to_metric_families(told):
        for sample in family.samples:
            key = sample.name.removeprefix("infrastructor_") + "".join(f" {value}" for value in sample.labels.values())
            found[key] = sample.value
    return found


async def looks(data: Path) -> dict[str, Counter[str]]:
    """Return how the looks of the system collector at each device ended."""
    limits = SpoolLimits(max_bytes=1024 * MIB, max_metrics_age=timedelta(days=7))
    spool = Spool(SpoolFile(spool_path(data), "bench", SystemClock(), limits))
    ended: dict[str, Counter[str]] = {}
    try:
        while (taken := await spool.take(max_events=5000, max_bytes=16 * MIB)).events:
            for event in map(decode, (kept.value for kept in taken.events if kept.topic == "infra.collections")):
                if isinstance(event, CollectionCompleted | CollectionFailed) and event.data.collector == "system":
                    ended.setdefault(event.subject, Counter())[event.data.status] += 1
            await spool.settle(taken, range(len(taken.events)))
    finally:
        await spool.close()
    return ended


def report(
    measured: dict[str, float], ended: dict[str, Counter[str]], *, devices: int, seconds: float, interval_s: int
) -> int:
    """Print the figures; return 1 when a healthy device missed a look."""
    healthy = {name: count for name, count in ended.items() if name.startswith("h-")}
    dead = sum((count for name, count in ended.items() if name.startswith("d-")), Counter[str]())
    # The first look is within two seconds of the start; what began in the last interval may be under way.
    expected = max(1, int((seconds - 5) // interval_s))
    good = sum(count["success"] for count in healthy.values())
    short = [name for name, count in healthy.items() if count["success"] < expected]
    failed = sum(count.total() - count["success"] for count in healthy.values())
    missed = measured.get("looks_missed_total system under_way", 0)
    print(f"{devices} devices, {DEAD} of them dead, looked at every {interval_s} s for {seconds:g} s")
    print(f"healthy devices seen: {len(healthy)} of {devices - DEAD}; looks {good} ({good / seconds:.1f} a second)")
    print(f"healthy devices with fewer than {expected} looks: {len(short)}")
    print(f"looks at healthy devices that failed: {failed}; looks at all devices that were passed over: {missed:g}")
    print(f"dead ones, by how looks ended: {dict(dead)}")
    handshakes, connections = measured.get("ssh_handshakes_total ok", 0), measured.get("ssh_connections", 0)
    print(f"handshakes: {handshakes:g}; connections: {connections:g}")
    print(f"memory at most {measured['peak'] / MIB:.0f} MiB; processor, second half: {measured['cpu']:.1%} of a core")
    return int(bool(short or failed or len(healthy) < devices - DEAD))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
