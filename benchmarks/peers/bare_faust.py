"""A bare Faust agent: undecoded, no state, batches of 1,000. Our own interpreter runs it.

Arguments: broker, how many records. Prints a JSON object: records a second after the first batch, processor time.
"""

import asyncio
import json
import logging
import os
import sys
import tempfile
import time
from typing import Any

import faust
import uvloop


def application(broker: str, wanted: int, folder: str) -> faust.App:
    """The app; it ends the process once all records were seen."""
    app = faust.App(
        "bare",
        broker=f"kafka://{broker}",
        store="memory://",
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        datadir=folder,
    )
    topic = app.topic("infra.metrics", key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")

    async def count(stream: Any) -> None:
        seen, first, began, busy = 0, 0, 0.0, 0.0
        async for events in stream.take_events(1000, within=0.1):
            seen += len(events)
            if not first:
                # The first batch arrives at the start of the clock: it is not counted.
                first, began, busy = seen, time.perf_counter(), time.process_time()
            if seen >= wanted:
                wall, spent = time.perf_counter() - began, time.process_time() - busy
                print(json.dumps({"rate": (seen - first) / wall, "busy_us": spent / (seen - first) * 1e6}), flush=True)
                os._exit(0)

    app.agent(topic)(count)
    return app


async def main(broker: str, wanted: str) -> None:
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        await application(broker, int(wanted), folder).start()
        await asyncio.sleep(3600)


if __name__ == "__main__":
    asyncio.Runner(loop_factory=uvloop.new_event_loop).run(main(*sys.argv[1:]))
