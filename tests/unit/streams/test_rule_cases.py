"""The cases of tests/cases/rules: values over time in, alerts out, through the real cores."""

from pathlib import Path

import pytest

from streams.alerts.rules import load_rules
from streams.rulecheck.cases import Case, load_cases
from streams.rulecheck.trial import differences

FOLDER = Path(__file__).parents[2] / "cases" / "rules"
FILES = [load_cases(path) for path in sorted(FOLDER.glob("*.yaml")) if not path.stem.endswith("-rules")]
CASES = [(case, FOLDER / file.rules) for file in FILES for case in file.tests]


@pytest.mark.parametrize(("case", "rules"), CASES, ids=[case.name for case, _ in CASES])
def test_case(case: Case, rules: Path) -> None:
    assert list(differences(case, load_rules(rules)[1])) == []
