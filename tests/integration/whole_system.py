"""The whole system as a user starts it, `infrastructor up` on one folder, and what can be read of it from outside."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import psutil
import psycopg

from runtime.kafka.consumer import read_topics
from runtime.settings import KafkaSettings
from schemas.record import RawRecord

ROOT = Path(__file__).resolve().parents[2]
NOTHING: Mapping[str, str] = MappingProxyType({})
QUIET_RULES = "revision: 1\nrules: []\n"


class WholeSystem:
    """A context manager: it is up inside, and all of its processes are gone after."""

    def __init__(self, folder: Path, settings: dict[str, str], *, rules: str = QUIET_RULES) -> None:
        self.data_dir = folder / "data"
        self.written = folder / "written"
        """What processes print, one file each."""
        self.written.mkdir(parents=True)
        (folder / "rules.yaml").write_text(rules)
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "INFRASTRUCTOR_DATA_DIR": str(self.data_dir),
            "INFRASTRUCTOR_STREAMS__RULES_FILE": str(folder / "rules.yaml"),
            "INFRASTRUCTOR_AGENT__DEVICE_ID": "box",
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with (self.written / "up").open("wb") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "cli.main", "up", "--plain"],
                cwd=ROOT,
                env=self.environment,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        process = self._process
        assert process is not None
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if sys.exc_info()[0] is not None:
            print((self.written / "up").read_text(errors="replace")[-6000:])

    def run(
        self, name: str, *arguments: str, given: bytes = b"", more: Mapping[str, str] = MappingProxyType({})
    ) -> int:
        """Run `infrastructor ARGUMENTS`; what it prints is kept under `name`. Return the exit code."""
        where = {
            "INFRASTRUCTOR_KAFKA__BOOTSTRAP_SERVERS": ",".join(self.kafka.bootstrap_servers),
            "INFRASTRUCTOR_DATABASE__URL": self.database_url,
        }
        with (self.written / name).open("wb") as out:
            done = subprocess.run(
                [sys.executable, "-m", "cli.main", *arguments],
                cwd=ROOT,
                env={**self.environment, **where, **more},
                input=given,
                stdout=out,
                stderr=subprocess.STDOUT,
                check=False,
                timeout=60,
            )
        return done.returncode

    def printed(self, name: str) -> str:
        return (self.written / name).read_text(errors="replace")

    def until(self, what: str, true: Callable[[], Any], *, within: float = 60) -> Any:
        """Wait until it is true, and return what it was. Fail when the system ended."""
        deadline = time.monotonic() + within
        while not (found := true()):
            assert self._process is not None
            assert self._process.poll() is None, "it ended by itself"
            assert time.monotonic() < deadline, f"not within {within} s: {what}"
            time.sleep(0.2)
        return found

    @property
    def database_url(self) -> str:
        password = (self.data_dir / "postgres" / "password").read_text()
        return f"postgresql://infrastructor:{password}@127.0.0.1:{self._port('postgres')}/infrastructor"

    @property
    def kafka(self) -> KafkaSettings:
        return KafkaSettings(bootstrap_servers=(f"127.0.0.1:{self._port('kafka')}",))

    def _port(self, name: str) -> int:
        return int(json.loads((self.data_dir / "ports.json").read_text())[name])

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Return rows; none while the database or the table is not there yet."""
        try:
            with psycopg.connect(self.database_url) as connection:
                return connection.execute(statement.encode()).fetchall()
        except (OSError, psycopg.OperationalError, psycopg.errors.UndefinedTable):
            return []

    def has(self, count: int, statement: str) -> bool:
        """Tell whether there are so many rows."""
        return len(self.rows(statement)) >= count

    def records(self, *topics: str) -> list[RawRecord]:
        """Return what is in topics now."""

        async def read() -> list[RawRecord]:
            return [raw async for raw in read_topics(self.kafka, topics)]

        return asyncio.run(read())

    def pages(self) -> dict[str, str]:
        """Return /metrics, /healthz and /readyz of each process."""
        found: dict[str, str] = {}
        for process in psutil.process_iter():
            try:
                variables, command = process.environ(), process.cmdline()
            except psutil.Error:
                continue
            port = variables.get("INFRASTRUCTOR_HTTP__PORT")
            if variables.get("INFRASTRUCTOR_DATA_DIR") != str(self.data_dir) or port is None:
                continue
            for page in ("metrics", "healthz", "readyz"):
                name = " ".join([*command[command.index("cli.main") + 1 :], page])
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{page}", timeout=5) as answer:
                        found[name] = answer.read().decode()
                except urllib.error.HTTPError as error:
                    found[name] = error.read().decode()
        return found
