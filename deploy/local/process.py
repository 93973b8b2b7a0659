"""One child process: how it is started, asked to end, and ended."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.errors import LocalStackFailed

_POLL_SECONDS = 0.02
_LOG_KEPT_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start one child: argument vector, working folder, log file, and the signal that asks it to end."""

    name: str
    argv: tuple[str, ...]
    cwd: Path
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM


def dies_with_parent(argv: tuple[str, ...], *, by: signal.Signals, prefix: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Change `argv` so that the kernel sends `by` when the starting *thread* ends (prctl(2), PR_SET_PDEATHSIG).

    Start such a child from a thread that stays, in practice the main thread. `prefix`: a call of `setpriv` that
    changes the user too; that clears the signal, so both must be asked for at once. Without util-linux's `setpriv`
    (not Linux) the child is started as it is.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return argv
    return (*(prefix or (setpriv,)), "--pdeathsig", by.name.removeprefix("SIG"), *argv)


class Child:
    """A started process in a session of its own, so that a Ctrl-C at the terminal does not reach it."""

    def __init__(self, launch: Launch) -> None:
        self.launch = launch
        launch.log.parent.mkdir(parents=True, exist_ok=True)
        _rotate(launch.log)
        with launch.log.open("ab") as log:
            self._process = subprocess.Popen(
                launch.argv,
                cwd=launch.cwd,
                env={**os.environ, **launch.env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Process id, still valid after the end."""
        return self._process.pid

    def alive(self) -> bool:
        """Tell whether it runs; reaps it when it has ended."""
        return self._process.poll() is None

    def stop(self, *, within: float) -> bool:
        """Ask it to end and wait up to `within` seconds, then kill it. False when it had to be killed. Repeatable."""
        if not self.alive():
            return True
        self._process.send_signal(self.launch.stop_signal)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(within)
            return True
        self.kill()
        return False

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self._process.kill()
        self._process.wait()


def await_ready(launch: Launch, ready: Callable[[], bool], *, alive: Callable[[], bool], within: float) -> None:
    """Block until `ready()`, at most `within` seconds and only while `alive()`. Raises LocalStackFailed."""
    deadline = time.monotonic() + within
    while not ready():
        if not alive():
            raise LocalStackFailed(_ended(launch, "ended while starting"), operation=f"start {launch.name}")
        if time.monotonic() > deadline:
            raise LocalStackFailed(
                _ended(launch, f"did not answer in {within:.0f} s"), operation=f"start {launch.name}"
            )
        time.sleep(_POLL_SECONDS)


def tail(path: Path, *, lines: int) -> list[str]:
    """Last lines of a log that is not empty; none when there is no such file."""
    try:
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - 16_384))
            text = log.read().decode(errors="replace")
    except FileNotFoundError:
        return []
    return [line for line in text.splitlines() if line.strip()][-lines:]


def _ended(launch: Launch, what: str) -> str:
    last = " | ".join(tail(launch.log, lines=3)) or "it wrote nothing"
    return f"{launch.name} {what}; its log {launch.log} ends with: {last}"


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > _LOG_KEPT_BYTES:
        log.replace(log.with_suffix(log.suffix + ".1"))
