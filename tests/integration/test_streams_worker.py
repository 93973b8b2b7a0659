"""The streams worker on a real broker: events in, status, alerts and notifications out; poison; restarts; rules."""

from pathlib import Path
from typing import Any

import pytest

from deploy.local.broker import Broker
from runtime.kafka.admin import apply_topics
from runtime.kafka.catalog import load_catalog
from runtime.kafka.dead_letters import from_record
from runtime.settings import KafkaSettings
from schemas.record import RawRecord
from schemas.registry import ALERTS, COLLECTIONS, DEAD_LETTERS, METRICS, NOTIFICATIONS, STATUS
from tests.integration.streams_worker import (
    Worker,
    compare_with_the_fold,
    events,
    logged,
    now,
    raws_of,
    read,
    send,
    until,
)
from tests.unit.streams.log_of_events import Collections, Metrics, Observations

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def settings(broker: Broker) -> KafkaSettings:
    return KafkaSettings(bootstrap_servers=(broker.bootstrap,), session_timeout_s=6, heartbeat_s=1)


@pytest.fixture(autouse=True)
async def topics(settings: KafkaSettings) -> None:
    await apply_topics(settings, load_catalog(settings))


async def found(settings: KafkaSettings, topic: str, device: str, count: int) -> list[Any]:
    """At least so many events of a device."""

    async def enough() -> list[Any] | None:
        some = [event for event in events(await read(settings, topic)) if event.subject == device]
        return some if len(some) >= count else None

    return list(await until(enough))


async def test_events_in_status_alerts_and_notifications_out(
    broker: Broker, settings: KafkaSettings, tmp_path: Path
) -> None:
    looks, metrics = Collections(start=now()), Metrics(start=now())
    looks.completed("out-1", shortest_interval_seconds=0.2)
    metrics.look({"m{a=b}": 0.95}, device="out-1", interval=3600)
    with Worker(broker.bootstrap, tmp_path) as worker:
        # The rules must stand before the look in the log.
        await until(lambda: _rules_are_in(settings))
        await send(settings, raws_of(looks, metrics))
        (status,) = await found(settings, STATUS, "out-1", 1)
        assert status.data.status == "online"
        (alert,) = await found(settings, ALERTS, "out-1", 1)
        assert (alert.data.rule, alert.data.value, alert.data.labels) == ("high", 0.95, {"a": "b"})
        (request,) = await found(settings, NOTIFICATIONS, "out-1", 1)
        assert request.data.alert_ids == (alert.id,)
        metrics.wait(1)
        metrics.look({"m{a=b}": 0.5}, device="out-1", interval=3600)
        await send(settings, metrics.raws[1:])
        assert (await found(settings, NOTIFICATIONS, "out-1", 2))[1].data.kind == "resolved"
        assert worker.terminate() == 0
    await compare_with_the_fold(settings)


async def test_two_looks_in_what_happened_out(broker: Broker, settings: KafkaSettings, tmp_path: Path) -> None:
    log, device = Observations(start=now()), "things-1"
    web = {"name": "web", "state": "running", "health": "healthy"}
    ended = {"name": "web", "state": "exited", "exit_code": 1}
    for container in (web, web | {"health": "unhealthy"}, ended):
        log.look({"engine": "docker", "containers": [container]}, "container", device=device)
        log.wait(1)
    with Worker(broker.bootstrap, tmp_path) as worker:
        await send(settings, log.raws[:2])
        await found(settings, STATUS, device, 1)
        assert worker.terminate() == 0
    with Worker(broker.bootstrap, tmp_path) as worker:
        await send(settings, log.raws[2:])
        changes = await found(settings, STATUS, device, 2)
        assert worker.terminate() == 0
    assert [(event.data.what, event.data.status) for event in changes] == [
        ("unhealthy", "unhealthy"),
        ("stopped", "failed"),
    ]
    assert changes[1].data.summary == "web stopped with exit code 1"
    counts = await compare_with_the_fold(settings)
    assert counts["entity_status"] >= 2


async def _rules_are_in(settings: KafkaSettings) -> bool:
    loaded = [event for event in events(await read(settings, METRICS), ours_only=False) if "rules" in event.type]
    return len(loaded) >= 12


