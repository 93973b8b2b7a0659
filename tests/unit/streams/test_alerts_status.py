"""The core of alerts over status: what is told of a backlog, and ids that occur once."""

import random
from typing import Any

import pytest

from schemas.alert import AlertRaised, AlertResolved
from schemas.container import ContainerStatusChanged, ContainerStatusData
from schemas.device import DeviceStatusChanged, DeviceStatusData
from schemas.registry import STATUS
from streams.alerts.status_core import StatusAlerts
from streams.fold import PartitionFold
from tests.unit.streams.log_of_events import Log
from tests.unit.streams.random_alert_logs import status_log

CONTAINER = {"event": "container.status_changed"}
DEVICE = {"event": "device.status_changed"}


def rule(name: str, condition: dict[str, Any], **changes: Any) -> dict[str, Any]:
    texts = {"annotations": {"summary": "{label.entity} {event.previous}"}}
    return {"name": name, "severity": "warning", "condition": condition, **texts} | changes


def status_is(**when: str) -> dict[str, Any]:
    return {"kind": "status", "when": when}


def log_of(*rules: dict[str, Any]) -> Log:
    log = Log(STATUS)
    log.rules("alert_rules", {"revision": 1, "rules": list(rules)})
    return log


def device(log: Log, status: str, *, previous: str = "unknown", **data: Any) -> None:
    envelope = log.envelope("web-1")
    facts = {"previous": previous, "status": status, "reason": "r", "summary": "s", "since": envelope["time"]} | data
    log.append(DeviceStatusChanged(**envelope, data=DeviceStatusData.model_validate(facts)))
    log.wait(10)


def container(log: Log, status: str, *, at_s: float | None = None, entity: str = "web") -> None:
    envelope = log.envelope("web-1", at_s=at_s)
    facts = {"entity": entity, "what": "started", "status": status, "engine": "docker", "summary": "s"}
    data = ContainerStatusData.model_validate(facts | {"since": envelope["time"]})
    log.append(ContainerStatusChanged(**envelope, data=data), sent_s=log.at_s)


def derived(log: Log) -> tuple[PartitionFold[Any, Any], list[AlertRaised | AlertResolved]]:
    fold: PartitionFold[Any, Any] = PartitionFold(StatusAlerts(), log.partition)
    found = []
    for record in log.records:
        applied = fold.apply(record)
        # Of documents at random, some clash.
        assert [one for one in applied.problems if one.reason == "core_failed"] == []
        found += [one.event for one in applied.outputs]
    return fold, found  # type: ignore[return-value]


def told(log: Log) -> list[str]:
    return [
        f"{'raised' if isinstance(event, AlertRaised) else event.data.reason} {event.data.rule}"
        for event in derived(log)[1]
    ]


def test_a_status_of_a_device_that_is_told_again_changes_nothing_that_follows_on_what_was_before() -> None:
    condition = status_is(previous="online", status="degraded")
    log = log_of(rule("fell", condition, select=DEVICE), rule("skewed", status_is(reason="skew"), select=DEVICE))
    device(log, "online")
    device(log, "degraded", previous="online", reason="skew")
    device(log, "degraded", previous="degraded", reason="collectors")
    device(log, "degraded", previous="degraded", reason="collectors", groups=("g",))
    assert told(log) == ["raised fell", "raised skewed", "cleared skewed"]
    device(log, "online", previous="degraded")
    assert told(log)[3:] == ["cleared fell"]


def test_an_alert_that_ends_and_begins_again_in_one_record_is_another_alert_at_the_next_tick() -> None:
    """Groups that change let all that was heard be judged again, also what the same event puts right."""
    parts = [
        {"select": CONTAINER | {"groups": ["g"]}, "condition": status_is(status="unhealthy")},
        {"select": DEVICE | {"groups": ["g"]}, "condition": status_is(status="offline")},
    ]
    log = log_of(rule("down", {"kind": "unless", "parts": parts}))
    container(log, "unhealthy")
    device(log, "offline")
    device(log, "online", previous="offline", groups=("g",))
    log.tick()
    _, events = derived(log)
    assert told(log) == ["raised down", "cleared down", "raised down"]
    assert len({event.id for event in events}) == 3


def test_the_newest_of_a_type_never_goes_back() -> None:
    log = log_of(rule("unhealthy", status_is(status="unhealthy"), select=CONTAINER))
    log.wait(100)
    container(log, "unhealthy", at_s=100)
    container(log, "unhealthy", at_s=90, entity="db")
    fold, events = derived(log)
    assert len(events) == 2
    assert fold.devices["web-1"].looks[ContainerStatusChanged.TYPE] == log.now()


@pytest.mark.parametrize("seed", range(40))
def test_ids_occur_once_and_an_alert_ends_once_after_it_began(seed: int) -> None:
    _, events = derived(status_log(random.Random(seed), 200))
    assert len({event.id for event in events}) == len(events)
    raised = {event.id: event for event in events if isinstance(event, AlertRaised)}
    ended = [event for event in events if isinstance(event, AlertResolved)]
    assert len({event.data.alert_id for event in ended}) == len(ended)
    order = [event.id for event in events]
    for event in ended:
        assert event.time >= raised[event.data.alert_id].time
        assert order.index(event.id) > order.index(event.data.alert_id)
