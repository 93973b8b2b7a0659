"""The core of alerts: what the YAML cases do not show: ids, evidence, rules that change, bounds."""

from datetime import timedelta
from typing import Any

import pytest

from schemas.alert import AlertRaised, AlertResolved
from schemas.envelope import Envelope
from streams.alerts.core import OUT_OF_ORDER, TOO_MANY, MetricAlerts
from streams.alerts.state import MOST_INSTANCES
from streams.fold import PartitionFold
from tests.unit.streams.log_of_events import START, Metrics


def rule(**changes: Any) -> dict[str, Any]:
    return {
        "name": "full",
        "severity": "warning",
        "select": {"metric": "disk.utilization"},
        "condition": {"kind": "above", "level": 0.9},
        "annotations": {"summary": "{device}: {label.mount} is {value|percent} full"},
    } | changes


def ruleset(*rules: dict[str, Any], revision: int = 1) -> dict[str, Any]:
    return {"revision": revision, "rules": list(rules)}


def full(value: float, mount: str = "/data") -> dict[str, float]:
    return {f"disk.utilization{{mount={mount}}}": value}


def run(log: Metrics) -> tuple[list[Envelope], list[str]]:
    fold: PartitionFold[Any, Any] = PartitionFold(MetricAlerts(), log.partition)
    events: list[Envelope] = []
    notes: list[str] = []
    for record in log.records:
        applied = fold.apply(record)
        assert applied.problems == ()
        events += [one.event for one in applied.outputs]
        notes += applied.notes
    return events, notes


def told(log: Metrics) -> list[tuple[str, str]]:
    found = []
    for event in run(log)[0]:
        match event:
            case AlertRaised():
                found.append(("raised", event.data.rule))
            case AlertResolved():
                found.append((event.data.reason, event.data.rule))
            case _:
                raise AssertionError(event)
    return found


def test_an_alert_says_what_and_names_its_evidence() -> None:
    log = Metrics()
    document = ruleset(rule(**{"for": "20s"}, labels={"team": "storage"}, runbook="https://example.org/full"))
    log.rules("alert_rules", document, 7)
    for value in (0.5, 0.95, 0.96, 0.97):
        log.look(full(value))
        log.wait(10)
    log.look(full(0.9))
    raised, resolved = run(log)[0]
    assert isinstance(raised, AlertRaised)
    assert isinstance(resolved, AlertResolved)
    data = raised.data
    assert (data.rule, data.rule_revision, data.severity, data.value, data.threshold) == (
        "full", 7, "warning", 0.97, 0.9,
    )  # fmt: skip
    assert data.labels == {"team": "storage", "mount": "/data"}
    assert data.summary == "web-1: /data is 97.0 % full"
    assert data.since == START + timedelta(seconds=10)
    assert [one.offset for one in data.evidence] == [2, 4]
    assert raised.time == START + timedelta(seconds=30)
    assert resolved.data.alert_id == raised.id
    assert resolved.data.reason == "cleared"
    assert resolved.data.raised_at == raised.time
    assert resolved.data.summary == data.summary
    assert (raised.sequence, resolved.sequence) == (1, 2)


def test_a_look_out_of_order_reopens_no_decision_and_is_counted() -> None:
    log = Metrics()
    log.rules("alert_rules", ruleset(rule()))
    log.look(full(0.5), at_s=60)
    log.look(full(0.95), at_s=30)
    log.look(full(0.95), at_s=60)
    assert run(log) == ([], [OUT_OF_ORDER, OUT_OF_ORDER])
    log.look(full(0.95), at_s=30, collector="other")
    assert told(log) == [("raised", "full")]


