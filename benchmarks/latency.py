"""From a sample to its alert: event in Kafka to event in Kafka, by the broker's clock.

500 devices, a look each 10 s of 50 samples, 50 rules of which 3 match every device, without `for`; during the run each
device goes once out of bounds and stays there, so one alert a device is raised. The worker is the whole worker with its
shipped settings, the other derivations at work on the accounts of the looks. What counts is the append time of
`alert.raised` less that of the event that caused it (a header says it). `python -m benchmarks.latency`.
"""

import argparse
import asyncio
import json

import orjson
import yaml

from benchmarks.streams import rules
from benchmarks.surroundings import Stack, busy_s, quantile, running, stack, topics
from benchmarks.traffic import Fleet
from benchmarks.workers import Worker
from runtime.kafka.consumer import read_topics
from runtime.settings import KafkaSettings
from schemas.headers import CAUSE_APPENDED, header_number
from schemas.registry import ALERTS

GOAL_MS = 500


async def delays(kafka: KafkaSettings) -> list[float]:
    """Milliseconds from each cause to its alert."""
    found: list[float] = []
    async for raw in read_topics(kafka, [ALERTS]):
        cause = header_number(raw.headers, CAUSE_APPENDED)
        if cause is not None and orjson.loads(raw.value or b"{}").get("type") == "infrastructor.alert.raised.v1":
            found.append(raw.appended_ms - cause)
    return found


def measure(made: Stack, options: argparse.Namespace) -> dict[str, object]:
    kafka = topics(made, "bench")
    document = rules()
    for rule in document["rules"]:
        del rule["for"]
    path = made.folder / "rules.yaml"
    path.write_text(yaml.safe_dump(document))
    worker = Worker.on(made, kafka, rules=path)
    turns = max(2, round(options.seconds / options.interval))
    with running("streams", environment=worker.environment, log=worker.log) as process:
        worker.wait_ready()
        # Device n goes out of bounds with its look 1 + n modulo the rest: every look has its share of alerts.
        fleet = Fleet(
            kafka,
            devices=options.devices,
            interval_s=options.interval,
            high=lambda device, look: look >= 1 + device % (turns - 1),
        )
        busy = busy_s(process)
        sent = len(asyncio.run(fleet.run(turns * options.interval))) / 2
        worker.wait_records("alerts-metrics", sent)
        busy = busy_s(process) - busy
    found = asyncio.run(delays(kafka))
    assert len(found) >= 0.9 * options.devices, f"{len(found)} alerts of {options.devices} devices"
    return {
        "devices": options.devices,
        "interval_s": options.interval,
        "rules": len(document["rules"]),
        "alerts": len(found),
        "p50_ms": quantile(found, 0.5),
        "p99_ms": quantile(found, 0.99),
        "most_ms": max(found),
        "goal_p99_ms": GOAL_MS,
        "worker_busy": f"{busy / (turns * options.interval):.0%} of a core",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=500)
    parser.add_argument("--interval", type=float, default=10.0)
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    with stack(database=False) as made:
        print(json.dumps(measure(made, options)))


if __name__ == "__main__":
    main()
