"""rules.yaml: what is accepted, and how what is wrong is named."""

from pathlib import Path
from typing import Any

import pytest

from runtime.errors import InputInvalid
from streams.alerts.rules import load_rules, read_rules
from streams.documents import document_hash

SHIPPED = Path(__file__).parents[3] / "rules.yaml"

GOOD = """
revision: 3
rules:
  - name: full
    severity: warning
    select: {metric: disk.utilization, labels: {mode: rw}, labels_match: {mount: "/.*"}, devices: "web-.*"}
    condition: {kind: above, level: 0.9, clear: 0.8}
    for: 5m
    clear_for: 90
    annotations: {summary: "{device} {value|percent} {label.mount}"}
"""


def test_the_shipped_rules_are_valid_and_each_says_what_to_do() -> None:
    rules, document = load_rules(SHIPPED)
    assert len(rules.rules) >= 8
    assert all(rule.runbook for rule in rules.rules)
    assert document["revision"] == rules.revision


def test_the_hash_is_of_the_content_and_not_of_the_form() -> None:
    _, document = read_rules(GOOD, where="a")
    _, again = read_rules(
        "# other\n" + GOOD.replace("{metric: disk.utilization, ", "{ metric: disk.utilization,  "), where="a"
    )
    assert document_hash(document) == document_hash(again)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("kind: above", "kind: beyond", "rules.full.condition"),
        ("clear: 0.8", "clear: 0.95", "clear (0.95) must not be above the level (0.9)"),
        ("for: 5m", "for: soon", "rules.full.for: "),
        ("{value|percent}", "{worth}", "there is no field {worth}"),
        ("{value|percent}", "{value|miles}", "there is no form 'miles'"),
        ("{value|percent}", "{value", "without its pair"),
        ('"/.*"', '"/["', "no regular expression"),
        ("severity: warning", "severity: grave", "rules.full.severity"),
        ("revision: 3", "revison: 3", "revision: Field required"),
        ("    for: 5m", "    fur: 5m", "rules.full.fur"),
        ("kind: above, level: 0.9, clear: 0.8", "kind: absent, after: 5m", "has `after`, and none of"),
        ("revision: 3", "revision: 3\n- 4", "is no YAML"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(old: str, new: str, message: str) -> None:
    with pytest.raises(InputInvalid) as raised:
        read_rules(GOOD.replace(old, new), where="rules.yaml")
    assert "rules.yaml" in raised.value.message
    assert message in raised.value.message


@pytest.mark.parametrize("text", ["", "[]", "just text"])
def test_a_file_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(InputInvalid, match="must be a mapping"):
        read_rules(text, where="rules.yaml")


def test_two_rules_of_one_name_are_refused() -> None:
    _, document = read_rules(GOOD, where="a")
    twice: dict[str, Any] = document | {"rules": document["rules"] * 2}
    with pytest.raises(InputInvalid, match="two rules named full"):
        read_rules(str(twice), where="a")


def test_a_missing_file_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(InputInvalid, match="INFRASTRUCTOR_STREAMS__RULES_FILE"):
        load_rules(tmp_path / "none.yaml")
