"""States that are lost: the worker says so and ends, a rebuild makes them anew, and all goes on as if nothing was."""

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete

from deploy.local.broker import Broker
from runtime.clock import SystemClock
from runtime.errors import AlreadyRunning
from runtime.kafka.admin import apply_topics, offsets_of
from runtime.kafka.catalog import load_catalog
from runtime.kafka.producer import KafkaProducer, Outgoing
from runtime.settings import KafkaSettings
from schemas.codec import decode
from schemas.registry import COLLECTIONS, STATUS
from streams.entries import Term
from tests.integration.streams_worker import (
    ROOT,
    SESSION_S,
    Worker,
    all_applied,
    compare_with_the_fold,
    logged,
    now,
    read,
    send,
    until,
)
from tests.unit.streams.log_of_events import Collections, Metrics

from replay.rebuild import Rebuild, Rebuilt, chosen  # isort: skip

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(240)]

CHANGELOG = "infrastructor-streams-device_status-changelog"
DEVICES = [f"lost-{number}" for number in range(6)]
SMALL = {"STREAMS__BATCH_RECORDS": "5"}


async def rebuild(settings: KafkaSettings, name: str, *, wait_s: float = 2 * SESSION_S) -> Rebuilt:
    producer = KafkaProducer(settings, "test")
    try:
        (derivation,) = chosen([name])
        return await Rebuild(
            settings, load_catalog(settings), derivation, producer=producer, clock=SystemClock(), wait_s=wait_s
        ).run()
    finally:
        await producer.close()


async def with_admin(settings: KafkaSettings, work: Callable[[AIOKafkaAdminClient], Awaitable[Any]]) -> None:
    client = AIOKafkaAdminClient(bootstrap_servers=list(settings.bootstrap_servers))
    await client.start()
    try:
        await work(client)
    finally:
        await client.close()


async def lose(settings: KafkaSettings, topic: str) -> None:
    """Delete a changelog, and make it anew and empty."""
    await with_admin(settings, lambda client: client.delete_topics([topic]))
    await apply_topics(settings, load_catalog(settings))


def status_of(raws: list[Any]) -> dict[str, list[Any]]:
    """What is in the topic by device, in order, repetitions included."""
    found = defaultdict(list)
    for raw in raws:
        event = decode(raw.value)
        if event.source == "/streams/device_status":
            found[event.subject].append(event)
    return found


def shown(settings: KafkaSettings, *arguments: str) -> Any:
    env = os.environ | {"INFRASTRUCTOR_KAFKA__BOOTSTRAP_SERVERS": settings.servers}
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "streams", *arguments], cwd=ROOT, env=env, capture_output=True, check=False
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


async def test_lost_states_are_told_and_rebuilt_and_results_are_as_if_nothing_was(
    broker: Broker, tmp_path: Path
) -> None:
    settings = KafkaSettings(bootstrap_servers=(broker.bootstrap,), session_timeout_s=SESSION_S, heartbeat_s=1)
    await apply_topics(settings, load_catalog(settings))
    looks, metrics = Collections(start=now()), Metrics(start=now())
    for device in DEVICES:
        looks.completed(device, shortest_interval_seconds=3600)
        looks.failed(device)
        metrics.look({"m": 0.95}, device=device, interval=3600)
    with Worker(broker.bootstrap, tmp_path, **SMALL) as worker:
        await send(settings, [*looks.raws, *metrics.raws])
        await all_applied(settings, worker)
        with pytest.raises(AlreadyRunning, match="infrastructor-streams"):
            await rebuild(settings, "device_status", wait_s=0)
        assert worker.terminate() == 0
        _the_state_is_shown(settings)
        # Whole states are left alone.
        assert (await rebuild(settings, "device_status")).partitions == []

        # What came while nobody worked is derived by the rebuild, for it is in the log.
        looks.completed(DEVICES[0], collector="drive", shortest_interval_seconds=3600)
        await send(settings, looks.raws[-1:])
        await lose(settings, CHANGELOG)
        _ends_with_what_to_do(worker)
        done = await rebuild(settings, "device_status")
        assert (len(done.partitions), done.cut, done.differing, done.put) == (12, [], 0, 1)
        assert done.found == 2 * len(DEVICES)
        assert (await rebuild(settings, "device_status")).partitions == []

        looks.completed(DEVICES[1], collector="drive", shortest_interval_seconds=3600)
        await send(settings, looks.raws[-1:])
        worker.start()
        await all_applied(settings, worker)
        assert worker.terminate() == 0
        counts = await compare_with_the_fold(settings)
        told = status_of(await read(settings, STATUS))
        assert [event.data.status for event in told[DEVICES[0]]] == ["online", "degraded", "online"]
        # Nothing was put twice.
        assert sum(map(len, told.values())) == counts["device_status"] == 2 * len(DEVICES) + 2
        await _where_the_beginning_is_gone(settings, worker, looks)


