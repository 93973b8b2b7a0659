"""What benchmarks run on: a broker, a database, our processes as users start them, and the peers' interpreter."""

import asyncio
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psutil
import yaml
from pydantic import SecretStr

from deploy.local.broker import Broker
from deploy.local.database import DatabaseOptions, LocalPostgres
from runtime.kafka.admin import apply_topics
from runtime.kafka.catalog import default_catalog, load_catalog
from runtime.settings import KafkaSettings, PostgresSettings
from sinks.timescale import schema

T = TypeVar("T")
ROOT = Path(__file__).parents[1]
PEERS = ROOT / ".venv-peers" / "bin" / "python"
"""The interpreter that has the peers; `make bench` makes its environment from requirements/peers.txt."""


@dataclass(frozen=True, slots=True)
class Stack:
    """What was started: a folder, a broker, a database; `environment` tells our processes where they are."""

    folder: Path
    bootstrap: str
    url: str
    binaries: Path | None

    @property
    def environment(self) -> dict[str, str]:
        return {
            "INFRASTRUCTOR_KAFKA__BOOTSTRAP_SERVERS": self.bootstrap,
            "INFRASTRUCTOR_DATABASE__URL": self.url,
            "INFRASTRUCTOR_DATA_DIR": str(self.folder / "data"),
            "INFRASTRUCTOR_HTTP__ENABLED": "false",
            "INFRASTRUCTOR_LOG__LEVEL": "error",
        }

    @property
    def environment_of_process(self) -> dict[str, str]:
        """The environment of our processes with what all inherit."""
        return os.environ | self.environment

    def kafka(self, **changes: Any) -> KafkaSettings:
        return KafkaSettings(bootstrap_servers=(self.bootstrap,), **changes)

    @property
    def database(self) -> PostgresSettings:
        return PostgresSettings(url=SecretStr(self.url))


@contextmanager
def stack(*, kafka: bool = True, database: bool = True) -> Iterator[Stack]:
    """Start what is asked for, as it is shipped (fsync on); INFRASTRUCTOR_TEST_PG_BIN names another server."""
    # New topics have no leader for a moment, and clients say so each time they ask.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    named = os.environ.get("INFRASTRUCTOR_TEST_PG_BIN")
    binaries = Path(named) if named else None
    with ExitStack() as after:
        folder = Path(after.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        folder.chmod(0o755)
        bootstrap = url = ""
        if database:
            server = LocalPostgres(folder / "postgres", options=DatabaseOptions(binaries=binaries))
            server.start()
            after.callback(server.stop)
            url = server.url
            schema.migrate(PostgresSettings(url=SecretStr(url)))
        if kafka:
            broker = Broker(folder / "kafka")
            broker.start()
            after.callback(broker.stop)
            bootstrap = broker.bootstrap
        yield Stack(folder, bootstrap, url, binaries)


def topics(made: Stack, name: str, *, partitions: int | None = None) -> KafkaSettings:
    """Make all topics with changelogs of their own, the topics of devices with so many partitions."""
    document = yaml.safe_load(default_catalog().read_text())
    document["changelogs"]["app"] = f"infrastructor-streams-{name}"
    for topic in document["topics"]:
        if partitions is not None and topic["partitions"] > 1:
            topic["partitions"] = partitions
    path = made.folder / f"topics-{name}.yaml"
    path.write_text(yaml.safe_dump(document))
    settings = made.kafka(topics_file=path)
    asyncio.run(apply_topics(settings, load_catalog(settings)))
    return settings


@contextmanager
def running(
    *arguments: str, environment: Mapping[str, str], log: Path | None = None
) -> "Iterator[subprocess.Popen[bytes]]":
    """`infrastructor ...` as a process of its own, ended afterwards."""
    argv = [sys.executable, "-m", "cli.main", *arguments]
    with (log or Path(os.devnull)).open("ab") as out:
        process = subprocess.Popen(argv, cwd=ROOT, env=os.environ | environment, stdout=out, stderr=out)
    try:
        yield process
    finally:
        end(process)


def end(process: "subprocess.Popen[Any]") -> None:
    """Ask it to leave, and insist after a while."""
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(15)
            return
        process.kill()
        process.wait()


def peers_there() -> bool:
    """Whether the peers can be run; says it when not."""
    if PEERS.exists():
        return True
    print(f"  Quix Streams is not installed ({PEERS.parent.parent.name}; `make bench` makes it): left out", flush=True)
    return False


def peer(
    script: str, *arguments: str, interpreter: str | Path = PEERS, seconds: float = 300.0
) -> dict[str, Any] | None:
    """Run a script of a peer; return the JSON object that it printed last, None (and why) when it failed."""
    done = subprocess.run(
        [str(interpreter), "-W", "ignore", str(ROOT / "benchmarks" / "peers" / script), *arguments],
        capture_output=True, check=False, text=True, timeout=seconds,
    )  # fmt: skip
    if done.returncode:
        print(f"  {script} failed: {done.stderr.strip()[-600:]}", flush=True)
        return None
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def busy_s(process: "subprocess.Popen[Any]") -> float:
    """Processor time that a process has used, seconds."""
    times = psutil.Process(process.pid).cpu_times()
    return times.user + times.system


def server_busy_s(made: Stack) -> float:
    """Processor time that the database server has used, all its processes, also those that have ended."""
    pid = int((made.folder / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
    server = psutil.Process(pid)
    times = server.cpu_times()
    busy = times.user + times.system + times.children_user + times.children_system
    for child in server.children():
        with suppress(psutil.Error):
            times = child.cpu_times()
            busy += times.user + times.system
    return busy


def resident_mb(process: "subprocess.Popen[Any]") -> float:
    """Memory that a process holds, in MB; 0 when it is gone."""
    with suppress(psutil.Error):
        return psutil.Process(process.pid).memory_info().rss / 1e6
    return 0.0


def until(what: Callable[[], T], *, seconds: float, every: float = 0.02, why: str = "what was waited for") -> T:
    """Return what a function returns once that is true. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{why} did not come within {seconds:.0f} s")
        time.sleep(every)
    return found


def quantile(values: list[float], share: float) -> float:
    """The value below which that share of the values lies (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
