"""`infrastructor collectors` and how `collect` shows what was seen."""

import json

import pytest
from click.testing import CliRunner

from cli.collectors import contract_of, example_in
from cli.main import build_cli
from cli.observed import as_table
from collectors.catalog import NAMES, named_look
from collectors.settings import AgentSettings


def run(*arguments: str, **variables: str) -> str:
    result = CliRunner().invoke(build_cli(), ["collectors", *arguments], env=variables)
    assert result.exit_code == 0, result.output
    return result.output


def test_all_are_listed_with_what_they_cost() -> None:
    lines = run("list").splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(NAMES)
    assert "drives" in run("list", INFRASTRUCTOR_AGENT__COLLECTORS="system")
    off = {
        one["name"]: one["on"]
        for one in json.loads(run("list", "--json", INFRASTRUCTOR_AGENT__COLLECTORS="zfs"))["collectors"]
    }
    assert [name for name, on in off.items() if on] == ["zfs"]


def test_one_is_shown_with_its_command_its_contract_and_an_example() -> None:
    text = run("show", "drives")
    assert "smartctl --scan-open -j" in text
    assert "collectors/drives/README.md" in text
    assert '"smartctl_version"' in text
    shown = json.loads(run("show", "system", "--json"))
    assert shown["freshness_seconds"] == 30
    assert "/proc/stat" in shown["files"]


@pytest.mark.parametrize("name", NAMES)
def test_each_contract_is_there_and_has_an_example(name: str) -> None:
    contract = contract_of(named_look(name, AgentSettings()))
    assert contract.is_file()
    assert example_in(contract), f"{contract} has no example, and names none"


def test_a_table_of_what_was_seen_moves_no_cursor() -> None:
    head = {"type": "infrastructor.drive.observed.v1", "subject": "nas-1", "time": "2026-01-01T00:00:00Z"}
    drives = head | {"data": {"drives": [{"id": "WD\x1b[2J1", "passed": True, "wwn": None}]}}
    sample = {"name": "hw.temperature", "value": 29.5, "unit": "Cel", "labels": {"hw.id": "a"}}
    numbers = head | {"type": "infrastructor.metric.collected.v1", "data": {"samples": [sample]}}
    # What goes to two topics is two events, and one thing that was seen.
    assert list(as_table(json.dumps(event).encode() for event in (drives, numbers, numbers | {"sequence": 7}))) == [
        "drive.observed nas-1 2026-01-01T00:00:00Z",
        "  drives[0].id      WD\ufffd[2J1",
        "  drives[0].passed  True",
        "metric.collected nas-1 2026-01-01T00:00:00Z",
        "  hw.temperature  29.5  Cel  hw.id=a",
    ]
