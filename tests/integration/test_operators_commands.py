"""The operators' commands on a real broker: what is said is in the log, and what is read says what is in it."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result

from cli.main import build_cli
from cli.operators.publishing import publish
from runtime.errors import InputInvalid
from runtime.kafka.consumer import read_topics
from runtime.settings import KafkaSettings
from schemas.codec import decode
from schemas.drive import Drive, DriveObserved, DriveObservedData
from schemas.envelope import Envelope
from schemas.identity import uuid7
from schemas.metric import MetricCollected, MetricCollectedData, Sample
from schemas.registry import ALERTS, METRICS, NOTIFICATIONS, OBSERVATIONS, Event
from tests.integration.streams_worker import Worker
from tests.unit.cli.said_of_alerts import Said

pytestmark = pytest.mark.kafka

POLICIES = """
revision: 2
notifications:
  routes:
    - {name: all, receivers: [gotify], group_wait: 1s}
  maintenance:
    - {name: yearly, dates: [2001-01-01], start: "03:00", duration: 1h}
"""

EPOCH = uuid4()
SERIES = 'system.filesystem.utilization{mountpoint="/"}'


@pytest.fixture
def kafka(topics: KafkaSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KafkaSettings:
    """The broker that the commands of this test find, and the operator that they speak as."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INFRASTRUCTOR_KAFKA__BOOTSTRAP_SERVERS", topics.servers)
    monkeypatch.setenv("INFRASTRUCTOR_OPERATOR", "Ada Lovelace")
    return topics


def invoked(*arguments: str) -> Result:
    return CliRunner().invoke(build_cli(), arguments, standalone_mode=False)


def told(*arguments: str) -> str:
    """What a command prints."""
    result = invoked(*arguments)
    if result.exception is not None:
        raise result.exception
    return result.stdout


def read(*arguments: str) -> Any:
    """The one JSON document that a command prints."""
    return json.loads(told(*arguments, "--json"))


def put(kafka: KafkaSettings, topic: str, *events: Envelope) -> None:
    asyncio.run(publish(kafka, topic, events))


def events_in(kafka: KafkaSettings, topic: str, subject: str) -> list[Event]:
    async def collect() -> list[Event]:
        return [decode(raw.value or b"") async for raw in read_topics(kafka, [topic]) if raw.key == subject.encode()]

    return asyncio.run(collect())


def now() -> datetime:
    return datetime.now(UTC)


def texts(explained: dict[str, Any]) -> Sequence[str]:
    return [f"{one['what']}: {one['text']}" for one in explained["entries"]]


def test_an_alert_is_listed_and_taken_on_until_it_is_over(kafka: KafkaSettings) -> None:
    said = Said(now() - timedelta(minutes=10))
    device = f"nas-{uuid4().hex[:6]}"
    alert, other = said.raised(device), said.raised(device, "load_high", severity="info")
    put(kafka, ALERTS, alert, other)

    listed = read("alerts", "list", "--device", device)
    assert [one["rule"] for one in listed["alerts"]] == ["disk_full", "load_high"]
    assert listed["as_of"]["read_from"] is not None
    assert "2 fire" in told("alerts", "list", "--device", device)
    assert "no streams worker has stored" in told("alerts", "explain", str(alert.id))

    prefix = str(alert.id)[:12]
    assert f"{alert.id} acknowledged by Ada-Lovelace" in told("alerts", "ack", prefix, "-c", "looking at it")
    (listed_alert,) = read("alerts", "list", "--rule", "disk_full", "--device", device)["alerts"]
    assert listed_alert["acknowledged"]["operator"] == "Ada-Lovelace"
    assert listed_alert["acknowledged"]["comment"] == "looking at it"
    assert events_in(kafka, ALERTS, device)[-1].source == "/operators/Ada-Lovelace"
    told("alerts", "unack", prefix, "--operator", "bob")
    assert isinstance(invoked("alerts", "unack", prefix).exception, InputInvalid)

    said.at = now()
    put(kafka, ALERTS, said.resolved(alert))
    assert [one["rule"] for one in read("alerts", "list", "--device", device)["alerts"]] == ["load_high"]
    every = read("alerts", "list", "--device", device, "--all")["alerts"]
    assert [(one["rule"], one["state"]) for one in every] == [("load_high", "firing"), ("disk_full", "resolved")]
    over = invoked("alerts", "ack", prefix).exception
    assert isinstance(over, InputInvalid)
    assert "is over since" in over.message
    assert "resolved: the condition no longer holds" in told("alerts", "explain", prefix)
    unknown = invoked("alerts", "ack", str(uuid4())).exception
    assert isinstance(unknown, InputInvalid)


