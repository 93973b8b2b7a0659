"""PostgreSQL: what every connection has, those of the write path (psycopg), errors in our words.

Engines for queries, on the same options, are in `runtime.engines`: the write path does without SQLAlchemy.
"""

import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from runtime.backoff import Backoff
from runtime.clock import Clock, SystemClock
from runtime.errors import DatabaseRefused, DatabaseUnavailable, InfrastructorError
from runtime.settings.database import PostgresSettings

WAITS = Backoff(first_s=0.3, longest_s=10.0)

# A peer that vanished without a word is noticed after 10 + 3 * 5 s, also while we wait for its answer.
KEEPALIVE = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}

# Class 28: who we are; 3D000: the database is not there; 42501: not permitted (PostgreSQL, appendix A).
_NOT_PERMITTED = "42501"
_REFUSED_STATE = re.compile(rf"^(28...|3D000|{_NOT_PERMITTED})$")
# Classes 08: connection; 57P: shutdown, starting up; 53: insufficient resources.
_AWAY = ("08", "57P")
_LACKING = "53"
# Another try can do better: time limits of transaction and statement, serialization, deadlock, lock not available.
_NOT_NOW = frozenset({"25P03", "25P04", "57014", "40001", "40P01", "55P03"})
# While connecting, libpq gives no SQLSTATE, only the server's sentence.
_REFUSED_TEXT = re.compile(
    r"authentication failed|no password supplied|pg_hba\.conf|(role|database) \".*\" does not exist|permission denied"
    r"|is not permitted to log in|certificate|server does not support SSL",
)


def options(settings: PostgresSettings, application: str) -> dict[str, Any]:
    """Return libpq's connection parameters: the URL's or the single settings, with time limits and keepalives.

    Every session has TimeZone UTC, jit off (short statements only lose by it), `statement_timeout` and
    `idle_in_transaction_session_timeout`.
    """
    session = {
        "TimeZone": "UTC",
        "jit": "off",
        "statement_timeout": int(settings.statement_timeout_s * 1000),
        "idle_in_transaction_session_timeout": int(settings.idle_in_transaction_timeout_s * 1000),
    }
    given = _address(settings)
    ours = " ".join(f"-c {name}={value}" for name, value in session.items())
    # What the URL says itself wins: later options override earlier ones.
    given["options"] = f"{ours} {given['options']}" if given.get("options") else ours
    extra = {name: getattr(settings, name) for name in ("sslmode", "sslrootcert", "sslcert", "sslkey")}
    return (
        {"connect_timeout": settings.connect_timeout_s, "application_name": application, **KEEPALIVE}
        | given
        | {name: str(value) for name, value in extra.items() if value is not None}
    )


async def connect(
    settings: PostgresSettings, application: str, *, autocommit: bool = False
) -> "psycopg.AsyncConnection[tuple[Any, ...]]":
    """Return a connection, tried once. Raises DatabaseUnavailable, DatabaseRefused."""
    conninfo = make_conninfo(**options(settings, application))
    with translated(settings, operation="connect"):
        return await psycopg.AsyncConnection.connect(conninfo, autocommit=autocommit)


def _say_nothing(_: InfrastructorError) -> None:
    pass


async def connect_patiently(
    settings: PostgresSettings,
    application: str,
    *,
    patience_s: float | None,
    autocommit: bool = False,
    waiting: Callable[[InfrastructorError], None] = _say_nothing,
    clock: Clock | None = None,
) -> "psycopg.AsyncConnection[tuple[Any, ...]]":
    """Return a connection, tried until patience ends (None: for ever); a refusal is raised at once.

    The policy is the one for Kafka: commands give up after `patience_s`, services wait and tell `waiting` why.
    """
    clock = clock or SystemClock()
    patience = Patience(patience_s, began=clock.monotonic(), waiting=waiting)
    while True:
        try:
            return await connect(settings, application, autocommit=autocommit)
        except DatabaseUnavailable as error:
            wait_s = patience.wait_s(error, now=clock.monotonic())
        await clock.sleep(wait_s)


