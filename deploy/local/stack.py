"""The local stack: broker and database of one data folder, locked, with ports that stay the same between starts.

<data>/lock         flock, with the process id of the holder
<data>/ports.json   the ports of the last start
<data>/kafka/       see broker.py
<data>/postgres/    see database.py
"""

import shlex
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from deploy.local.broker import Broker, BrokerOptions
from deploy.local.database import DATABASE, USER, DatabaseOptions, LocalPostgres
from deploy.local.errors import written_to
from deploy.local.leftovers import end_leftovers
from deploy.local.lock import DataLock
from deploy.local.ports import LOOPBACK, free_port, holder, is_free
from deploy.local.settings import LocalSettings
from runtime.errors import PortTaken
from runtime.settings import KafkaSettings, PostgresSettings
from runtime.supervise import ChildSpec

_LEFTOVER_SECONDS = 5.0


class Ports(BaseModel):
    """The ports of one data folder, as remembered in `ports.json`."""

    model_config = ConfigDict(frozen=True)

    kafka: int = Field(19092, ge=1, le=65535)
    controller: int = Field(19093, ge=1, le=65535)
    postgres: int = Field(15432, ge=1, le=65535)


class LocalStack:
    """Broker and database of one data folder. `open` it (lock and ports), then run it under a supervisor or `start`.

    Under a supervisor: `await supervisor.start(*stack.prepare())`, and `close` at the end. All methods block.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        settings: LocalSettings | None = None,
        database: DatabaseOptions | None = None,
        cache: Path | None = None,
    ) -> None:
        self.data_dir = data_dir.resolve()
        self.settings = settings or LocalSettings()
        self._lock = DataLock(self.data_dir)
        kafka = BrokerOptions(heap_mb=self.settings.kafka_heap_mb)
        ports = Ports()
        self.broker = Broker(
            self.data_dir / "kafka", port=ports.kafka, controller_port=ports.controller, cache=cache, options=kafka
        )
        self.postgres = LocalPostgres(self.data_dir / "postgres", port=ports.postgres, options=database)

    def open(self) -> list[int]:
        """Lock the folder, end what a killed run left, choose the ports; return the ids of what was ended.

        Raises AlreadyRunning, PortTaken, LocalStackFailed.
        """
        self._lock.acquire()
        try:
            ended = end_leftovers((self.broker.mark, self.postgres.mark), within=_LEFTOVER_SECONDS)
            with written_to(self.data_dir):
                ports = choose_ports(self.settings, _remembered(self._ports_file))
                self._ports_file.write_text(ports.model_dump_json() + "\n")
        except BaseException:
            self._lock.release()
            raise
        self.broker.port = ports.kafka
        self.broker.controller_port = ports.controller
        self.postgres.port = ports.postgres
        return ended

    def close(self) -> None:
        """Let go of the folder. Stop the servers first."""
        self._lock.release()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self.close()

    def prepare(self) -> tuple[ChildSpec, ChildSpec]:
        """Prepare broker and database at the same time; return how to start each. Raises LocalStackFailed."""
        with ThreadPoolExecutor(2) as pool:
            broker, postgres = pool.submit(self.broker.prepare), pool.submit(self.postgres.prepare)
            return broker.result(), postgres.result()

    def start(self) -> None:
        """Start both, and return when both answer. Raises LocalStackFailed, with nothing left running."""
        servers = (self.broker, self.postgres)
        specs = self.prepare()
        try:
            for server, spec in zip(servers, specs, strict=True):
                server.spawn(spec)
            for server in servers:
                server.wait_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop both at the same time, in order, each killed after 5 s. Nothing happens when they do not run."""
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda server: server.stop(), (self.broker, self.postgres)))

    @property
    def bootstrap(self) -> str:
        """Where Kafka's clients connect."""
        return self.broker.bootstrap

    @property
    def database_url(self) -> str:
        """Where the database is, password included: known once `prepare` has run."""
        return self.postgres.url

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables that point our processes at this stack; the password stays in its file."""
        database = {
            "host": LOOPBACK,
            "port": str(self.postgres.port),
            "user": USER,
            "name": DATABASE,
            "password_file": str(self.postgres.password_file),
        }
        kafka = {"bootstrap_servers": self.bootstrap}
        return {KafkaSettings.variable(field): value for field, value in kafka.items()} | {
            PostgresSettings.variable(field): value for field, value in database.items()
        }

    @property
    def psql(self) -> str:
        """A line to paste into a shell that opens the database; the password stays in its file."""
        program = shutil.which("psql") or str(self.postgres.binaries / "psql")
        where = f"-h {LOOPBACK} -p {self.postgres.port} -U {USER} {DATABASE}"
        return f"PGPASSFILE={shlex.quote(str(self.postgres.pgpass_file))} {shlex.quote(program)} {where}"

    @property
    def _ports_file(self) -> Path:
        return self.data_dir / "ports.json"


def choose_ports(settings: LocalSettings, last: Ports) -> Ports:
    """Take the ports that settings fix, else those of the last start where they are free, else free ones.

    Raises PortTaken for a fixed one that something else listens on.
    """
    kafka = _choose(settings, "kafka_port", last=last.kafka, taken=frozenset())
    postgres = _choose(settings, "postgres_port", last=last.postgres, taken=frozenset({kafka}))
    controller = _free(last.controller, taken=frozenset({kafka, postgres}))
    return Ports(kafka=kafka, controller=controller, postgres=postgres)


def _choose(settings: LocalSettings, field: str, *, last: int, taken: frozenset[int]) -> int:
    fixed: int | None = getattr(settings, field)
    if fixed is None:
        return _free(last, taken=taken)
    if fixed in taken or not is_free(fixed):
        by = holder(fixed) or ("the embedded broker" if fixed in taken else "another process")
        variable = LocalSettings.variable(field)
        raise PortTaken(
            f"port {fixed} is taken by {by}: stop it, set {variable} to another port, or unset it to take a free one",
            operation="choose ports",
            port=fixed,
        )
    return fixed


def _free(wanted: int, *, taken: frozenset[int]) -> int:
    return wanted if wanted not in taken and is_free(wanted) else free_port(besides=taken)


def _remembered(file: Path) -> Ports:
    try:
        return Ports.model_validate_json(file.read_text())
    except (FileNotFoundError, ValueError):
        # Never written, or cut short: the ports are chosen anew.
        return Ports()
