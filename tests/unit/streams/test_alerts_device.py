"""The cores of alerts and what a device is: its groups, what it depends on, its end, its accepted baselines."""

from typing import Any
from uuid import UUID

import pytest

from schemas.alert import AlertRaised, AlertResolved
from schemas.device import DeviceStatusChanged, DeviceStatusData
from schemas.registry import STATUS
from streams.alerts.about import MOST_BASELINES
from streams.alerts.core import MetricAlerts
from streams.alerts.status_core import StatusAlerts
from streams.fold import PartitionFold
from tests.unit.streams.log_of_events import Log, Metrics

Fold = PartitionFold[Any, Any]
OTHER = UUID("018f0000-0000-7000-8000-000000000002")


def rule(name: str = "high", **changes: Any) -> dict[str, Any]:
    return {
        "name": name,
        "severity": "warning",
        "select": {"metric": "m"},
        "condition": {"kind": "above", "level": 0.9},
        "annotations": {"summary": "{device} {value}"},
    } | changes


def metrics(*rules: dict[str, Any], **document: Any) -> Metrics:
    log = Metrics()
    log.rules("alert_rules", {"revision": 1, "rules": list(rules)} | document)
    return log


def fold_of(log: Log) -> tuple[Fold, list[AlertRaised | AlertResolved]]:
    fold: Fold = PartitionFold(MetricAlerts() if isinstance(log, Metrics) else StatusAlerts(), log.partition)
    found = []
    for record in log.records:
        applied = fold.apply(record)
        assert applied.problems == ()
        found += [one.event for one in applied.outputs]
    assert all(isinstance(event, AlertRaised | AlertResolved) for event in found)
    return fold, found  # type: ignore[return-value]


def told(log: Log) -> list[str]:
    found = []
    for event in fold_of(log)[1]:
        what = "raised" if isinstance(event, AlertRaised) else event.data.reason
        found.append(f"{what} {event.data.rule}{' historical' if event.data.historical else ''}")
    return found


# Groups, and what a device depends on.


def test_an_alert_names_the_groups_and_the_parents_of_its_device_as_they_were_when_it_was_raised() -> None:
    log = metrics(rule())
    log.registered(groups=("nas", "cellar"), parents=("switch-1", "agent-1"))
    log.look({"m": 1.0})
    log.wait(10)
    log.registered(groups=("nas",))
    log.look({"m": 0.5})
    raised, resolved = fold_of(log)[1]
    assert raised.data.groups == resolved.data.groups == ("nas", "cellar")
    assert raised.data.parents == resolved.data.parents == ("switch-1", "agent-1")
    log.wait(10)
    log.look({"m": 1.0})
    assert (fold_of(log)[1][-1].data.groups, fold_of(log)[1][-1].data.parents) == (("nas",), ())


@pytest.mark.parametrize(
    ("own", "file", "selected"),
    [
        ((), {}, False),
        (("nas",), {}, True),
        (("web",), {}, False),
        (("web", "nas"), {}, True),
        ((), {"nas": "web-.*"}, True),
        ((), {"nas": "db-.*"}, False),
        (("nas",), {"nas": "db-.*"}, True),
    ],
)
def test_a_group_is_that_of_the_file_or_the_devices_own(
    own: tuple[str, ...], file: dict[str, str], *, selected: bool
) -> None:
    log = metrics(rule(select={"metric": "m", "groups": ["nas", "san"]}), groups=file)
    log.registered(groups=own)
    log.look({"m": 1.0})
    assert told(log) == (["raised high"] if selected else [])


def test_a_device_that_leaves_a_group_has_no_alerts_of_its_rules_any_more() -> None:
    of_group = {"metric": "m", "groups": ["nas"]}
    parts = [{"select": of_group, "condition": {"kind": "above", "level": 0.9}}] * 2
    log = metrics(
        rule("group", select=of_group),
        rule("pending", select=of_group, **{"for": "60s"}),
        rule("parts", select=None, condition={"kind": "and", "parts": parts}),
        rule("gone", select=of_group, condition={"kind": "absent", "after": "20s"}),
        rule("all"),
    )
    log.tick()
    log.registered(groups=("nas",))
    log.look({"m": 1.0})
    assert told(log) == ["raised group", "raised all", "raised parts"]
    log.registered(groups=("other",))
    assert told(log)[3:] == ["rule_removed group", "rule_removed parts"]
    for _ in range(8):
        log.tick(10)
        log.look({"m": 1.0})
    log.registered(groups=("other",))
    for _ in range(8):
        log.tick(10)
    assert told(log)[5:] == ["no_data all"]
    log.registered(groups=("nas",))
    log.look({"m": 1.0})
    assert told(log)[6:] == ["raised group", "raised all", "raised parts"]


# Its end.


