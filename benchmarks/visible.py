"""From published to visible: 500 devices each 10 s through a real broker and our sink, as both are shipped.

Published is when the event was handed to the producer; visible is when another connection sees the transaction that
stored it (looked at every few milliseconds). Both by the clock of this machine. The sink collects for up to
`batch_window_s`, 1 s unless set otherwise, so half of that is the median. `python -m benchmarks.visible`.
"""

import argparse
import asyncio
import json
import threading
import time
from typing import Any

import psycopg

from benchmarks.surroundings import quantile, resident_mb, running, stack, topics, until
from benchmarks.traffic import Fleet, Sent
from schemas.registry import COLLECTIONS, METRICS

GOAL_S = 2.0
OFFSETS = "SELECT topic, partition, next_offset FROM sink_offsets"


class Watch(threading.Thread):
    """Looks at the stored offsets again and again; remembers when each was first seen."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._url = url
        self.seen: dict[tuple[str, int], list[tuple[int, float]]] = {}
        self.over = threading.Event()

    def run(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            while not self.over.wait(0.005):
                found: list[Any] = connection.execute(
                    "SELECT topic, partition, next_offset FROM sink_offsets"
                ).fetchall()
                now = time.time()
                for topic, partition, offset in found:
                    steps = self.seen.setdefault((topic, partition), [])
                    if not steps or steps[-1][0] < offset:
                        steps.append((offset, now))

    def visible_at(self, one: Sent) -> float | None:
        """When the record was stored, seconds since 1970; None while it is not."""
        steps = self.seen.get((one.topic, one.partition), [])
        return next((at for offset, at in steps if offset > one.offset), None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=500)
    parser.add_argument("--interval", type=float, default=10.0)
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    with stack() as made:
        kafka = topics(made, "bench")
        environment = made.environment | {"INFRASTRUCTOR_KAFKA__TOPICS_FILE": str(kafka.topics_file)}
        with running("sink", "timescale", environment=environment, log=made.folder / "sink.log") as sink:
            fleet = Fleet(kafka, devices=options.devices, interval_s=options.interval)
            watch = Watch(made.url)
            watch.start()
            # The first look makes series, the ledger and the inventory: it is stored before the clock runs.
            first = asyncio.run(fleet.run(options.interval))
            until(lambda: all(watch.visible_at(one) for one in first[-20:]), seconds=60, why="the first looks, stored")
            sent = asyncio.run(fleet.run(options.seconds))
            until(lambda: all(watch.visible_at(one) for one in sent[-100:]), seconds=60, why="the last looks, stored")
            watch.over.set()
            watch.join()
            memory = resident_mb(sink)
    waited = {
        topic: [(watch.visible_at(one) or float("inf")) - one.at for one in sent if one.topic == topic]
        for topic in (METRICS, COLLECTIONS)
    }
    result: dict[str, object] = {"devices": options.devices, "interval_s": options.interval, "goal_p99_s": GOAL_S}
    for topic, found in waited.items():
        result[topic] = {
            "events": len(found),
            "p50_s": round(quantile(found, 0.5), 3),
            "p99_s": round(quantile(found, 0.99), 3),
            "most_s": round(max(found), 3),
        }
    print(json.dumps(result | {"sink_mb": round(memory)}))


if __name__ == "__main__":
    main()
