"""The pipeline as real processes that a test kills and starts again."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Role:
    """One process of the pipeline: its command, its log, how often it was killed."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    kills: int = 0
    left: list[int] = field(default_factory=list)
    """Exit codes of those that ended without being asked to."""

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.argv, env={**os.environ, **self.environment}, stdout=log, stderr=log, cwd=ROOT
            )

    def tend(self) -> None:
        """Start it again when it ended by itself, as a supervisor would."""
        if self.process is not None and self.process.poll() is not None:
            self.left.append(self.process.returncode)
            self.start()

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.kills += 1

    def stop(self, timeout: float) -> int:
        """Ask it to end; its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def end(self) -> None:
        """Whatever happened before, it is gone."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def tail(self, lines: int = 15) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def role(name: str, arguments: tuple[str, ...], environment: Mapping[str, str], folder: Path) -> Role:
    """A role that runs a Python module or the command line."""
    return Role(name, (sys.executable, *arguments), environment, folder / f"{name}.log")


def run(arguments: tuple[str, ...], environment: Mapping[str, str]) -> str:
    """Run one command of `infrastructor` to its end; fails the test with what it said."""
    done = subprocess.run(
        (sys.executable, "-m", "cli.main", *arguments),
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, f"{arguments}: {done.stderr}"
    return done.stdout


def wait_until(what: str, condition: object, *, timeout: float, roles: tuple[Role, ...] = ()) -> None:
    """Poll a condition; on time-out fail with what the processes said last."""
    assert callable(condition)
    deadline = time.monotonic() + timeout
    while not condition():
        for one in roles:
            one.tend()
        said = "\n".join(f"--- {one.name}\n{one.tail()}" for one in roles)
        assert time.monotonic() < deadline, f"not within {timeout:g} s: {what}\n{said}"
        time.sleep(0.3)
