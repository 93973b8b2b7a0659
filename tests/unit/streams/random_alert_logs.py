"""Logs at random that alerts are derived from: what a property test of the cores reads."""

import random
from typing import Any
from uuid import UUID

from schemas.codec import decode
from schemas.container import ContainerStatusChanged, ContainerStatusData
from schemas.device import DeviceStatusChanged, DeviceStatusData
from schemas.registry import STATUS
from tests.unit.streams.log_of_events import Log, Metrics

OTHER_EPOCH = UUID("018f0000-0000-7000-8000-000000000002")
DEVICES = ("a", "b", "c")


def metrics_log(rng: random.Random, length: int) -> Log:
    """Looks in and out of order, backlogs, ticks, rules that change, repeated records, silences."""
    log = Metrics()
    behind = 0.0
    for _ in range(length):
        log.wait(rng.choice([0, 1, 5, 20]))
        kind = rng.random()
        if kind < 0.2:
            log.tick(after=rng.choice([5.0, 5.0, 60.0]))
        elif kind < 0.27:
            _random_rules(log, rng)
        elif kind < 0.35 and log.records:
            log.append(again(log, rng))
        elif kind < 0.42:
            _of_the_device(log, rng, behind)
        elif kind < 0.47:
            # An outage begins, or ends: from here on looks are late, or on time again.
            behind = rng.choice([0.0, 100.0, 400.0])
        else:
            values = {f"{rng.choice('mn')}{{d={number}}}": rng.choice([0.1, 0.7, 0.95]) for number in range(3)}
            late = behind + rng.choice([0, 0, 0, 15])
            log.look(values, device=rng.choice(DEVICES), at_s=log.at_s - late, sent_s=log.at_s)
    return log


def _of_the_device(log: Log, rng: random.Random, behind: float) -> None:
    """What an agent says of a device, or an operator accepts."""
    device, agent = rng.choice(DEVICES), rng.choice(["agent-1", "agent-1", "agent-2"])
    of: dict[str, Any] = {"at_s": log.at_s - behind, "sent_s": log.at_s, "agent": agent}
    if agent != "agent-1":
        of["epoch"] = OTHER_EPOCH
    kind = rng.random()
    if kind < 0.5:
        log.registered(device, groups=rng.choice([(), ("g",), ("h",)]), parents=rng.choice([(), ("switch",)]), **of)
    elif kind < 0.7:
        log.retired(device, **of)
    else:
        log.baseline("metric", rng.choice(["m", 'm{d="1"}', "n"]), device, {"value": rng.choice([0.1, 0.5])})


def _rule(name: str, condition: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "name": name,
        "severity": "warning",
        "select": {"metric": "m"},
        "condition": condition,
        "annotations": {"summary": "{device} {value} {since}"},
    } | changes


def _random_rules(log: Log, rng: random.Random) -> None:
    lengths = {"for": rng.choice([0, 10]), "clear_for": rng.choice([0, 10]), "stale_after": 40}
    threshold = {"kind": "above", "level": rng.choice([0.5, 0.9]), "clear": 0.4}
    average = {"kind": "above", "level": 0.5, "of": {"take": rng.choice(["average", "maximum"]), "window": 30}}
    predicted = {"kind": "above", "level": 1, "of": {"take": "predicted", "window": 60, "ahead": 60}}
    parts = [
        {"select": {"metric": "m"}, "condition": average},
        {"select": {"metric": "n"}, "condition": threshold},
    ]
    absent = {"kind": "absent", "after": 30, "give_up_after": 90}
    every = [
        _rule("high", threshold, severity=rng.choice(["warning", "critical"]), **lengths),
        _rule("average", average, flapping={"raises": 2, "within": "5m", "quiet": "30s"}, **lengths),
        _rule("predicted", predicted, flapping=None),
        _rule("parts", {"kind": rng.choice(["and", "or", "unless"]), "by": ["d"], "parts": parts}, select=None),
        _rule("gone", absent, select={"metric": "m", "labels": {"d": "1"}}),
        _rule("group", threshold, select={"metric": "m", "groups": [rng.choice(["g", "h"])]}, **lengths),
        _rule("far", {"kind": "deviates", "by": rng.choice([0.1, 0.5])}, **lengths),
    ]
    revision = rng.randint(1, 9)
    rules = rng.sample(every, rng.randint(1, len(every)))
    log.rules("alert_rules", {"revision": revision, "rules": rules}, revision)


def status_log(rng: random.Random, length: int) -> Log:
    """What happened to containers and devices, late and on time; ticks, rules that change, repeated records."""
    log = Log(STATUS)
    for _ in range(length):
        log.wait(rng.choice([0, 1, 5]))
        kind = rng.random()
        if kind < 0.25:
            log.tick(after=rng.choice([5.0, 5.0, 60.0]))
        elif kind < 0.32:
            _random_status_rules(log, rng)
        elif kind < 0.4 and log.records:
            log.append(again(log, rng))
        else:
            late = rng.choice([0, 0, 0, 5, 100])
            _status(log, rng, at_s=log.at_s - late)
    return log


def _status(log: Log, rng: random.Random, *, at_s: float) -> None:
    envelope = log.envelope(rng.choice(DEVICES), at_s=at_s)
    if rng.random() < 0.2:
        device = DeviceStatusData(
            previous="unknown",
            status=rng.choice(["online", "online", "offline", "retired"]),
            reason="looks_succeed",
            summary="so it is",
            since=envelope["time"],
            groups=rng.choice([(), ("g",)]),
        )
        log.append(DeviceStatusChanged(**envelope, data=device), sent_s=log.at_s)
        return
    container = ContainerStatusData(
        entity=rng.choice(["web", "db"]),
        what=rng.choice(["started", "unhealthy"]),
        status=rng.choice(["running", "unhealthy", "removed"]),
        engine="docker",
        summary="so it is",
        since=envelope["time"],
    )
    log.append(ContainerStatusChanged(**envelope, data=container), sent_s=log.at_s)


def _random_status_rules(log: Log, rng: random.Random) -> None:
    container = {"event": "container.status_changed"}
    unhealthy = {"kind": "status", "when": {"status": "unhealthy"}}
    offline = {"kind": "status", "when": {"status": "offline"}}
    parts = [
        {"select": container, "condition": unhealthy},
        {"select": {"event": "device.status_changed"}, "condition": offline},
    ]
    texts = {"annotations": {"summary": "{label.entity} {event.summary}"}, "select": container}
    lengths = {"for": rng.choice([0, 10]), "clear_for": rng.choice([0, 10])}
    every = [
        _rule("unhealthy", unhealthy, flapping={"raises": 2, "within": "5m", "quiet": "30s"}, **texts, **lengths),
        _rule("group", unhealthy, **(texts | {"select": container | {"groups": ["g"]}}), **lengths),
        _rule("started", {"kind": "status", "when": {"what": "started"}, "lasts": 30}, **texts),
        _rule("parts", {"kind": rng.choice(["and", "or", "unless"]), "by": ["entity"], "parts": parts},
              **(texts | {"select": None}), **lengths),
    ]  # fmt: skip
    revision = rng.randint(1, 9)
    rules = rng.sample(every, rng.randint(1, len(every)))
    log.rules("alert_rules", {"revision": revision, "rules": rules}, revision)


def again(log: Log, rng: random.Random) -> Any:
    """An event that is in the log already, sent a second time."""
    value = rng.choice(log.raws).value
    assert value is not None
    return decode(value)