def test_a_device_that_is_retired_ends_its_alerts_and_is_forgotten() -> None:
    log = metrics(
        rule(),
        rule("pending", **{"for": "60s"}),
        rule("mean", condition={"kind": "above", "level": 5, "of": {"take": "average", "window": "20s"}}),
        rule("gone", select={"metric": "n"}, condition={"kind": "absent", "after": "20s"}),
    )
    log.tick()
    log.registered(groups=("nas",))
    for _ in range(3):
        log.look({"m": 1.0, "n": 1.0})
        log.tick(10)
    log.baseline("metric", "m", "web-1", {"value": 1})
    log.retired()
    fold, events = fold_of(log)
    assert told(log) == ["raised high", "device_retired high"]
    assert events[-1].data.groups == ("nas",)
    memory = fold.devices["web-1"].memory
    assert (fold.devices["web-1"].looks, fold.devices["web-1"].seen, memory.windows) == ({}, {}, {})
    assert (memory.about.groups, memory.about.baselines) == ((), {})
    log.ticks(200, 10)
    log.retired()
    assert told(log)[2:] == []


def test_what_was_seen_before_it_was_retired_is_of_no_interest_any_more() -> None:
    log = metrics(rule())
    log.look({"m": 0.1})
    log.wait(60)
    log.retired()
    log.look({"m": 1.0}, at_s=59)
    assert told(log) == []
    log.wait(1)
    log.look({"m": 1.0})
    assert told(log) == ["raised high"]


def test_a_device_that_is_registered_again_starts_anew() -> None:
    log = metrics(rule(**{"for": "20s"}))
    log.registered(groups=("nas",))
    log.look({"m": 1.0})
    log.wait(10)
    log.look({"m": 1.0})
    log.retired()
    log.wait(10)
    log.registered()
    log.look({"m": 1.0})
    log.wait(10)
    log.look({"m": 1.0})
    assert told(log) == []
    log.wait(10)
    log.look({"m": 1.0})
    assert told(log) == ["raised high"]
    assert fold_of(log)[1][0].data.groups == ()


def test_an_agent_that_no_longer_watches_a_device_does_not_end_it_for_the_one_that_does() -> None:
    log = metrics(rule())
    log.registered(agent="agent-1")
    log.look({"m": 1.0})
    log.registered(agent="agent-2", epoch=OTHER)
    log.retired(agent="agent-1")
    assert told(log) == ["raised high"]
    log.retired(agent="agent-2", epoch=OTHER)
    assert told(log) == ["raised high", "device_retired high"]


def test_a_device_that_is_retired_in_a_backlog_ends_it_and_what_was_in_it_is_past() -> None:
    log = metrics(rule(), rule("also", select={"metric": "n"}))
    log.look({"n": 1.0}, sent_s=0)
    log.wait(600)
    log.look({"m": 1.0, "n": 1.0}, at_s=100, sent_s=600)
    log.retired(at_s=200, sent_s=600)
    past = ["raised high historical", "device_retired high historical"]
    assert told(log) == ["raised also", "device_retired also", *past]
    assert fold_of(log)[0].devices["web-1"].memory.late_ms is None


# Deviation from a baseline.


def deviates(**condition: Any) -> dict[str, Any]:
    return rule(condition={"kind": "deviates"} | condition)


def test_without_an_accepted_baseline_nothing_deviates() -> None:
    log = metrics(deviates(by=0.1))
    log.look({"m": 5.0})
    log.baseline("metric", "n", "web-1", {"value": 1})
    log.baseline("metric", "m", "web-1", {"level": 1})
    log.baseline("metric", "m", "web-1", {"value": "one"})
    log.baseline("drive", "m", "web-1", {"value": 1})
    log.wait(1)
    log.look({"m": 5.0})
    assert told(log) == []
    log.baseline("metric", "m", "web-1", {"value": 1})
    log.wait(1)
    log.look({"m": 5.0})
    assert told(log) == ["raised high"]


@pytest.mark.parametrize(
    ("condition", "holding", "not_holding"),
    [
        ({"by": 3}, (6.9, 13.1), (7.0, 10.0, 13.0)),
        ({"by_ratio": 0.2}, (7.9, 12.1), (8.0, 12.0)),
        ({"by": 1, "by_ratio": 0.2}, (7.9, 12.1), (8.0, 12.0)),
        ({"by": 5, "by_ratio": 0.2}, (4.9, 15.1), (5.0, 15.0)),
        ({"by": 3, "way": "above"}, (13.1,), (-100.0, 13.0)),
        ({"by": 3, "way": "below"}, (6.9,), (100.0, 7.0)),
    ],
)
def test_how_far_is_too_far(condition: dict[str, Any], holding: tuple[float, ...], not_holding: Any) -> None:
    for value in (*holding, *not_holding):
        log = metrics(deviates(**condition))
        log.baseline("metric", "m", "web-1", {"value": 10})
        log.look({"m": value})
        assert told(log) == (["raised high"] if value in holding else []), value