def test_a_silence_matches_what_fires_and_every_decision_is_explained(kafka: KafkaSettings) -> None:
    said = Said(now() - timedelta(minutes=10))
    device = f"nas-{uuid4().hex[:6]}"
    alert, other = said.raised(device), said.raised(device, "load_high", severity="info")
    put(kafka, ALERTS, alert, other)
    prefix = str(alert.id)[:12]
    told("alerts", "ack", prefix)
    silenced = read("alerts", "silence", "mountpoint=/s.*", "--device", device, "--for", "2h", "-c", "moving")
    assert silenced["firing_matched"] == [str(alert.id), str(other.id)]
    assert "silenced by Ada-Lovelace" in told("alerts", "list", "--device", device)
    assert silenced["id"] in {one["id"] for one in read("alerts", "silences")["silences"]}

    said.at = now() - timedelta(minutes=9)
    request = said.requested(alert)
    said.at = now() - timedelta(minutes=8)
    put(kafka, NOTIFICATIONS, request, said.delivered(request, "4711"))
    failed = said.requested(alert, "webhook")
    put(kafka, NOTIFICATIONS, failed, said.failed(failed), said.suppressed(alert, "silenced", "by Ada until later"))
    explained = read("alerts", "explain", prefix)
    assert explained["answer"] == [
        "gotify was told",
        "webhook could not be told",
        "at times nobody was told: an operator silenced it",
    ]
    whats = [one["what"] for one in explained["entries"]]
    assert whats[0] == "raised"
    assert set(whats[1:6]) == {"requested", "delivered", "failed", "suppressed"}
    assert whats[6:] == ["acknowledged", "silenced"]
    assert any("as message 4711 after 1 attempt" in text for text in texts(explained))
    assert any("infra.metrics/3@42" in line for line in explained["entries"][0]["more"])
    assert "the token is wrong (refused)" in told("alerts", "show", prefix)

    told("alerts", "unsilence", silenced["id"])
    assert silenced["id"] not in {one["id"] for one in read("alerts", "silences")["silences"]}


def test_maintenance_is_started_listed_and_ended(kafka: KafkaSettings) -> None:
    device = f"rack-{uuid4().hex[:6]}"
    alert = Said(now()).raised(device)
    put(kafka, ALERTS, alert)
    started = read("maintenance", "start", device, f"{device}-b", "--for", "1h", "--comment", "new fans")["started"]
    assert [one["subject"] for one in started] == [device, f"{device}-b"]
    planned = read("maintenance", "start", "--group", "lab", "--from", "2099-01-01T00:00:00Z")["started"]
    assert planned[0]["subject"] == "_fleet"
    found = {one["id"]: one for one in read("maintenance", "list")["maintenance"]}
    assert found[started[0]["id"]]["state"] == "active"
    assert (found[planned[0]["id"]]["state"], found[planned[0]["id"]]["ends_at"]) == ("planned", None)
    assert found[planned[0]["id"]]["groups"] == ["lab"]
    assert "maintenance by Ada-Lovelace" in told("alerts", "list", "--device", device)
    assert "new fans" in told("alerts", "explain", str(alert.id))
    assert "new fans" in told("maintenance", "list")
    told("maintenance", "end", *(one["id"] for one in [*started, *planned]))
    left = {one["id"] for one in read("maintenance", "list")["maintenance"]}
    assert left.isdisjoint(one["id"] for one in [*started, *planned])
    assert isinstance(invoked("maintenance", "start").exception, InputInvalid)


def envelope(device: str, number: int) -> dict[str, Any]:
    """What an agent's event has besides its data; observed ten minutes ago, the next a minute later."""
    at = now() - timedelta(minutes=10 - number)
    source = f"/agents/{device}/{EPOCH}/drives"
    return {
        "id": uuid7(int(at.timestamp() * 1000)),
        "source": source,
        "subject": device,
        "time": at,
        "sequence": number,
    }


def drives(device: str, number: int, **values: Any) -> DriveObserved:
    """A look at the one drive of a device."""
    drive = Drive(id="S1", path="/dev/sda", serial="S1", **values)
    return DriveObserved(**envelope(device, number), data=DriveObservedData(drives=(drive,)))


