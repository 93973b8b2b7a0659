"""The tools for people who write rules: what `rules check` finds, and the notation and the differences of tests."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from runtime.errors import InputInvalid
from streams.alerts.rules import RuleSet, load_rules
from streams.alerts.selectors import STATUS_EVENTS, known_values
from streams.rulecheck.cases import Case, load_cases
from streams.rulecheck.check import check
from streams.rulecheck.cost import cost_of
from streams.rulecheck.known import KNOWN, nearest
from streams.rulecheck.notation import series_of, values_over_time
from streams.rulecheck.trial import differences

ROOT = Path(__file__).parents[3]
SHIPPED = ROOT / "rules.yaml"
GOOD = """\
revision: 1
rules:
  - name: full
    severity: warning
    select: {metric: system.filesystem.utilization}
    condition:
      {kind: above, level: 0.9}
    annotations: {summary: "{value}"}
    runbook: somewhere
"""
EVENT = "{event: container.status_changed}"


def found(old: str = "", new: str = "") -> list[str]:
    return [f"{one.line} {one.level}: {one.message}" for one in check(GOOD.replace(old, new), where="a").findings]


def test_what_is_good_is_not_found() -> None:
    assert found() == []
    assert check(SHIPPED.read_text(), where="rules.yaml").findings == ()


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("severity: warning", "severity: grave", "4 error: full: severity: Input should be 'info'"),
        ("level: 0.9", "level: much", "7 error: full: condition.above.level: Input should be a valid number"),
        ("revision: 1", "revision: 1\n- 2", "error: no YAML"),
        ("{value}", "{worth}", "8 error: full: annotations.summary: there is no field {worth}"),
        ("{value}", "{event.what}", "3 error: full: {event.what} is never known to a rule about metrics"),
        ("utilization", "utilisation", "5 warning: full: no collector of this project emits system.filesystem.utilis"),
        ("utilization", "utilisation", "did you mean system.filesystem.utilization?"),
        ("level: 0.9", "level: 1.5", "6 warning: full: it can never hold: values lie between 0 and 1"),
        ("level: 0.9", "level: 0.9, clear: -1", "6 warning: full: it can never clear: values lie between 0 and 1"),
        ("above, level: 0.9", "below, level: 0.9, clear: 90", "it can never clear"),
        ("above, level: 0.9", "outside, low: -1, high: 2", "it can never hold"),
        ("system.filesystem.utilization", "container.restart.count", "only rises"),
        ("    runbook: somewhere\n", "", "3 warning: full: no runbook"),
        ("rules:", "rule:", "error: rule: Extra inputs"),
        (
            "    severity",
            "    name: other\n    severity",
            "4 error: no YAML: the key 'name' stands here again, first in line 3",
        ),
        ("utilization}", "utilization, groups: [web]}", "5 note: full: the file has no group web: only"),
        ("above, level: 0.9", "deviates, by: 1", "it can never hold: values lie between 0 and 1, none is further"),
        ("above, level: 0.9", "deviates", "6 error: full: condition.deviates: `by` or `by_ratio` must say"),
        ("above, level: 0.9", "deviates, by: 1, clear_by: 2", "it must clear nearer to the baseline than it holds"),
    ],
)
def test_what_is_wrong_is_found_on_its_line(old: str, new: str, expected: str) -> None:
    assert any(expected in one for one in found(old, new)), found(old, new)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("{kind: status, when: {status: broken}}", "it can never hold: no status of container.status_changed matches"),
        ("{kind: status, when: {status: failed}, clear: {status: fine}}", "it can never clear"),
        ("{kind: status, when: {status: '.*'}}", "it can never clear: every"),
        ("{kind: status, when: {what: started}}", "say how long it `lasts`"),
        ("{kind: status, when: {state: failed}}", "has no field 'state'"),
        ("{kind: above, level: 1}", "is about a metric"),
    ],
)
def test_status_that_never_comes_is_found(condition: str, expected: str) -> None:
    text = GOOD.replace("{metric: system.filesystem.utilization}", EVENT).replace("{value}", "{label.entity}")
    text = text.replace("{kind: above, level: 0.9}", condition)
    messages = [one.message for one in check(text, where="a").findings]
    assert any(expected in one for one in messages), messages


def test_a_combination_over_two_topics_is_refused() -> None:
    parts = [
        {"select": {"metric": "system.uptime"}, "condition": {"kind": "above", "level": 1}},
        {"select": {"event": "device.status_changed"}, "condition": {"kind": "status", "when": {"status": "offline"}}},
    ]
    rule = yaml.safe_load(GOOD)["rules"][0] | {"condition": {"kind": "and", "parts": parts}}
    del rule["select"]
    messages = [one.message for one in check(yaml.safe_dump({"revision": 1, "rules": [rule]}), where="a").findings]
    assert any("one derivation reads one topic" in one for one in messages), messages


def test_groups_are_those_of_the_file_and_part_of_the_meaning() -> None:
    document = yaml.safe_load(GOOD)
    document["rules"][0]["select"]["groups"] = ["nas"]
    (rule,) = RuleSet.model_validate(document).rules
    assert rule.meaning({}) != rule.meaning({"nas": "nas-.*"})
    (rule,) = RuleSet.model_validate(document | {"groups": {"nas": "nas-.*"}}).rules
    assert rule.meaning({"nas": "nas-.*"}) != rule.meaning({"nas": "san-.*"})


def test_a_group_that_is_not_of_the_file_may_be_a_slip_of_the_pen() -> None:
    text = GOOD.replace("utilization}", "utilization, groups: [web]}").replace("rules:", "groups: {webs: '.*'}\nrules:")
    (one,) = check(text, where="a").findings
    assert (one.line, one.level) == (6, "warning")
    assert "no group web; did you mean webs?" in one.message


def test_a_window_costs_more_than_the_last_value() -> None:
    rules = {rule.name: cost_of(rule) for rule in load_rules(SHIPPED)[0].rules}
    assert rules["cpu_busy"].state_bytes == 0
    assert rules["filesystem_fills_soon"].state_bytes > 1000
    assert rules["filesystem_fills_soon"].microseconds > 10 * rules["cpu_busy"].microseconds


def test_the_shipped_rules_have_each_a_case_that_raises_it_and_a_runbook() -> None:
    names = {rule.name for rule in load_rules(SHIPPED)[0].rules}
    raised = {one.rule for case in shipped_cases() for one in case.expect if one.what == "raised"}
    sections = {line[3:] for line in (ROOT / "docs" / "runbooks.md").read_text().splitlines() if line.startswith("## ")}
    assert raised == names == sections
    assert {rule.runbook for rule in load_rules(SHIPPED)[0].rules} == {f"docs/runbooks.md#{name}" for name in names}


def shipped_cases() -> tuple[Case, ...]:
    return load_cases(ROOT / "tests/cases/rules/shipped.yaml").tests


def test_the_known_metrics_are_those_of_the_collectors_cases() -> None:
    emitted = set()
    for path in (ROOT / "tests" / "cases").glob("*/*/expected.json"):
        for line in _metrics_in(json.loads(path.read_text())):
            emitted.add(line.partition(" ")[0])
    assert emitted
    assert emitted - KNOWN.keys() == set()


def _metrics_in(document: Any) -> list[str]:
    """The samples of an expected answer: lines, below the type of each event; an error has none."""
    events = document if isinstance(document, list) else [document]
    data = [event.get("infrastructor.metric.collected.v1") for event in events if isinstance(event, dict)]
    return [line for one in data if isinstance(one, dict) for line in one["samples"]]


def test_the_nearest_known_name() -> None:
    assert nearest("system.cpu.utilisation") == "system.cpu.utilization"
    assert nearest("my.own.metric.of.something.else") is None


def test_every_field_of_every_status_event_can_be_asked_for() -> None:
    assert {known_values(event, "status") is not None for event in STATUS_EVENTS} == {True}


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ("device.status_changed", "failing"),
        ("config.changed", "diff"),
        ("config.changed", "differences"),
        ("pool.health_changed", "evidence"),
    ],
)
def test_fields_that_are_not_kept_cannot_be_asked_for(event: str, field: str) -> None:
    with pytest.raises(ValueError, match=f"{event} has no field '{field}': ") as refused:
        known_values(event, field)
    assert field not in str(refused.value).partition(": ")[2]


@pytest.mark.parametrize(
    ("notation", "values"),
    [
        ("1", [1]),
        ("0.1x2 _ 5", [0.1, 0.1, None, 5]),
        ("0.9+0.01x3", [0.9, 0.91, 0.92]),
        ("5-2x3 _x2", [5, 3, 1, None, None]),
        ("-1e3x2", [-1000, -1000]),
        ("", []),
    ],
)
def test_values_over_time(notation: str, values: list[float | None]) -> None:
    assert values_over_time(notation) == values


@pytest.mark.parametrize("notation", ["x3", "1+", "1x", "nan", "_+1x3", "1x999999999"])
def test_what_is_no_notation_is_refused(notation: str) -> None:
    with pytest.raises(ValueError, match="values"):
        values_over_time(notation)


def test_names_of_series() -> None:
    assert series_of('a.b{c=d e, f="x,\\"y}"}') == ("a.b", {"c": "d e", "f": 'x,"y}'})
    for wrong in ("A", "a{b}", "a{b=c", 'a{b="c}'):
        with pytest.raises(ValueError, match=r"no series|no label"):
            series_of(wrong)


def test_what_differs_from_a_test_is_said() -> None:
    case = Case.model_validate(
        {
            "name": "a",
            "series": {"system.filesystem.utilization{m=a}": "0.95x2"},
            "expect": [
                {"at": 0, "what": "raised", "rule": "full", "labels": {"m": "b"}, "annotations": {"summary": "?"}},
                "10 cleared full",
            ],
        }
    )
    assert list(differences(case, yaml.safe_load(GOOD))) == [
        "0 raised full: labels is {'m': 'a'}, expected {'m': 'b'}",
        "0 raised full: summary is '0.95', expected '?'",
        "missing:      10 cleared full",
    ]
    nothing = case.model_copy(update={"expect": ()})
    assert list(differences(nothing, yaml.safe_load(GOOD))) == ["not expected: 0 raised full {'m': 'a'}"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rules: a\ntests: [{name: x, series: {a: x3}, expect: []}]", "x: series: .*no values over time"),
        ("rules: a\ntests: [{name: x, series: {a: 1}, expect: [soon]}]", "x: expect.0: .*960 raised"),
        ("rules: a\ntests: [{name: x, expect: []}]", "x: : .*`series` or `events`"),
        ("rules: a\ntests: []", "tests: "),
        ("[", "cannot be read"),
    ],
)
def test_what_is_wrong_with_a_file_of_tests_is_named(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "cases.yaml"
    path.write_text(text)
    with pytest.raises(InputInvalid, match=message):
        load_cases(path)


@pytest.mark.parametrize(
    "event", [{"event": "no.such"}, {"event": "container.status_changed", "status": "none", "entity": "a"}]
)
def test_an_event_that_cannot_be_is_refused(event: dict[str, Any]) -> None:
    case = Case.model_validate({"name": "a", "events": [{"at": 0, **event}], "expect": []})
    with pytest.raises(InputInvalid, match="a: "):
        list(differences(case, yaml.safe_load(GOOD)))
