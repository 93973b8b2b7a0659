"""The systemd units: systemd understands every line, and what they close stays closed."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[3] / "deploy/systemd"
UNITS = sorted(path.name for path in FOLDER.glob("*.service"))
COMMAND = "/opt/infrastructor/bin/infrastructor"

MOST_EXPOSED = {"infrastructor-agent.service": 2.0}
"""Exposure by `systemd-analyze security`, 0 to 10; the agent must see the machine, the others at most 1.5."""

analyze = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")


def settings(unit: str) -> list[tuple[str, str]]:
    """Return (name, value) of a unit's lines in order; a name may occur more than once."""
    lines = (FOLDER / unit).read_text().splitlines()
    return [(line.split("=", 1)[0], line.split("=", 1)[1]) for line in lines if re.match(r"^[A-Za-z]+=", line)]


def placed(tmp_path: Path, unit: str) -> Path:
    """Return a copy of a unit that runs a program which exists; of a template, one instance."""
    path = tmp_path / unit.replace("@", "@timescale")
    path.write_text((FOLDER / unit).read_text().replace(COMMAND, "/bin/true"))
    return path


def test_there_is_one_for_each_process() -> None:
    assert UNITS == ["infrastructor-agent.service", "infrastructor-sink@.service", "infrastructor-streams.service"]


@pytest.mark.parametrize("unit", UNITS)
def test_every_line_is_a_comment_a_section_or_a_setting(unit: str) -> None:
    for line in (FOLDER / unit).read_text().splitlines():
        assert re.match(r"^(#.*|\[(Unit|Service|Install)\]|[A-Za-z]+=.*|)$", line), line


@analyze
@pytest.mark.parametrize("unit", UNITS)
def test_systemd_has_nothing_to_say_against_it(tmp_path: Path, unit: str) -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(placed(tmp_path, unit))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@analyze
@pytest.mark.parametrize("unit", UNITS)
def test_little_is_left_open(tmp_path: Path, unit: str) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", str(placed(tmp_path, unit))],
        capture_output=True,
        text=True,
        check=True,
    )
    overall = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert overall is not None
    assert float(overall[1]) <= MOST_EXPOSED.get(unit, 1.5)


@pytest.mark.parametrize("unit", UNITS)
def test_it_drains_and_does_not_repeat_what_cannot_help(unit: str) -> None:
    found = dict(settings(unit))
    assert found["User"] == "infrastructor"
    assert int(found["TimeoutStopSec"]) > 10
    # sysexits(3): a wrong file, a refused login, a wrong setting.
    assert found["RestartPreventExitStatus"].split() == ["65", "76", "77", "78"]
    assert found["ExecStart"].startswith(COMMAND)
