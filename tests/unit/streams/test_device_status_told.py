"""The core of device_status: what is told of a status that goes on, and what is no flapping."""

from typing import Any

import orjson

from schemas.collection import CollectionFailed, CollectionFailedData
from streams.device_status.core import DeviceStatus
from streams.fold import PartitionFold
from tests.unit.streams.log_of_events import Collections
from tests.unit.streams.test_device_status import derived, told


def test_collectors_that_fail_besides_or_no_more_are_told_with_the_same_status() -> None:
    log = Collections()
    log.completed()
    log.wait(10)
    first = log.failed()
    log.wait(10)
    log.failed(error_code="another")
    assert len(derived(log)) == 2
    log.failed(collector="container", error_code="daemon_down")
    log.wait(10)
    log.failed(status="timeout")
    log.completed(collector="drive")
    events = [event.data for event in derived(log)[1:]]
    assert [sorted(one.collector for one in data.failing) for data in events] == [
        ["drive"],
        ["container", "drive"],
        ["container"],
    ]
    assert [(data.previous, data.status) for data in events[1:]] == [("degraded", "degraded")] * 2
    assert {data.since for data in events} == {first.event.time}
    assert "container (daemon_down) failing" in events[-1].summary


def test_another_reason_is_told_with_the_same_status() -> None:
    log = Collections()
    log.tick()
    log.completed(clock_skew_seconds=700.0)
    log.completed(clock_skew_seconds=800.0)
    log.failed()
    log.ticks(60)
    log.failed(status="unreachable", error_code="unreachable")
    assert told(log) == [
        ("degraded", "clock_skew"),
        ("degraded", "collectors_failing"),
        ("offline", "no_sign_of_life"),
        ("offline", "unreachable"),
    ]


def test_collectors_that_fail_while_a_device_is_offline_are_no_news() -> None:
    log = Collections()
    log.completed()
    log.failed(status="unreachable", error_code="unreachable")
    log.failed(status="timeout", error_code="timeout")
    log.failed(status="timeout", error_code="timeout", collector="container")
    assert told(log) == [("online", "looks_succeed"), ("offline", "unreachable")]


def test_while_a_device_flaps_nothing_else_is_told() -> None:
    log = Collections()
    log.rules("status_policy", {"flap_transitions": 3, "flap_window_seconds": 60, "flap_stable_seconds": 30})
    log.tick()
    for _ in range(3):
        log.completed()
        log.completed(collector="drive")
        log.failed()
        log.failed(collector="container")
        log.completed(collector="container")
    assert told(log)[-1] == ("degraded", "flapping")
    assert [reason for _, reason in told(log)].count("flapping") == 1
    log.ticks(25)
    log.failed()
    log.tick()
    assert told(log)[-1] == ("degraded", "collectors_failing")


def test_a_state_of_before_reasons_were_remembered_is_read_and_told_once_more() -> None:
    log, fold = Collections(), PartitionFold(DeviceStatus(), 0)
    fold.apply(log.failed())
    changes = fold.changes()
    assert changes is not None
    ((key, value),) = changes.states
    state = orjson.loads(value)
    del state["core"]["reason"], state["core"]["concerned"]
    again: PartitionFold[Any, Any] = PartitionFold(DeviceStatus(), 0)
    again.load([(key, orjson.dumps(state)), changes.partition])
    assert len(again.apply(log.failed()).outputs) == 1
    assert again.apply(log.failed()).outputs == ()


def test_how_often_a_backlog_changes_the_status_is_no_flapping() -> None:
    log = Collections()
    log.rules("status_policy", {"flap_transitions": 4, "flap_window_seconds": 600})
    log.tick()
    log.completed()
    log.wait(7200)
    log.tick()
    for number in range(4):
        begun = 100 + number * 1200
        late = log.envelope("web-1", at_s=begun)
        data: dict[str, Any] = {"collector": "drive", "duration_seconds": 0.1, "shortest_interval_seconds": 10.0}
        data |= {"error_code": "unreachable", "message": "x", "status": "unreachable"}
        log.append(CollectionFailed(**late, data=CollectionFailedData(**data)), sent_s=7200)
        log.completed(at_s=begun + 600, sent_s=7200)
    log.completed()
    log.tick()
    log.failed(status="unreachable", error_code="unreachable")
    assert told(log) == [("online", "looks_succeed"), *([("offline", "unreachable"), ("online", "looks_succeed")] * 4),
                         ("offline", "unreachable")]  # fmt: skip
