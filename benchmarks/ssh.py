"""Many devices over SSH: what one agent on one core takes, handshakes and looks, a dozen of the devices dead.

`python -m benchmarks.ssh [DEVICES [SECONDS [INTERVAL]]]` prints them; 500 devices looked at every 30 s for 150 s when
not said otherwise. All devices are names for one real sshd on the loopback, each with a connection and sessions of its
own. The dead ones refuse connections, never answer a SYN, take a connection and keep silent, say a version and nothing
more, send without end what is no SSH, or flood each output. Kafka is away: what is seen stays in the spool, and is
counted there, device by device, against what was due by the schedule.

The sshd of this benchmark shares the machine with the agent; the agent alone is bound to one core.
"""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import quantiles

import psutil
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.dead_hosts import babbling, black_hole, mute, refusing, silent
from benchmarks.looks_due import Schedule, Seen, missed, passed_over
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
DEAD_KINDS = ("refused", "black-holed", "silent", "mute", "babbling", "flooding")
MEMORY_GOAL_MIB = 200
MANY = "MaxStartups 2000\nMaxSessions 20"
ROOT = Path(__file__).parents[1]
SAMPLE_S = 0.5

Metrics = dict[str, float]


@dataclass(frozen=True, slots=True)
class Measured:
    """What the agent took: bytes resident at most, shares of a core over the whole run and its second half, what it
    says of itself; and when it was asked to end (seconds since 1970)."""

    peak: int
    cpu: float
    steady_cpu: float
    metrics: Metrics
    ended_at: float


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
        ports = [stack.enter_context(one()) for one in (refusing, black_hole, silent, mute, babbling)]
        data = folder / "data"
        data.mkdir()
        (data / "known_hosts").write_text(server.known_hosts.read_text() + flood.known_hosts.read_text())
        (data / "devices.yaml").write_text(listed(devices, server, flood, [*ports, flood.port]))
        measured = measure(data, seconds=seconds, interval_s=interval_s)
        seen = asyncio.run(looks(data))
    print(f"{devices} devices, {DEAD} of them dead, looked at every {interval_s} s for {seconds:g} s")
    good = tell_healthy(measured, seen, devices=devices, interval_s=interval_s)
    tell_dead(seen)
    tell_cost(measured)
    return 0 if good else 1


def listed(devices: int, server: Sshd, flood: Sshd, ports: list[int]) -> str:
    """Return devices.yaml: healthy ones, and the dead, each kind in turn."""
    lines = [f"- {{id: h-{n}, host: {HOST}, port: {server.port}, key: {server.key}}}" for n in range(devices - DEAD)]
    for n in range(DEAD):
        kind = n % len(DEAD_KINDS)
        lines.append(f"- {{id: {DEAD_KINDS[kind]}-{n}, host: {HOST}, port: {ports[kind]}, key: {flood.key}}}")
    return "defaults:\n  collectors: [identity, system]\ndevices:\n" + "\n".join(lines) + "\n"


def measure(data: Path, *, seconds: float, interval_s: int) -> Measured:
    """Run the agent on one core for so long."""
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
        first = watched(one, seconds / 2)
        second = watched(one, seconds / 2)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            told = answer.read().decode()
        ended_at = time.time()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    return Measured(max(first[0], second[0]), (first[1] + second[1]) / 2, second[1], metrics_of(told), ended_at)


def watched(one: psutil.Process, seconds: float) -> tuple[int, float]:
    """Return the most bytes resident, and the share of a core, of the next seconds."""
    busy, began, peak = sum(one.cpu_times()[:2]), time.monotonic(), 0
    while (passed := time.monotonic() - began) < seconds:
        peak = max(peak, one.memory_info().rss)
        time.sleep(SAMPLE_S)
    return peak, (sum(one.cpu_times()[:2]) - busy) / passed


def metrics_of(told: str) -> Metrics:
    """Return what the agent says of itself: each sample by its name and the values of its labels."""
    return {
        sample.name.removeprefix("infrastructor_") + "".join(f" {value}" for value in sample.labels.values()): (
            sample.value
        )
        for family in text_string_to_metric_families(told)
        for sample in family.samples
    }