def test_a_baseline_is_taken_from_what_was_observed_last(kafka: KafkaSettings) -> None:
    device = f"disk-{uuid4().hex[:6]}"
    looks = [drives(device, 1, reallocated_sectors=2), drives(device, 2, reallocated_sectors=8)]
    put(kafka, OBSERVATIONS, *looks, drives(device, 3, standby=True))
    usage = Sample(name="system.filesystem.utilization", value=0.5, unit="1", labels={"mountpoint": "/"})
    other = usage.model_copy(update={"labels": {"mountpoint": "/srv"}, "value": 0.7})
    look = MetricCollectedData(collector="system", samples=(usage, other))
    put(kafka, METRICS, MetricCollected(**envelope(device, 1), data=look))

    tried = read("baseline", "accept", device, "/dev/sda", "--dry-run")
    assert tried == {
        "id": None,
        "device": device,
        "kind": "drive",
        "entity": "S1",
        "values": {"reallocated_sectors": 8},
    }
    done = read("baseline", "accept", device, "S1", "--value", "pending_sectors=1")
    said = events_in(kafka, OBSERVATIONS, device)[-1]
    assert str(said.id) == done["id"]
    assert said.type == "infrastructor.baseline.accepted.v1"
    metric = read("baseline", "accept", device, "system.filesystem.utilization{mountpoint=/}")
    assert (metric["entity"], metric["values"]) == (SERIES, {"value": 0.5})
    assert str(events_in(kafka, METRICS, device)[-1].id) == metric["id"]
    several = invoked("baseline", "accept", device, "system.filesystem.utilization").exception
    assert isinstance(several, InputInvalid)
    assert SERIES in several.message
    every = read("baseline", "accept", device, "system.filesystem.utilization", "--value", "value=0.8")
    assert every["entity"] == "system.filesystem.utilization"
    nothing = invoked("baseline", "accept", device, "sdz").exception
    assert isinstance(nothing, InputInvalid)
    assert "S1" in nothing.message
    assert read("baseline", "list", device) == {"baselines": []}


def test_a_streams_worker_is_read_by_its_state_and_the_log_beyond_it(kafka: KafkaSettings, tmp_path: Path) -> None:
    say = Said(now())
    device = f"web-{uuid4().hex[:6]}"
    held, alert = say.raised(device, "held_back"), say.raised(device)
    policies = tmp_path / "policies.yaml"
    policies.write_text(POLICIES)
    told("alerts", "silence", "--device", device, "--rule", "held_back", "--for", "1h")
    with Worker(kafka.servers, tmp_path, STREAMS__POLICIES_FILE=str(policies)):
        put(kafka, ALERTS, held, alert)

        def decided() -> bool:
            return "gotify is to be told" in told("alerts", "explain", str(alert.id))

        until_true(decided)
        until_true(lambda: "silenced" in told("alerts", "explain", str(held.id)))

        def stored() -> bool:
            told_to: list[str] = read("alerts", "list", "--device", device, "--rule", "disk_full")["alerts"][0]["told"]
            return told_to == ["gotify"]

        until_true(stored)
        put(kafka, OBSERVATIONS, drives(device, 1, reallocated_sectors=2))
        told("baseline", "accept", device, "S1")
        told("baseline", "accept", device, "system.cpu.utilization", "--value", "value=0.5")
        until_true(lambda: "2 accepted" in told("baseline", "list", device))
    assert "reallocated_sectors=2" in told("baseline", "list", device)
    listed = read("alerts", "list", "--device", device)
    assert listed["as_of"]["state_offset"] is not None
    assert {one["rule"]: one["told"] for one in listed["alerts"]} == {"disk_full": ["gotify"], "held_back": []}
    # The worker is gone: what is said now is not in its state, and shown all the same.
    told("alerts", "ack", str(alert.id))
    (acknowledged,) = read("alerts", "list", "--device", device, "--rule", "disk_full")["alerts"]
    assert acknowledged["acknowledged"]["operator"] == "Ada-Lovelace"
    assert "an operator silenced it" in told("alerts", "explain", str(held.id))
    late = Said(now()).raised(device, "late")
    put(kafka, ALERTS, late)
    assert "has not come to it" in told("alerts", "explain", str(late.id))
    recurring = read("maintenance", "list")["recurring"]
    assert [(one["name"], one["active_until"]) for one in recurring] == [("yearly", None)]


def until_true(condition: Callable[[], bool], within_s: float = 40.0) -> None:
    ends_at = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < ends_at, "it did not become true in time"
        time.sleep(0.5)
