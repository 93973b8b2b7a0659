"""`infrastructor policies`: what it finds, and what it shows."""

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from cli.policies import policies

ROOT = Path(__file__).parents[3]


def test_the_shipped_file_is_good_and_shown_as_a_whole() -> None:
    done = CliRunner().invoke(policies, ["check"])
    assert done.exit_code == 0
    assert "policies.yaml: revision 1, sections: status, entities, notifications" in done.output
    shown = CliRunner().invoke(policies, ["show", str(ROOT / "policies.yaml")])
    whole = json.loads(CliRunner().invoke(policies, ["show", "--json"]).output)
    assert yaml.safe_load(shown.output) == whole
    assert whole["status"]["offline_after_intervals"] == 3


def test_mistakes_are_named_with_their_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "policies.yaml"
    path.write_text("revision: 1\nstatus:\n  flap_transitions: 1\nentity: {}\n")
    monkeypatch.setenv("INFRASTRUCTOR_STREAMS__POLICIES_FILE", str(path))
    for arguments in (["check"], ["check", str(path)]):
        done = CliRunner().invoke(policies, arguments)
        assert done.exit_code == 1
        assert f"{path}:3: error: status.flap_transitions: " in done.output
        assert f"{path}:4: error: entity: " in done.output
        assert "2 errors" in done.output


def test_a_receiver_that_has_no_sink_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "policies.yaml"
    path.write_text("revision: 7\nnotifications: {receivers: [gotify, gotfy, webhook]}\n")
    done = CliRunner().invoke(policies, ["check", str(path)])
    assert done.exit_code == 0
    assert [line for line in done.output.splitlines() if "note:" in line] == [
        f"{path}: note: no sink of Infrastructor tells 'gotfy': something else must, or nobody is told"
    ]


def test_what_is_shown_has_the_defaults_of_what_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "policies.yaml"
    path.write_text("revision: 7\nstatus: {flap_transitions: 9}\n")
    whole = yaml.safe_load(CliRunner().invoke(policies, ["show", str(path)]).output)
    assert whole["revision"] == 7
    assert (whole["status"]["flap_transitions"], whole["status"]["flap_stable_seconds"]) == (9, 300)
    assert whole["entities"]["wear_levels_percent"] == [80, 90, 100]


def test_what_is_shown_can_be_read_again_and_means_the_same(tmp_path: Path) -> None:
    path, again = tmp_path / "policies.yaml", tmp_path / "again.yaml"
    path.write_text(
        """
revision: 7
notifications:
  routes:
    - {name: all, receivers: [gotify], group_wait: 0.5, group_interval: 90s, repeat_after: {critical: 2h, info: null}}
  maintenance: [{name: backup, weekdays: [sun], dates: [2026-12-24], start: 03:05, duration: 1d}]
  quiet_hours: [{from: 22:00, to: "07:00"}]
"""
    )
    again.write_text(CliRunner().invoke(policies, ["show", str(path)]).output)
    route = yaml.safe_load(again.read_text())["notifications"]["routes"][0]
    assert (route["group_wait"], route["group_interval"]) == (0.5, "90s")
    assert route["repeat_after"] == {"critical": "2h", "info": None}
    shown = [json.loads(CliRunner().invoke(policies, ["show", "--json", str(one)]).output) for one in (path, again)]
    assert shown[0] == shown[1]


def test_to_repeat_at_every_tick_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "policies.yaml"
    for given in ("0s", "{info: 0}"):
        path.write_text(f"revision: 7\nnotifications: {{routes: [{{name: all, repeat_after: {given}}}]}}\n")
        done = CliRunner().invoke(policies, ["check", str(path)])
        assert done.exit_code == 1
        assert "null is never" in done.output
        assert done.output.endswith("1 error\n")