async def looks(data: Path) -> dict[str, list[Seen]]:
    """Return the looks of the system collector at each device, in the order in which they ended."""
    limits = SpoolLimits(max_bytes=1024 * MIB, max_metrics_age=timedelta(days=7))
    spool = Spool(SpoolFile(spool_path(data), "bench", SystemClock(), limits))
    found: dict[str, list[Seen]] = {}
    try:
        while (taken := await spool.take(max_events=5000, max_bytes=16 * MIB)).events:
            for event in map(decode, (kept.value for kept in taken.events if kept.topic == "infra.collections")):
                if isinstance(event, CollectionCompleted | CollectionFailed) and event.data.collector == "system":
                    code = event.data.error_code if isinstance(event, CollectionFailed) else ""
                    seconds = event.data.duration_seconds
                    one = Seen(event.time.timestamp() - seconds, seconds, event.data.status, code)
                    found.setdefault(event.subject, []).append(one)
            await spool.settle(taken, range(len(taken.events)))
    finally:
        await spool.close()
    return found


def tell_healthy(measured: Measured, seen: dict[str, list[Seen]], *, devices: int, interval_s: float) -> bool:
    """Print how the healthy devices fared; return whether none missed a look."""
    looks = {name: seen.get(name, []) for name in (f"h-{n}" for n in range(devices - DEAD))}
    # The agent looks at the machine it runs on, too.
    schedule = Schedule.seen({n: s for n, s in looks.items() if s}, devices=devices + 1, interval_s=interval_s)
    due = {name: schedule.due(name, until=measured.ended_at) for name in looks}
    lacking = {name: missed(due[name], looks[name], interval_s=interval_s) for name in looks}
    overlapped = sum(len(passed_over(due[name], looks[name], interval_s=interval_s)) for name in looks)
    done = sum(one.status == "success" for name in looks for one in looks[name])
    failed = Counter(one.code or one.status for name in looks for one in looks[name] if one.status != "success")
    due_count, missed_count = sum(map(len, due.values())), sum(map(len, lacking.values()))
    print(
        f"healthy devices: {due_count - missed_count} looks of {due_count} due, {missed_count} missed, {overlapped} "
        f"passed over; failed: {dict(failed) or 'none'}; {done / (measured.ended_at - schedule.start):.1f} a second"
    )
    for name in [name for name in looks if lacking[name]][:1]:
        points = [round(point - schedule.start, 1) for point in lacking[name]]
        print(f"  first to miss one: {name}, due {points} s after the start; it had {looks[name]}")
    tell_speed(looks, schedule)
    return missed_count == 0 and not failed


def tell_speed(looks: dict[str, list[Seen]], schedule: Schedule) -> None:
    """Print how long the looks took: the first, with a connection to make, and the others."""
    firsts = [found[0] for found in looks.values() if found]
    last = max(one.ended_at for one in firsts) - schedule.start
    print(f"first looks: all done after {last:.1f} s, {len(firsts) / last:.0f} handshakes and logins a second")
    print(f"  each took {spread([one.seconds for one in firsts])}")
    print(f"later looks took {spread([one.seconds for found in looks.values() for one in found[1:]])}")


def spread(seconds: list[float]) -> str:
    """Return the percentiles of how long looks took."""
    if len(seconds) < 2:
        return "(too few)"
    cuts = quantiles(seconds, n=100)
    told = ", ".join(f"p{n} {cuts[n - 1] * 1000:.0f}" for n in (50, 95, 99))
    return f"{told}, at most {max(seconds) * 1000:.0f} ms"


def tell_dead(seen: dict[str, list[Seen]]) -> None:
    """Print what was seen of each kind of dead device."""
    for kind in DEAD_KINDS:
        found = [one for name, all_of in seen.items() if name.startswith(kind) for one in all_of]
        ended = Counter(" ".join(filter(None, (one.status, one.code))) for one in found)
        longest = max((one.seconds for one in found), default=0.0)
        told = ", ".join(f"{count} {how}" for how, count in ended.most_common())
        print(f"dead, {kind}: {told or 'nothing'}; at most {longest:.1f} s")


def tell_cost(measured: Measured) -> None:
    """Print memory, processor time, and what the agent counted itself."""
    told = measured.metrics
    passed = told.get("looks_missed_total system under_way", 0)
    handshakes = {name.split()[1]: int(count) for name, count in told.items() if name.startswith("ssh_handshakes_t")}
    print(f"attempts to connect: {handshakes}; connections at the end: {told.get('ssh_connections', 0):g}")
    print(f"passed over because the look before was under way, at all devices: {passed:g}")
    print(
        f"memory at most {measured.peak / MIB:.0f} MiB (goal {MEMORY_GOAL_MIB}); processor {measured.cpu:.1%} of a "
        f"core, {measured.steady_cpu:.1%} in the second half"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