async def test_poison_goes_to_the_dead_letters_and_its_neighbours_are_derived(
    broker: Broker, settings: KafkaSettings, tmp_path: Path
) -> None:
    log = Collections(start=now())
    device = "poison-1"
    good = log.completed(device)
    ahead = Collections(start=now())
    ahead.wait(7200)
    ahead.completed(device)
    value = log.raws[0].value
    assert value is not None
    key = device.encode()
    bad = [
        b"not json",
        b"{}",
        value.replace(b"collection.completed", b"collection.invented"),
        value.replace(b'"duration_seconds":0.1', b'"duration_seconds":NaN'),
        value.replace(b'"subject":"poison-1"', b'"subject":"poison-2"'),
        ahead.raws[0].value,
        None,
    ]
    poison = [RawRecord(COLLECTIONS, 0, 0, 0, key, one, (("trace", b"abc"),)) for one in bad]
    log.failed(device)
    with Worker(broker.bootstrap, tmp_path) as worker:
        await send(settings, [log.raws[0], *poison, log.raws[1]])
        statuses = await found(settings, STATUS, device, 2)
        assert [event.data.status for event in statuses] == ["online", "degraded"]
        assert worker.terminate() == 0
    letters = [from_record(raw) for raw in await read(settings, DEAD_LETTERS)]
    ours = [letter for letter in letters if letter is not None and letter.origin.key == key]
    assert [letter.reason for letter in ours] == [
        "not_json", "not_an_event", "unknown_type", "invalid_field", "key_mismatch", "time_ahead", "empty",
    ]  # fmt: skip
    assert {letter.consumer for letter in ours} == {"device_status"}
    assert [letter.origin.value for letter in ours] == bad
    assert all(letter.origin.headers == (("trace", b"abc"),) for letter in ours)
    assert good.event.subject == device


async def test_a_restart_goes_on_with_the_states_it_had(
    broker: Broker, settings: KafkaSettings, tmp_path: Path
) -> None:
    log = Collections(start=now())
    device = "restart-1"
    log.completed(device, shortest_interval_seconds=1.0)
    policy = {"offline_after_least_seconds": 2.0, "offline_after_intervals": 1}
    await send(settings, log.raws)
    with Worker(broker.bootstrap, tmp_path) as worker:
        await found(settings, STATUS, device, 1)
        assert worker.terminate() == 0
    # The same look once more is a repetition; then silence, by a policy that is put where the device is.
    await send(settings, log.raws)
    partition = next(raw.partition for raw in await read(settings, COLLECTIONS) if raw.key == device.encode())
    again = Collections(partition, start=now())
    again.rules("status_policy", policy, 2)
    await send(settings, again.raws, partition=partition)
    with Worker(broker.bootstrap, tmp_path) as worker:
        statuses = await found(settings, STATUS, device, 2)
        assert [event.data.status for event in statuses] == ["online", "offline"]
        assert [event.sequence for event in statuses] == [1, 2]
        assert worker.terminate() == 0
    await compare_with_the_fold(settings)


async def test_rules_that_change_end_their_alerts_at_that_place(
    broker: Broker, settings: KafkaSettings, tmp_path: Path
) -> None:
    log = Metrics(start=now())
    with Worker(broker.bootstrap, tmp_path) as worker:
        await until(lambda: _rules_are_in(settings))
        log.look({"m": 0.95}, device="rules-1", interval=3600)
        await send(settings, log.raws)
        await found(settings, ALERTS, "rules-1", 1)
        worker.write_rules(1, 0.8)
        await until(lambda: logged(worker, "rules refused"))
        worker.write_rules(2, 0.8)
        _, resolved = await found(settings, ALERTS, "rules-1", 2)
        assert resolved.data.reason == "rule_changed"
        worker.rules.write_text("revision: 3\nrules: nonsense\n")
        await until(lambda: logged(worker, "rules stay as they were"))
        assert worker.terminate() == 0
    await compare_with_the_fold(settings)


async def test_wrong_rules_at_start_are_one_clear_line(broker: Broker, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text("revision: 1\nrules: [{name: x}]\n")
    with Worker(broker.bootstrap, tmp_path) as worker:
        assert worker.process.wait(20) == 65
    lines = worker.log.read_text().strip().splitlines()
    assert len(lines) == 1
    assert "rules.x.severity: Field required" in lines[0]
