"""Children: ended in order or killed, gone with their parent, and errors that show the end of the log."""

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from deploy.local.errors import LocalStackFailed
from deploy.local.process import Child, await_ready, put_aside, tail
from runtime.supervise import ChildSpec

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
)
PARENT = """
import sys, time
from pathlib import Path
from deploy.local.process import Child
from runtime.supervise import ChildSpec
log = Path(sys.argv[1])
code = "import time; print('started', flush=True); time.sleep(60)"
child = Child(ChildSpec(name="thing", argv=(sys.executable, "-c", code)), log=log)
while not log.read_text():
    time.sleep(0.01)
print(child.pid, flush=True)
time.sleep(60)
"""


def _spec(tmp_path: Path, code: str) -> ChildSpec:
    return ChildSpec(name="thing", argv=(sys.executable, "-c", code), cwd=tmp_path)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log" / "thing.log"


def test_a_child_is_asked_to_end(tmp_path: Path, log: Path) -> None:
    child = Child(_spec(tmp_path, "import time; time.sleep(60)"), log=log)
    assert child.alive()
    assert child.stop(within=5)
    assert not child.alive()
    assert child.stop(within=5), "stopping twice does nothing"


def test_a_child_that_does_not_listen_is_killed_in_time(tmp_path: Path, log: Path) -> None:
    child = Child(_spec(tmp_path, STUBBORN), log=log)
    await_ready("thing", lambda: tail(log, lines=1) == ["ready"], alive=child.alive, log=log, within=10)
    begun = time.monotonic()
    assert not child.stop(within=0.2)
    assert time.monotonic() - begun < 2
    assert not child.alive()


def test_a_child_that_ends_while_starting_is_reported_with_its_last_words(tmp_path: Path, log: Path) -> None:
    child = Child(_spec(tmp_path, "print('first', flush=True); raise SystemExit('no disk left')"), log=log)
    with pytest.raises(LocalStackFailed, match=r"thing ended while starting; its log .*first \| no disk left"):
        await_ready("thing", lambda: False, alive=child.alive, log=log, within=10)


def test_a_child_that_never_answers_is_reported_after_its_time(tmp_path: Path, log: Path) -> None:
    child = Child(_spec(tmp_path, "import time; time.sleep(60)"), log=log)
    with pytest.raises(LocalStackFailed, match=r"did not answer in 0 s; .* it wrote nothing"):
        await_ready("thing", lambda: False, alive=child.alive, log=log, within=0.2)
    child.kill()


def test_a_large_log_is_put_aside(tmp_path: Path) -> None:
    log = tmp_path / "thing.log"
    log.write_bytes(b"old\n")
    put_aside(log)
    assert log.exists()
    log.write_bytes(b"old\n" * 2_000_000)
    put_aside(log)
    assert not log.exists()
    assert tail(tmp_path / "thing.log.1", lines=1) == ["old"]


def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path / "log")],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.communicate()
    # Where nobody collects orphans, it stays a zombie.
    deadline = time.monotonic() + 5
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.01)