def _the_state_is_shown(settings: KafkaSettings) -> None:
    code, text, _ = shown(settings, "state", DEVICES[0], "--json")
    assert code == 0
    cores = {one["derivation"]: one for one in json.loads(text)["cores"]}
    assert cores["device_status"]["state"]["status"] == "degraded"
    assert cores["device_status"]["sent"] == 2
    # Its last ticks may have come after the last batch.
    assert 0 <= cores["device_status"]["lag"] < 50
    assert cores["alerts-metrics"]["rules"]["revision"] == 1
    assert cores["alerts-metrics"]["state"]["looks"]
    assert cores["entity_status"]["state"] is None
    code, text, error = shown(settings, "state", "nobody")
    assert (code, "no core knows a device nobody" in error) == (65, True)
    assert "does not know the device" in text


def _ends_with_what_to_do(worker: Worker) -> None:
    worker.start()
    assert worker.process.wait(40) == 70
    last = worker.log.read_text().strip().splitlines()[-1]
    assert "the state of device_status is lost" in last
    assert "infrastructor streams rebuild --derivation device_status" in last


async def _where_the_beginning_is_gone(settings: KafkaSettings, worker: Worker, looks: Collections) -> None:
    ends = {
        TopicPartition(COLLECTIONS, one): end
        for one, _, end in (await offsets_of(settings, [COLLECTIONS]))[COLLECTIONS]
    }
    cut = {place: RecordsToDelete(before_offset=end - 1) for place, end in ends.items()}
    await with_admin(settings, lambda client: client.delete_records(cut))
    await lose(settings, CHANGELOG)
    before = status_of(await read(settings, STATUS))
    _ends_with_what_to_do(worker)
    code, text, error = shown(settings, "rebuild", "--derivation", "device_status")
    assert code == 0, error
    assert "12 partitions rebuilt" in text
    assert "the beginning is no longer kept" in text
    assert status_of(await read(settings, STATUS)) == before
    looks.failed(DEVICES[2], status="unreachable")
    await send(settings, looks.raws[-1:])
    worker.start()
    await all_applied(settings, worker)
    assert worker.terminate() == 0
    told = status_of(await read(settings, STATUS))
    assert told[DEVICES[2]][-1].data.status == "offline"
    for device in DEVICES:
        assert [event.sequence for event in told[device]] == list(range(1, len(told[device]) + 1))
        assert len({event.id for event in told[device]}) == len(told[device])


async def test_a_damaged_state_ends_the_worker_with_what_to_do(broker: Broker, tmp_path: Path) -> None:
    settings = KafkaSettings(bootstrap_servers=(broker.bootstrap,), session_timeout_s=SESSION_S, heartbeat_s=1)
    await apply_topics(settings, load_catalog(settings))
    producer = KafkaProducer(settings, "test")
    await producer.send([Outgoing(CHANGELOG, b"3|web-1", b"{", Term(9).headers(), 3)])
    await producer.close()
    with Worker(broker.bootstrap, tmp_path, **SMALL) as worker:
        assert worker.process.wait(40) == 70
        assert "the stored state 3|web-1 is damaged" in worker.log.read_text()
        assert (await rebuild(settings, "device_status")).partitions == [3]
        worker.start()
        await until(lambda: logged(worker, "partitions taken"))
        await all_applied(settings, worker)
        assert worker.terminate() == 0
