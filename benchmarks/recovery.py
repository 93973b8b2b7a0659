"""A worker that starts again, and a worker that takes over from one that died.

Recovery: 500 devices have states (three looks each, an alert that fires and what is pending at every device), 12
partitions. From the start of the process to ready (partitions assigned, states read from the changelogs), and to the
first record that it works off: after a clean stop, and at once after `kill -9`, when the group still waits for the dead
member (`session_timeout_s`, 10 s as shipped).

Takeover: two workers, alerts all the time; the one that owns `infra.alerts` is killed with -9. From the kill to the
first decision about an alert by the other one, by the broker's clock; ticks come every half second here, so that what
is measured is the takeover. `python -m benchmarks.recovery`.
"""

import argparse
import asyncio
import json
import subprocess
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import yaml

from benchmarks.streams import rules
from benchmarks.surroundings import Stack, end, running, stack, topics, until
from benchmarks.traffic import Fleet
from benchmarks.workers import AT_ONCE, Worker
from runtime.kafka.consumer import read_topics
from runtime.settings import KafkaSettings
from schemas.registry import NOTIFICATIONS

DERIVATION = "alerts-metrics"
GOAL_S = 10.0
QUIET_S = 0.5
"""What a worker had under way when it was killed is in the log by then."""


def rules_file(made: Stack) -> Path:
    """The rules of the streams benchmark; the first fires at once, so every device has something to remember."""
    document = rules()
    del document["rules"][0]["for"]
    for rule in document["rules"][1:3]:
        rule["condition"]["level"] = -1
    path = made.folder / "rules.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def started(made: Stack, kafka: KafkaSettings, fleet: Fleet, *, path: Path) -> tuple[float, float]:
    """Start a worker; return the seconds to ready, and to the first record that it works off."""
    asyncio.run(fleet.at_once(1))
    worker, begun = Worker.on(made, kafka, rules=path), time.perf_counter()
    with running("streams", environment=worker.environment, log=worker.log):
        worker.wait_ready()
        ready = time.perf_counter() - begun
        worker.wait_records(DERIVATION, 1)
        first = time.perf_counter() - begun
        worker.wait_records(DERIVATION, fleet.devices)
    return ready, first


def recovery(made: Stack, kafka: KafkaSettings, *, devices: int, rounds: int) -> dict[str, object]:
    """Starts after a clean stop, and after kill -9."""
    path, fleet = rules_file(made), Fleet(kafka, devices=devices, high=lambda device, look: look >= 1)
    count = asyncio.run(fleet.at_once(3))
    worker = Worker.on(made, kafka, rules=path)
    with running("streams", environment=worker.environment, log=worker.log):
        worker.wait_records(DERIVATION, count)
    clean = [started(made, kafka, fleet, path=path) for _ in range(rounds)]
    killed = Worker.on(made, kafka, rules=path)
    with running("streams", environment=killed.environment, log=killed.log) as process:
        killed.wait_ready()
        process.kill()
        process.wait()
    after_kill = started(made, kafka, fleet, path=path)
    return {
        "devices": devices,
        "ready_s": round(sorted(one[0] for one in clean)[len(clean) // 2], 1),
        "first_record_s": round(sorted(one[1] for one in clean)[len(clean) // 2], 1),
        "goal_s": GOAL_S,
        "ready_after_kill_s": round(after_kill[0], 1),
        "first_record_after_kill_s": round(after_kill[1], 1),
    }


async def decided_after(kafka: KafkaSettings, ms: float) -> float | None:
    """Append time of the first decision after a moment, ms since 1970."""
    times = [raw.appended_ms async for raw in read_topics(kafka, [NOTIFICATIONS]) if raw.appended_ms > ms]
    return min(times, default=None)


def takeover(made: Stack, kafka: KafkaSettings, *, devices: int) -> dict[str, object]:
    """Kill the owner of the alerts while alerts come."""
    path, interval_s = rules_file(made), 2.0
    # Some devices more at each look, so that alerts come all the time, for a minute.
    fleet = Fleet(
        kafka, devices=devices, interval_s=interval_s, high=lambda device, look: look >= 1 + device * 30 // devices
    )
    told = {"STREAMS__POLICIES_FILE": str(AT_ONCE), "STREAMS__TICK_S": "0.5"}
    workers = [Worker.on(made, kafka, rules=path, **told) for _ in range(2)]
    with ExitStack() as after:
        processes: list[subprocess.Popen[bytes]] = []
        for worker in workers:
            processes.append(after.enter_context(running("streams", environment=worker.environment, log=worker.log)))
            worker.wait_ready()
        until(lambda: all(one.partitions(DERIVATION) for one in workers), seconds=60, why="two workers with partitions")
        owner = 0 if workers[0].partitions("notifications") else 1
        taken, killed = asyncio.run(_killed_amid(fleet, processes[owner], partial(_owns, workers[1 - owner]), kafka))
        for process in processes:
            end(process)
    return {
        "takeover_partition_s": round(taken - killed, 1),
        "takeover_first_decision_s": round(
            (asyncio.run(decided_after(kafka, (killed + QUIET_S) * 1000)) or float("nan")) / 1000 - killed, 1
        ),
        "session_timeout_s": kafka.session_timeout_s,
    }


def _owns(worker: Worker) -> bool:
    return worker.partitions("notifications") == 1


async def _killed_amid(
    fleet: Fleet, process: "subprocess.Popen[bytes]", owns: "partial[bool]", kafka: KafkaSettings
) -> tuple[float, float]:
    """Kill it after ten seconds of looks; return when the other one owned the alerts, and when it was killed."""
    looking = asyncio.create_task(fleet.run(60.0))
    await asyncio.sleep(10.0)
    process.kill()
    killed = time.time()
    while not await asyncio.to_thread(owns):
        if time.time() - killed > 60:
            raise TimeoutError("nobody took over within 60 s")
        await asyncio.sleep(0.05)
    taken = time.time()
    while await decided_after(kafka, (killed + QUIET_S) * 1000) is None:
        if time.time() - killed > 90:
            raise TimeoutError("nothing was decided within 90 s")
        await asyncio.sleep(0.5)
    looking.cancel()
    await asyncio.wait({looking})
    return taken, killed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with stack(database=False) as made:
        print(json.dumps(recovery(made, topics(made, "bench"), devices=options.devices, rounds=options.rounds)))
    with stack(database=False) as made:
        print(json.dumps(takeover(made, topics(made, "bench"), devices=300)))


if __name__ == "__main__":
    main()
