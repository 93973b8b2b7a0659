"""What a killed run left is ended, and nothing else is."""

import signal
import subprocess
import sys
from pathlib import Path

from deploy.local.leftovers import Mark, end_headless, end_leftovers

SLEEP = "import time; time.sleep(60)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
)


def _python(code: str, argument: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code, argument], stdout=subprocess.PIPE, text=True)


def _mark(argument: str) -> Mark:
    return Mark(Path(sys.executable).name, argument, signal.SIGTERM)


def test_a_process_that_bears_the_mark_is_ended_and_its_neighbour_is_not(tmp_path: Path) -> None:
    ours, other = _python(SLEEP, str(tmp_path / "a")), _python(SLEEP, str(tmp_path / "ab"))
    try:
        assert end_leftovers([_mark(str(tmp_path / "a"))], within=5) == [ours.pid]
        assert ours.wait(5) == -signal.SIGTERM
        assert other.poll() is None
    finally:
        other.kill()
        for process in (ours, other):
            process.communicate()


def test_another_program_with_the_same_argument_is_left_alone(tmp_path: Path) -> None:
    reader = _python(SLEEP, str(tmp_path))
    try:
        assert end_leftovers([Mark("postgres", str(tmp_path), signal.SIGINT)], within=1) == []
        assert reader.poll() is None
    finally:
        reader.kill()
        reader.communicate()


def test_a_process_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    ours = _python(STUBBORN, str(tmp_path))
    assert ours.stdout is not None
    assert ours.stdout.readline() == "ready\n"
    assert end_leftovers([_mark(str(tmp_path))], within=0.3) == [ours.pid]
    assert ours.wait(5) == -signal.SIGKILL
    ours.communicate()


def test_processes_of_other_programs_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    shell = subprocess.Popen([sys.executable, "-c", SLEEP], cwd=tmp_path)
    try:
        assert end_headless(tmp_path, main=Mark("postgres", str(tmp_path), signal.SIGINT), within=1) == []
        assert shell.poll() is None
    finally:
        shell.kill()
        shell.wait()