@dataclass(slots=True)
class Patience:
    """How long a database that is away is waited for; times by a monotonic clock, seconds."""

    patience_s: float | None
    began: float
    waiting: Callable[[InfrastructorError], None] = _say_nothing
    failed: int = 0

    def wait_s(self, error: DatabaseUnavailable, *, now: float) -> float:
        """Return how long to wait before the next try, and tell; raises `error` when patience would end before it."""
        self.failed += 1
        wait_s = WAITS.wait_s(self.failed, random.random())  # noqa: S311 - spreads retries, no secret
        if self.patience_s is not None and now + wait_s > self.began + self.patience_s:
            raise error
        self.waiting(error)
        return wait_s


@contextmanager
def translated(settings: PostgresSettings, *, operation: str) -> Iterator[None]:
    """Turn the driver's connection and permission errors in the block into ours; others pass as they are."""
    try:
        yield
    except psycopg.Error as error:
        ours = translate(error, settings, operation=operation)
        if ours is None:
            raise
        raise ours from error


def translate(error: psycopg.Error, settings: PostgresSettings, *, operation: str) -> InfrastructorError | None:
    """Return DatabaseRefused (login, permission) or DatabaseUnavailable (away, busy, out of time), else None."""
    state = error.sqlstate or ""
    reason = _reason(error)
    where = masked_url(settings)
    if _REFUSED_STATE.match(state) or (not state and _REFUSED_TEXT.search(str(error))):
        advice = f"check {_variables(settings)}, and that the role and the database exist"
        if state == _NOT_PERMITTED:
            advice = f"log in as a role that may do this ({_variables(settings)}; docs/database.md, Roles)"
        message = f"the database at {where} refused ({reason}): {advice}"
        return DatabaseRefused(message, operation=operation, sqlstate=state)
    if state.startswith(_LACKING):
        message = f"the database at {where} lacks resources ({reason}): give it disk, memory or connections"
        return DatabaseUnavailable(message, operation=operation, sqlstate=state)
    no_connection = not state and isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    if no_connection or state.startswith(_AWAY):
        advice = f"check that it runs, and {_variables(settings)}"
        message = f"the database at {where} cannot be reached ({reason}): {advice}"
        return DatabaseUnavailable(message, operation=operation, sqlstate=state)
    if state in _NOT_NOW:
        message = f"the database at {where} could not finish it now ({reason})"
        return DatabaseUnavailable(message, operation=operation, sqlstate=state)
    return None


def masked_url(settings: PostgresSettings) -> str:
    """Return the database's address for people and logs: no password, no parameters."""
    given = _address(settings)
    host = str(given.get("host", "localhost"))
    shown = quote(host, safe="") if host.startswith("/") else f"[{host}]" if ":" in host else host
    user = quote(str(given.get("user", "")), safe="")
    login = f"{user}@" if user else ""
    return f"postgresql://{login}{shown}:{given.get('port', 5432)}/{given.get('dbname', '')}"


def _address(settings: PostgresSettings) -> dict[str, Any]:
    if settings.url is not None:
        return dict(conninfo_to_dict(settings.url.get_secret_value()))
    address: dict[str, Any] = {
        "host": settings.host,
        "port": settings.port,
        "user": settings.user,
        "dbname": settings.name,
    }
    if settings.password is not None:
        address["password"] = settings.password.get_secret_value()
    return address


def _variables(settings: PostgresSettings) -> str:
    if settings.url is not None:
        return settings.variable("url")
    return ", ".join(settings.variable(field) for field in ("host", "port", "user", "password", "name"))


def _reason(error: psycopg.Error) -> str:
    """Return the server's or libpq's sentence, without its prefix of address and severity."""
    if error.sqlstate and error.diag.message_primary:
        # The whole text goes on with the statement and a caret below what is meant.
        return error.diag.message_primary.rstrip(".")
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = lines[-1] if lines else type(error).__name__
    # libpq ends with a hint ("Is the server running on that host ...?") that we give in our own words.
    for line in lines:
        found = re.search(r"(?:FATAL|ERROR):\s+(.*)$|failed: (.*)$", line)
        if found:
            told = found[1] or found[2]
            break
    return told.rstrip(".")
