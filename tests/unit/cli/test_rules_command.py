"""`infrastructor rules`: what it prints, and how it ends."""

from pathlib import Path

from click.testing import CliRunner

from cli.rules import rules

ROOT = Path(__file__).parents[3]
RULES = """\
revision: 1
rules:
  - name: full
    severity: warning
    select: {metric: disk.full}
    condition: {kind: above, level: 0.9}
    annotations: {summary: full}
"""
CASES = "rules: rules.yaml\ntests: [{name: a, series: {disk.full: 1}, expect: [0 raised full]}]\n"


def test_check_names_the_line_and_ends_by_what_it_found(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    done = CliRunner().invoke(rules, ["check", str(path)])
    assert f"{path}:5: warning: full: no collector of this project emits disk.full" in done.output
    assert done.output.endswith("0 errors, 2 warnings\n")
    assert done.exit_code == 0
    assert CliRunner().invoke(rules, ["check", "--strict", str(path)]).exit_code == 1
    path.write_text(RULES.replace("warning", "grave"))
    done = CliRunner().invoke(rules, ["check", str(path)])
    assert f"{path}:4: error: full: severity" in done.output
    assert done.exit_code == 1


def test_check_shows_what_rules_cost() -> None:
    done = CliRunner().invoke(rules, ["check", "--cost", str(ROOT / "rules.yaml")])
    assert "a window of 21600 s, at most 60 samples, 2 conditions together" in done.output
    assert "0 errors, 0 warnings" in done.output


def test_test_says_which_failed_and_how(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(RULES)
    path = tmp_path / "cases.yaml"
    path.write_text(CASES)
    done = CliRunner().invoke(rules, ["test", str(path)])
    assert done.exit_code == 0
    assert done.output.startswith("1 passed, 0 failed in ")
    path.write_text(CASES.replace("0 raised", "10 raised"))
    done = CliRunner().invoke(rules, ["test", str(path)])
    assert done.exit_code == 1
    lines = [f"FAILED {path}: a", "       missing:      10 raised full", "       not expected: 0 raised full {}"]
    assert done.output.splitlines()[:3] == lines
