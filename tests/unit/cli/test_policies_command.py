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