def test_a_hole_in_the_samples_is_not_counted_as_for() -> None:
    log = Metrics()
    log.rules("alert_rules", ruleset(rule(**{"for": "60s"})))
    log.look(full(0.95), at_s=0)
    log.look(full(0.95), at_s=51)
    log.wait(300)
    log.look(full(0.95), at_s=102)
    log.look(full(0.95), at_s=140)
    assert told(log) == []
    log.look(full(0.95), at_s=162)
    assert told(log) == [("raised", "full")]


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ({"severity": "critical"}, [("rule_changed", "full"), ("raised", "full")]),
        ({"condition": {"kind": "above", "level": 0.8}}, [("rule_changed", "full"), ("raised", "full")]),
        ({"annotations": {"summary": "other words"}}, []),
        ({"runbook": "elsewhere"}, []),
        ({"name": "other"}, [("rule_removed", "full"), ("raised", "other")]),
    ],
)
def test_a_rule_removed_or_changed_in_meaning_resolves(change: Any, outcome: list[tuple[str, str]]) -> None:
    log = Metrics()
    log.rules("alert_rules", ruleset(rule()))
    log.look(full(0.95))
    log.wait(1)
    record = log.rules("alert_rules", ruleset(rule(**change), revision=2), 2)
    log.wait(1)
    log.look(full(0.96))
    assert told(log)[1:] == outcome
    if outcome:
        assert run(log)[0][1].time == START + timedelta(seconds=1)
        assert run(log)[0][1].causationid == record.event.id


def test_a_series_that_goes_away_is_resolved_as_no_data_after_five_intervals() -> None:
    log = Metrics()
    log.rules("alert_rules", ruleset(rule(), rule(name="kept", no_data="keep")))
    log.tick()
    log.look(full(0.95))
    log.ticks(45)
    assert told(log) == [("raised", "full"), ("raised", "kept")]
    log.tick()
    assert told(log)[2:] == [("no_data", "full")]
    log.look(full(0.5))
    assert told(log)[3:] == [("cleared", "kept")]


def test_looks_out_of_order_keep_a_series_alive() -> None:
    log = Metrics()
    log.rules("alert_rules", ruleset(rule()))
    log.tick()
    log.look(full(0.95), at_s=300)
    for _ in range(20):
        log.tick()
        log.look(full(0.95), at_s=100)
    assert told(log) == [("raised", "full")]


def test_absence_is_of_what_was_seen_and_ends_when_it_is_seen_again() -> None:
    log = Metrics()
    absent = rule(name="gone", condition={"kind": "absent", "after": "30s"}, annotations={"summary": "{since}"})
    log.rules("alert_rules", ruleset(absent))
    log.tick()
    log.look(device="never")
    log.look(full(0.5))
    for _ in range(5):
        log.tick()
        log.look({"system.uptime": 1.0})
    assert told(log) == []
    log.tick()
    assert told(log) == [("raised", "gone")]
    log.tick()
    log.look(full(0.5))
    assert told(log) == [("raised", "gone"), ("cleared", "gone")]
    raised = run(log)[0][0]
    assert isinstance(raised, AlertRaised)
    assert raised.data.since == START + timedelta(seconds=5)
    assert raised.subject == "web-1"


def test_instances_are_bounded_a_device_and_counted() -> None:
    log = Metrics()
    log.rules("alert_rules", ruleset(rule()))
    log.look(
        {series: value for number in range(MOST_INSTANCES + 9) for series, value in full(1.0, f"/{number}").items()}
    )
    events, notes = run(log)
    assert len(events) == MOST_INSTANCES
    assert notes == [TOO_MANY]


def test_labels_beyond_the_bound_of_an_event_are_left_out_the_rules_own_first() -> None:
    log = Metrics()
    log.rules("alert_rules", ruleset(rule(labels={"team": "a", "l3": "rule"})))
    labels = ",".join(f"l{number}=x" for number in range(32))
    log.look({f"disk.utilization{{{labels}}}": 1.0})
    (event,) = run(log)[0]
    assert isinstance(event, AlertRaised)
    assert len(event.data.labels) == 32
    assert event.data.labels["team"] == "a"
    assert event.data.labels["l3"] == "rule"
