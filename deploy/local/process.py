"""One child process outside a supervisor: how it is started, asked to end, and ended."""

import contextlib
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from deploy.local.errors import LocalStackFailed
from runtime.supervise import ChildSpec, dying_with_us

_POLL_SECONDS = 0.02
_LOG_KEPT_BYTES = 4 * 1024 * 1024


class Child:
    """A started process in a session of its own, so that a Ctrl-C at the terminal does not reach it.

    It ends with the *thread* that made it (prctl(2), PR_SET_PDEATHSIG): make it in one that stays.
    """

    def __init__(self, spec: ChildSpec, *, log: Path) -> None:
        self._stop_signal = spec.stop_signal
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                dying_with_us(spec),
                cwd=spec.cwd,
                env={**os.environ, **spec.env},
                stdin=subprocess.DEVNULL,
                stdout=output,
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
        self._process.send_signal(self._stop_signal)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(within)
            return True
        self.kill()
        return False

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self._process.kill()
        self._process.wait()


def await_ready(name: str, ready: Callable[[], bool], *, alive: Callable[[], bool], log: Path, within: float) -> None:
    """Block until `ready()`, at most `within` seconds and only while `alive()`.

    Raises LocalStackFailed, whose message ends as the child's log does.
    """
    deadline = time.monotonic() + within
    while not ready():
        if not alive():
            raise LocalStackFailed(_ended(name, "ended while starting", log=log), operation=f"start {name}")
        if time.monotonic() > deadline:
            what = f"did not answer in {within:.0f} s"
            raise LocalStackFailed(_ended(name, what, log=log), operation=f"start {name}")
        time.sleep(_POLL_SECONDS)


def tail(path: Path, *, lines: int) -> list[str]:
    """Last lines of a log that are not empty; none when there is no such file."""
    try:
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - 16_384))
            text = log.read().decode(errors="replace")
    except FileNotFoundError:
        return []
    return [line for line in text.splitlines() if line.strip()][-lines:]


def put_aside(log: Path) -> None:
    """Rename a log above 4 MiB to `<name>.1`, in place of the one before: called before each start."""
    if log.exists() and log.stat().st_size > _LOG_KEPT_BYTES:
        log.replace(log.with_suffix(log.suffix + ".1"))


def _ended(name: str, what: str, *, log: Path) -> str:
    last = " | ".join(tail(log, lines=3)) or "it wrote nothing"
    return f"{name} {what}; its log {log} ends with: {last}"