def test_it_clears_nearer_to_the_baseline_or_when_another_is_accepted() -> None:
    log = metrics(deviates(by=3, clear_by=1))
    log.baseline("metric", "m", "web-1", {"value": 10})
    for value in (13.5, 11.5, 8.5):
        log.look({"m": value})
        log.wait(10)
    assert told(log) == ["raised high"]
    raised = fold_of(log)[1][0]
    assert isinstance(raised, AlertRaised)
    assert raised.data.threshold == 13.0
    log.look({"m": 9.5})
    assert told(log) == ["raised high", "cleared high"]
    log.wait(10)
    log.look({"m": 20.0})
    log.baseline("metric", "m", "web-1", {"value": 20})
    log.wait(10)
    log.look({"m": 20.0})
    assert told(log)[2:] == ["raised high", "cleared high"]


def test_a_baseline_is_of_one_series_or_of_all_of_a_metric_and_of_what_is_judged() -> None:
    log = metrics(
        deviates(by=3, of={"take": "average", "window": "20s"}),
        rule("parts", select=None, condition={"kind": "and", "by": ["d"], "parts": [
            {"select": {"metric": "m"}, "condition": {"kind": "deviates", "by": 3}},
            {"select": {"metric": "n"}, "condition": {"kind": "above", "level": 0}},
        ]}),
    )  # fmt: skip
    log.baseline("metric", "m", "web-1", {"value": 10})
    log.baseline("metric", 'm{d="b"}', "web-1", {"value": 100})
    for _ in range(3):
        log.look({"m{d=a}": 15.0, "m{d=b}": 15.0, "n{d=a}": 1.0})
        log.wait(10)
    assert told(log) == ["raised parts", "raised high", "raised high"]
    assert [event.data.labels for event in fold_of(log)[1]] == [{"d": "a"}, {"d": "a"}, {"d": "b"}]


def test_baselines_are_bounded_and_survive_a_restart() -> None:
    log = metrics(deviates(by=3))
    for number in range(MOST_BASELINES + 1):
        log.baseline("metric", f"m{number}", "web-1", {"value": number})
    fold, _ = fold_of(log)
    baselines = fold.devices["web-1"].memory.about.baselines
    assert (len(baselines), "m0" in baselines, baselines["m7"]) == (MOST_BASELINES, False, 7.0)
    changes = fold.changes()
    assert changes is not None
    again: Fold = PartitionFold(MetricAlerts(), 0)
    again.load([*changes.states, changes.partition])
    assert again.devices == fold.devices


def test_a_rule_of_absence_that_is_about_another_series_knows_nothing_of_it_yet() -> None:
    log = metrics(rule("gone", condition={"kind": "absent", "after": "20s"}))
    log.tick()
    log.look({"m": 1.0})
    other = rule("gone", select={"metric": "n"}, condition={"kind": "absent", "after": "20s"})
    log.rules("alert_rules", {"revision": 2, "rules": [other]}, 2)
    log.ticks(100)
    assert told(log) == []
    log.look({"n": 1.0})
    longer = rule("gone", select={"metric": "n"}, condition={"kind": "absent", "after": "50s"})
    log.rules("alert_rules", {"revision": 3, "rules": [longer]}, 3)
    log.ticks(100)
    assert told(log) == ["raised gone"]


# Status.


def status(log: Log, **data: Any) -> None:
    facts: dict[str, Any] = {"previous": "unknown", "reason": "r", "summary": "s", "since": log.now()} | data
    log.append(DeviceStatusChanged(**log.envelope("web-1"), data=DeviceStatusData(**facts)))
    log.wait(10)


def offline(name: str = "offline", **select: Any) -> dict[str, Any]:
    condition = {"kind": "status", "when": {"status": "offline"}}
    selector = {"event": "device.status_changed"} | select
    return rule(name, select=selector, condition=condition) | {"annotations": {"summary": "{event.summary}"}}


def test_alerts_over_status_know_the_device_by_its_status() -> None:
    log = Log(STATUS)
    log.rules("alert_rules", {"revision": 1, "rules": [offline(), offline("nas", groups=["nas"])]})
    status(log, status="online", groups=("web",), parents=("switch-1",))
    status(log, status="offline", groups=("web",), parents=("switch-1",))
    (raised,) = fold_of(log)[1]
    assert (raised.data.groups, raised.data.parents) == (("web",), ("switch-1",))
    status(log, status="offline", groups=("web", "nas"))
    assert told(log) == ["raised offline", "raised nas"]
    status(log, status="offline", groups=())
    assert told(log)[2:] == ["rule_removed nas"]
    status(log, status="retired")
    assert told(log)[3:] == ["device_retired offline"]
    status(log, status="offline", groups=())
    assert told(log)[4:] == ["raised offline"]
