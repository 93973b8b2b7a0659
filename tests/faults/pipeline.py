"""The pipeline as real processes that a test kills and starts again."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.broker import Broker
from tests.faults import oracle
from tests.faults.oracle import Seen

ROOT = Path(__file__).resolve().parents[2]
RULES = Path(__file__).parent / "rules.yaml"
TOPICS = (
    "infra.metrics",
    "infra.observations",
    "infra.collections",
    "infra.devices",
    "infra.status",
    "infra.alerts",
    "infra.notifications",
    "infra.dead-letters",
)


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


class Pipeline:
    """Agent, streams worker, sinks and broker; the database is the session's."""

    def __init__(self, folder: Path, broker: Broker, database: str) -> None:
        self.folder = folder
        self.broker = broker
        self.database = database
        self.broker_kills = 0
        self.environment = {
            "INFRASTRUCTOR_KAFKA__BOOTSTRAP_SERVERS": broker.bootstrap,
            "INFRASTRUCTOR_KAFKA__SESSION_TIMEOUT_S": "6",
            "INFRASTRUCTOR_KAFKA__HEARTBEAT_S": "2",
            "INFRASTRUCTOR_DATABASE__URL": database,
            "INFRASTRUCTOR_DATA_DIR": str(folder),
            "INFRASTRUCTOR_HTTP__ENABLED": "false",
            "INFRASTRUCTOR_STREAMS__RULES_FILE": str(RULES),
            "INFRASTRUCTOR_STREAMS__POLICIES_FILE": str(ROOT / "tests" / "policies_at_once.yaml"),
            "INFRASTRUCTOR_STREAMS__TICK_S": "1",
            "PYTHONPATH": str(ROOT),
        }
        self.agent = self._role("agent", ("-m", "tests.faults.load_agent", "--data", str(folder)))
        self.streams = self._role("streams", ("-m", "cli.main", "streams"))
        self.sink = self._role("sink", ("-m", "cli.main", "sink", "timescale"))
        self.gotify = self._role("gotify", ("-m", "cli.main", "sink", "gotify"))

    def _role(self, name: str, arguments: tuple[str, ...]) -> Role:
        return role(name, arguments, self.environment, self.folder)

    @property
    def roles(self) -> tuple[Role, ...]:
        return (self.agent, self.streams, self.sink, self.gotify)

    def kill_broker(self) -> None:
        self.broker.kill()
        time.sleep(random.uniform(0, 1))
        self.broker.start()
        self.broker_kills += 1

    def strike(self, target: str) -> None:
        if target == "broker":
            self.kill_broker()
            return
        one: Role = getattr(self, target)
        one.tend()
        one.kill()
        one.start()

    def topics(self) -> dict[str, list[Seen]]:
        return asyncio.run(oracle.read_topics(self.broker.bootstrap, TOPICS))

    def end(self) -> None:
        for one in self.roles:
            one.end()
