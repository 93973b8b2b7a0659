"""A Faust app of several agents, each doing what the worker must not do; prints what came of it as one JSON object.

Run as a process of its own: Faust's consumer lives in a thread that keeps a process from ending.
"""

import asyncio
import json
import os
import sys
import tempfile
from typing import Any

import faust

from runtime.kafka.admin import admin, group_state
from runtime.kafka.options import faust_broker_options
from runtime.kafka.plan import CreateTopic
from runtime.kafka.producer import KafkaProducer, Outgoing
from runtime.settings import KafkaSettings

APP = "facts"
EVENTS = 6
PARTITIONS = {"failing": 1, "taking": 1, "unacknowledged": 1, "overtaking": 1, "writing": 3}
TABLE = "written"
WITHIN_S = 20.0


def build(settings: KafkaSettings, seen: dict[str, Any]) -> faust.App:
    """The app; `seen` takes what cannot be read from the committed offsets."""
    app = faust.App(
        APP,
        store="memory://",
        datadir=tempfile.mkdtemp(prefix="facts-"),
        web_enabled=False,
        broker_commit_interval=0.3,
        stream_wait_empty=False,
        **faust_broker_options(settings),
    )
    table = app.Table(TABLE, partitions=PARTITIONS["writing"], key_type=bytes, value_type=bytes)

    def topic(name: str) -> Any:
        return app.topic(name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")

    async def failing(stream: Any) -> None:
        async for _ in stream:
            raise ValueError("on purpose")

    async def taking(stream: Any) -> None:
        async for batch in stream.take(EVENTS, within=1.0):
            raise ValueError(f"on purpose, with {len(batch)}")

    async def unacknowledged(stream: Any) -> None:
        async for batch in stream.noack_take(EVENTS, within=1.0):
            seen["unacknowledged"] = seen.get("unacknowledged", 0) + len(batch)

    async def overtaking(stream: Any) -> None:
        async for event in stream.events():
            if event.message.offset == 0:
                await asyncio.Event().wait()

    async def writing(stream: Any) -> None:
        async for events in stream.take_events(EVENTS, within=1.0):
            try:
                table[events[0].key] = events[0].value
            except TypeError as error:
                seen["writing"] = str(error)

    for body in (failing, taking, unacknowledged, writing):
        app.agent(topic(body.__name__), name=body.__name__, concurrency=1)(body)
    app.agent(topic("overtaking"), name="overtaking", concurrency=2)(overtaking)
    return app


async def look(settings: KafkaSettings) -> dict[str, Any]:
    """Send events, run the app, and return what it committed by topic once all is as it will be."""
    compact = {"cleanup.policy": "compact"}
    topics = [CreateTopic(name, count, 1, {}) for name, count in PARTITIONS.items()]
    changelog = CreateTopic(f"{APP}-{TABLE}-changelog", PARTITIONS["writing"], 1, compact)
    async with admin(settings) as cluster:
        await cluster.create([*topics, changelog])
    producer = KafkaProducer(settings, "test")
    await producer.send([Outgoing(name, b"k", b"v") for name in PARTITIONS for _ in range(EVENTS)])
    await producer.close()
    seen: dict[str, Any] = {}
    app = build(settings, seen)
    await app.start()
    committed: dict[str, int] = {}
    deadline = asyncio.get_running_loop().time() + WITHIN_S
    while asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.5)
        committed = {name: at for (name, _), at in (await group_state(settings, APP)).committed.items()}
        known = {"failing", "taking", "overtaking"} <= set(committed) and {"unacknowledged", "writing"} <= set(seen)
        if known:
            break
    return {"committed": committed, "seen": seen}


if __name__ == "__main__":
    loop = asyncio.new_event_loop()
    found = loop.run_until_complete(look(KafkaSettings(bootstrap_servers=(sys.argv[1],))))
    print(json.dumps(found), flush=True)
    os._exit(0)
