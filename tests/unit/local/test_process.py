"""Children: ended in order or killed, gone with their parent, and errors that show the end of the log."""

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from deploy.local.errors import LocalStackFailed
from deploy.local.process import Child, Launch, await_ready, dies_with_parent, tail

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
)


def _launch(tmp_path: Path, code: str) -> Launch:
    return Launch(name="thing", argv=(sys.executable, "-c", code), cwd=tmp_path, log=tmp_path / "log" / "thing.log")


def test_a_child_is_asked_to_end(tmp_path: Path) -> None:
    child = Child(_launch(tmp_path, "import time; time.sleep(60)"))
    assert child.alive()
    assert child.stop(within=5)
    assert not child.alive()
    assert child.stop(within=5), "stopping twice does nothing"


def test_a_child_that_does_not_listen_is_killed_in_time(tmp_path: Path) -> None:
    launch = _launch(tmp_path, STUBBORN)
    child = Child(launch)
    await_ready(launch, lambda: tail(launch.log, lines=1) == ["ready"], alive=child.alive, within=10)
    begun = time.monotonic()
    assert not child.stop(within=0.2)
    assert time.monotonic() - begun < 2
    assert not child.alive()


def test_a_child_that_ends_while_starting_is_reported_with_its_last_words(tmp_path: Path) -> None:
    launch = _launch(tmp_path, "print('first'); raise SystemExit('no disk left')")
    child = Child(launch)
    with pytest.raises(LocalStackFailed, match=r"thing ended while starting; its log .*first \| no disk left"):
        await_ready(launch, lambda: False, alive=child.alive, within=10)


def test_a_child_that_never_answers_is_reported_after_its_time(tmp_path: Path) -> None:
    launch = _launch(tmp_path, "import time; time.sleep(60)")
    child = Child(launch)
    with pytest.raises(LocalStackFailed, match=r"did not answer in 0 s; .* it wrote nothing"):
        await_ready(launch, lambda: False, alive=child.alive, within=0.2)
    child.kill()


def test_a_large_log_is_put_aside_at_the_next_start(tmp_path: Path) -> None:
    launch = _launch(tmp_path, "print('new')")
    launch.log.parent.mkdir()
    launch.log.write_bytes(b"old\n" * 2_000_000)
    child = Child(launch)
    while child.alive():
        time.sleep(0.01)
    assert tail(launch.log, lines=3) == ["new"]
    assert tail(launch.log.with_name("thing.log.1"), lines=1) == ["old"]


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs util-linux's setpriv")
def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    argv = dies_with_parent((sys.executable, "-c", "import time; time.sleep(60)", str(tmp_path)), by=signal.SIGTERM)
    code = f"import subprocess, time; print(subprocess.Popen({list(argv)!r}).pid, flush=True); time.sleep(60)"
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    # Only once setpriv has become the program is the signal asked for.
    while sys.executable not in child.cmdline()[:1]:
        time.sleep(0.01)
    parent.kill()
    parent.communicate()
    child.wait(5)
