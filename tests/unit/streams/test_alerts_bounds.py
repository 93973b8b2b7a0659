"""The bounds of an alert state, what is counted beyond them, and rules that change inside of a backlog."""

from typing import Any

import pytest

from schemas.alert import AlertRaised, AlertResolved
from schemas.container import ContainerStatusChanged, ContainerStatusData
from schemas.registry import STATUS
from streams.alerts.core import MetricAlerts, with_newest
from streams.alerts.draft import LEFT_OUT
from streams.alerts.grouping import TOO_MANY_HELD
from streams.alerts.judging import TOO_MANY_WINDOWS
from streams.alerts.state import MOST_HELD, MOST_LOOKS, MOST_PAST, MOST_RECENT, MOST_STATUSES, MOST_WINDOWS, AlertState
from streams.alerts.status_core import StatusAlerts
from streams.alerts.windows import MOST_SAMPLES
from streams.fold import PartitionFold
from tests.unit.streams.log_of_events import START, Log, Metrics


def rule(name: str = "high", **changes: Any) -> dict[str, Any]:
    return {
        "name": name,
        "severity": "warning",
        "select": {"metric": "m"},
        "condition": {"kind": "above", "level": 0.9},
        "annotations": {"summary": "{device}"},
    } | changes


def run(log: Log) -> tuple[AlertState, list[str], list[str]]:
    """The state at the end, what was told, and what was counted."""
    fold: PartitionFold[Any, Any] = PartitionFold(MetricAlerts() if isinstance(log, Metrics) else StatusAlerts(), 0)
    told: list[str] = []
    notes: list[str] = []
    for record in log.records:
        applied = fold.apply(record)
        assert applied.problems == ()
        notes += applied.notes
        for one in applied.outputs:
            assert isinstance(one.event, AlertRaised | AlertResolved)
            data = one.event.data
            what = "raised" if isinstance(one.event, AlertRaised) else one.event.data.reason
            told.append(f"{what} {data.rule}{' historical' if data.historical else ''}")
    return fold.devices["web-1"], told, notes


def series(count: int, value: float = 1.0, *, first: int = 0) -> dict[str, float]:
    return {f"m{{d={number}}}": value for number in range(first, first + count)}


def test_windows_are_bounded_in_number_and_in_length() -> None:
    log = Metrics()
    average = {"kind": "above", "level": 5, "of": {"take": "average", "window": "10m"}}
    log.rules("alert_rules", {"revision": 1, "rules": [rule(condition=average)]})
    log.look(series(MOST_WINDOWS))
    log.wait(1)
    log.look(series(1, first=MOST_WINDOWS), collector="other")
    for _ in range(1000):
        log.wait(1)
        log.look(series(1))
    state, _, notes = run(log)
    assert notes == [TOO_MANY_WINDOWS]
    assert len(state.memory.windows) == MOST_WINDOWS
    assert max(len(window.samples) for window in state.memory.windows.values()) <= MOST_SAMPLES + 1


def test_what_holds_of_combinations_is_bounded() -> None:
    log = Metrics()
    above = {"kind": "above", "level": 0.5}
    parts = [{"select": {"metric": "m"}, "condition": above}, {"select": {"metric": "n"}, "condition": above}]
    log.rules("alert_rules", {"revision": 1, "rules": [
        rule(select=None, condition={"kind": "and", "by": ["d"], "parts": parts})]})  # fmt: skip
    log.look(series(MOST_HELD + 5))
    state, _, notes = run(log)
    assert notes == [TOO_MANY_HELD]
    assert sum(len(one) for one in state.memory.held.values()) == MOST_HELD


def test_of_a_backlog_the_oldest_that_nobody_knows_of_are_left_out() -> None:
    log = Metrics()
    log.rules("alert_rules", {"revision": 1, "rules": [rule(flapping=None)]})
    log.look(series(1))
    log.wait(100_000)
    for number in range(MOST_PAST + 10):
        log.look(series(1, 0.1), at_s=100 + 20 * number, sent_s=log.at_s)
        log.look(series(1, 1.0), at_s=110 + 20 * number, sent_s=log.at_s)
    log.look(series(1, 0.1), sent_s=log.at_s)
    _, told, notes = run(log)
    assert set(notes) == {LEFT_OUT}
    assert told[:2] == ["raised high", "cleared high"]
    assert told[2:] == ["raised high historical", "cleared high historical"] * (MOST_PAST - 1)


@pytest.mark.parametrize("change", ["rule_changed", "rule_removed"])
def test_a_rule_that_goes_away_inside_of_a_backlog_ends_there_what_it_had(change: str) -> None:
    log = Metrics()
    log.rules("alert_rules", {"revision": 1, "rules": [rule(), rule("other", select={"metric": "n"})]})
    log.look({"m": 1.0, "n": 0.1})
    log.wait(600)
    log.look({"m": 1.0, "n": 1.0}, at_s=100, sent_s=600)
    rules = [rule("other", select={"metric": "n"}, severity="info")] if change == "rule_changed" else []
    log.rules("alert_rules", {"revision": 2, "rules": rules}, 2)
    assert run(log)[1] == ["raised high"]
    log.look({"m": 0.1, "n": 0.1})
    assert run(log)[1][1:] == ["rule_removed high", "raised other historical", f"{change} other historical"]


def test_the_collectors_remembered_are_the_most_recent() -> None:
    looks = {f"c{number}": START for number in range(MOST_LOOKS)}
    after = with_newest(with_newest(looks, "c0", START), "new", START)
    assert len(after) == MOST_LOOKS
    assert ("c0" in after, "c1" in after, "new" in after) == (True, False, True)


def test_what_lately_came_and_went_is_bounded() -> None:
    log = Metrics()
    log.rules("alert_rules", {"revision": 1, "rules": [rule()]})
    for first in range(0, MOST_RECENT + 100, 100):
        log.look(series(100, first=first))
        log.wait(1)
        log.look(series(100, 0.1, first=first))
        log.wait(1)
    assert len(run(log)[0].memory.recent) == MOST_RECENT


def test_statuses_are_bounded_to_the_most_recent_entities() -> None:
    log = Log(STATUS)
    log.rules("alert_rules", {"revision": 1, "rules": []})
    for number in range(MOST_STATUSES + 1):
        data = ContainerStatusData(
            entity=f"c{number}", what="started", status="running", engine="docker", summary="s", since=START
        )
        log.append(ContainerStatusChanged(**log.envelope("web-1"), data=data))
    statuses = run(log)[0].memory.statuses
    assert len(statuses) == MOST_STATUSES
    assert not [key for key in statuses if key.endswith("|c0")]
