"""Connections to a real PostgreSQL: what each session has, and what is told when it is away or refuses."""

from collections.abc import Callable
from urllib.parse import urlsplit

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from runtime.clock import ManualClock
from runtime.engines import engine
from runtime.errors import DatabaseRefused, DatabaseUnavailable, InfrastructorError
from runtime.postgres import connect, connect_patiently, masked_url, translate, translated
from runtime.settings import PostgresSettings
from tests.conftest import TestDatabase

pytestmark = pytest.mark.postgres


@pytest.fixture
def settings(postgres: TestDatabase) -> PostgresSettings:
    return PostgresSettings(url=SecretStr(postgres.url), idle_in_transaction_timeout_s=1, statement_timeout_s=7)


SHOWN = ("TimeZone", "jit", "statement_timeout", "idle_in_transaction_session_timeout", "application_name")
EXPECTED = ["UTC", "off", "7s", "1s", "infrastructor-test"]


async def test_every_session_has_its_limits(settings: PostgresSettings) -> None:
    async with await connect(settings, "infrastructor-test") as connection:
        found = [await (await connection.execute("SELECT current_setting(%s)", (name,))).fetchone() for name in SHOWN]
    assert [row[0] for row in found if row] == EXPECTED

    queries = engine(settings, "infrastructor-test")
    with queries.connect() as session:
        shown = [session.scalar(text("SELECT current_setting(:name)"), {"name": name}) for name in SHOWN]
    queries.dispose()
    assert shown == EXPECTED


async def test_single_settings_do_as_well_as_a_url(postgres: TestDatabase) -> None:
    parts = urlsplit(postgres.url)
    settings = PostgresSettings(
        host=parts.hostname or "",
        port=parts.port or 0,
        user=parts.username or "",
        password=SecretStr(parts.password) if parts.password else None,
        name=postgres.name,
    )
    async with await connect(settings, "test", autocommit=True) as connection:
        row = await (await connection.execute("SELECT current_database()")).fetchone()
    assert row == (postgres.name,)


async def test_a_transaction_that_is_forgotten_ends_and_is_told_as_away(settings: PostgresSettings) -> None:
    connection = await connect(settings, "test")
    await connection.execute("SELECT 1")
    # The server ends the session while nobody speaks; the next statement learns of it.
    async with await connect(settings, "watcher", autocommit=True) as watcher:
        await watcher.execute("SELECT pg_sleep(1.5)")
    with pytest.raises(DatabaseUnavailable, match="idle-in-transaction") as failed, translated(settings, operation="x"):
        await connection.execute("SELECT 1")
    assert failed.value.retryable
    await connection.close()


async def test_why_it_was_not_now_is_the_servers_sentence_not_its_caret(settings: PostgresSettings) -> None:
    async with await connect(settings, "a") as one, await connect(settings, "b") as other:
        await one.execute("CREATE TABLE held (n int)")
        await one.commit()
        await one.execute("LOCK TABLE held")
        await other.execute("SET lock_timeout = '20ms'")
        sentence = r"\(canceling statement due to lock timeout\)$"
        with pytest.raises(DatabaseUnavailable, match=sentence), translated(settings, operation="write"):
            await other.execute("SELECT 1,\n n FROM held")


def test_a_full_disk_is_not_told_as_a_server_that_is_away(settings: PostgresSettings) -> None:
    found = translate(psycopg.errors.DiskFull("No space left on device"), settings, operation="write")
    assert isinstance(found, DatabaseUnavailable)
    assert "lacks resources (No space left on device): give it disk" in str(found)


async def test_a_wrong_statement_is_a_fault_and_passes_as_it_is(settings: PostgresSettings) -> None:
    async with await connect(settings, "test") as connection:
        with pytest.raises(psycopg.errors.UndefinedTable), translated(settings, operation="write"):
            await connection.execute("SELECT * FROM nothing_here")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda p: p._replace(path="/not_there"), "not_there"),
        (lambda p: p._replace(netloc=f"nobody:hunter22@{p.hostname}:{p.port}"), "nobody"),
    ],
)
async def test_a_refusal_is_one_line_and_tells_what_to_check(
    postgres: TestDatabase, change: "Callable[[object], object]", said: str
) -> None:
    url: str = change(urlsplit(postgres.url)).geturl()  # type: ignore[attr-defined]
    settings = PostgresSettings(url=SecretStr(url))
    with pytest.raises(DatabaseRefused) as failed:
        await connect_patiently(settings, "test", patience_s=60)
    message = failed.value.message
    assert "\n" not in message
    assert said in message
    assert "INFRASTRUCTOR_DATABASE__URL" in message
    assert "hunter22" not in str(failed.value.to_dict())


def test_what_a_role_may_not_do_says_so_and_not_that_the_login_is_wrong() -> None:
    settings = PostgresSettings(url=SecretStr("postgresql://grafana@db.example/infrastructor"))
    told = translate(
        psycopg.errors.InsufficientPrivilege("permission denied for table events"), settings, operation="x"
    )
    assert isinstance(told, DatabaseRefused)
    assert "permission denied for table events" in told.message
    assert "log in as a role that may do this (INFRASTRUCTOR_DATABASE__URL" in told.message


async def test_a_database_that_is_away_is_waited_for_then_told(free_port: Callable[[], int]) -> None:
    settings = PostgresSettings(host="127.0.0.1", port=free_port(), password=SecretStr("hunter22"))
    told: list[InfrastructorError] = []

    class Quick(ManualClock):
        async def sleep(self, seconds: float) -> None:
            await self.advance(seconds)

    with pytest.raises(DatabaseUnavailable) as failed:
        await connect_patiently(settings, "test", patience_s=10, waiting=told.append, clock=Quick())
    assert len(told) >= 4
    assert "connection refused" in failed.value.message.lower()
    assert "INFRASTRUCTOR_DATABASE__HOST" in failed.value.message
    assert "hunter22" not in failed.value.message
    assert "\n" not in failed.value.message


@pytest.mark.parametrize(
    ("settings", "shown"),
    [
        (PostgresSettings(), "postgresql://infrastructor@localhost:5432/infrastructor"),
        (PostgresSettings(host="::1", name="x"), "postgresql://infrastructor@[::1]:5432/x"),
        (PostgresSettings(host="/run/pg"), "postgresql://infrastructor@%2Frun%2Fpg:5432/infrastructor"),
        (
            PostgresSettings(url=SecretStr("postgresql://me:hunter22@db:6543/x?sslmode=require&password=other")),
            "postgresql://me@db:6543/x",
        ),
    ],
)
def test_the_address_for_people_has_no_password(settings: PostgresSettings, shown: str) -> None:
    assert masked_url(settings) == shown
