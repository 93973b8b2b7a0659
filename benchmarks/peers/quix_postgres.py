"""The same samples into PostgreSQL through the sink of Quix Streams.

Arguments: broker, how many metric events, the database's URL, a JSON file of series ids by "device|disk|direction", the
name of its group. As Quix does it by default: JSON by orjson, each event expanded to its samples, a batch written at
each checkpoint (every 5 s, and at the end). The table has the columns and the key of metric_samples; repetitions are
ignored by that key. Prints a JSON object: samples a second from the first event to the last commit, memory, processor
time a sample.
"""

import json
import resource
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from quixstreams import Application
from quixstreams.sinks.community.postgresql import PostgreSQLSink


class Rows:
    """Makes the rows of an event, and keeps the clock of the run."""

    def __init__(self, ids: dict[str, int], wanted: int) -> None:
        self.ids = ids
        self.wanted = wanted
        self.events = 0
        self.samples = 0
        self.began = (0.0, 0.0)
        self.application: Any = None

    def of(self, event: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The samples of an event as rows."""
        if not self.events:
            self.began = (time.perf_counter(), time.process_time())
        self.events += 1
        at, device = datetime.fromisoformat(event["time"]), event["subject"]
        for sample in event["data"]["samples"]:
            labels = sample["labels"]
            series = self.ids[f"{device}|{labels['system.device']}|{labels['disk.io.direction']}"]
            self.samples += 1
            yield {"time": at, "series_id": series, "value": sample["value"]}
        if self.events == self.wanted:
            self.application.stop()


def main(broker: str, wanted: str, url: str, ids: str, group: str) -> None:
    with open(ids) as file:
        rows = Rows(json.load(file), int(wanted))
    application = Application(
        broker_address=broker,
        consumer_group=group,
        auto_offset_reset="earliest",
        loglevel="ERROR",
        consumer_extra_config={"fetch.message.max.bytes": 10 << 20},
    )
    rows.application = application
    parts = urlsplit(url)
    sink = PostgreSQLSink(
        host=parts.hostname or "",
        port=parts.port or 5432,
        dbname=parts.path.lstrip("/"),
        user=parts.username or "",
        password=parts.password or "",
        table_name="quix_samples",
        schema_auto_update=False,
        include_metadata=False,
        on_conflict_do_nothing=True,
    )
    topic = application.topic("infra.metrics", value_deserializer="json", key_deserializer="bytes")
    application.dataframe(topic).apply(rows.of, expand=True).sink(sink)
    application.run()
    wall, busy = time.perf_counter() - rows.began[0], time.process_time() - rows.began[1]
    figures = {
        "rate": rows.samples / wall,
        "busy_us": busy / rows.samples * 1e6,
        "samples": rows.samples,
        "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(*sys.argv[1:])
