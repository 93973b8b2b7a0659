"""One process a data folder, and what a killed one left is ended."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.lock import DataLock, Mark, end_leftovers
from runtime.errors import AlreadyRunning

SLEEP = "import time; time.sleep(60)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
)


def _python(code: str, argument: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code, argument], stdout=subprocess.PIPE, text=True)


def _mark(argument: str) -> Mark:
    return Mark(Path(sys.executable).name, argument, signal.SIGTERM)


def test_a_second_lock_names_the_process_that_holds_the_first(data_dir: Path) -> None:
    with DataLock(data_dir), pytest.raises(AlreadyRunning, match=f"in use by process {os.getpid()}:"):
        DataLock(data_dir).acquire()


def test_a_released_lock_can_be_taken_again(data_dir: Path) -> None:
    for _ in range(2):
        with DataLock(data_dir):
            assert (data_dir / "lock").read_text() == f"{os.getpid()}\n"


def test_a_refused_lock_leaves_the_holders_number(data_dir: Path) -> None:
    with DataLock(data_dir):
        with pytest.raises(AlreadyRunning):
            DataLock(data_dir).acquire()
        assert (data_dir / "lock").read_text() == f"{os.getpid()}\n"


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
