"""`db roles apply`: four roles, each tried with what it must do and with what it must not."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest
from click.testing import CliRunner, Result
from prometheus_client import CollectorRegistry
from psycopg import errors, sql
from psycopg.conninfo import conninfo_to_dict

from cli.db import db
from deploy.local.database import LocalPostgres
from runtime.errors import InputInvalid
from runtime.settings import KafkaSettings
from schemas.registry import COLLECTIONS, METRICS
from sinks.timescale import schema
from sinks.timescale.roles.verifier import matches
from sinks.timescale.tables import sink_statements
from sinks.timescale.upkeep import Upkeep
from tests.conftest import TestDatabase, cloned_database
from tests.grafana_panels import queries
from tests.integration.test_grafana_queries import expanded
from tests.integration.timescale_log import running, surroundings, until, write
from tests.integration.timescale_setup import (
    admitted,
    collected,
    connecting,
    looked,
    metrics,
    one,
    owned,
    registered,
    rows,
    settings_of,
    writer_on,
)

pytestmark = pytest.mark.postgres

# Letters and digits with what a shell or SQL might read as something else; the URL needs it quoted.
PASSWORD = "a'b\"c$d"
QUOTED = "a%27b%22c%24d"

KINDS = ("owner", "writer", "reader", "operator")


@dataclass(frozen=True, slots=True)
class Roles:
    """A migrated database with its four roles."""

    database: TestDatabase
    names: dict[str, str]

    @property
    def settings(self) -> dict[str, str]:
        named = {f"INFRASTRUCTOR_ROLES__{kind.upper()}": name for kind, name in self.names.items()}
        return named | {f"INFRASTRUCTOR_ROLES__{kind.upper()}_PASSWORD": PASSWORD for kind in KINDS}

    def url(self, kind: str) -> str:
        parts = conninfo_to_dict(self.database.url)
        return f"postgresql://{self.names[kind]}:{QUOTED}@{parts['host']}:{parts['port']}/{self.database.name}"

    def apply(self, *arguments: str, **settings: str) -> Result:
        environment = {"INFRASTRUCTOR_DATABASE__URL": self.database.url, **self.settings, **settings}
        return CliRunner().invoke(db, ("roles", "apply", *arguments), env=environment)


@pytest.fixture(scope="module")
def roles(postgres_server: LocalPostgres) -> Iterator[Roles]:
    """Roles belong to the whole server, so they are dropped again."""
    for database in cloned_database(postgres_server, template="empty"):
        schema.migrate(settings_of(database.url))
        made = uuid.uuid4().hex[:8]
        found = Roles(database, {kind: f"{kind}-{made}" for kind in KINDS})
        done = found.apply("--database", database.name)
        assert done.exit_code == 0, (done.output, done.exception)
        yield found
        _drop(found)


def _drop(roles: Roles) -> None:
    superuser = sql.Identifier(str(conninfo_to_dict(roles.database.url)["user"]))
    with psycopg.connect(roles.database.url, autocommit=True) as connection:
        for role in roles.names.values():
            name = sql.Identifier(role)
            connection.execute(sql.SQL("REASSIGN OWNED BY {} TO {}").format(name, superuser))
            connection.execute(sql.SQL("DROP OWNED BY {}").format(name))
            connection.execute(sql.SQL("DROP ROLE {}").format(name))


def test_applied_again_nothing_is_left_to_do(roles: Roles) -> None:
    assert json.loads(roles.apply("--dry-run", "--json").stdout)["steps"] == []
    assert "nothing to do" in roles.apply().stdout


def test_the_owner_can_apply_what_needs_no_superuser(roles: Roles) -> None:
    with psycopg.connect(roles.url("owner"), autocommit=True) as owner:
        owner.execute("CREATE TABLE later (n integer)")
    try:
        done = roles.apply("--database", roles.database.name, INFRASTRUCTOR_DATABASE__URL=roles.url("owner"))
        assert done.exit_code == 0, (done.output, done.exception)
        with psycopg.connect(roles.url("reader")) as reader:
            assert reader.execute("SELECT * FROM later").fetchall() == []
    finally:
        with psycopg.connect(roles.url("owner"), autocommit=True) as owner:
            owner.execute("DROP TABLE later")
    assert schema.migrate(settings_of(roles.url("owner"))).applied == ()


def test_what_was_granted_too_much_is_taken_away(roles: Roles) -> None:
    reader = sql.Identifier(roles.names["reader"])
    with psycopg.connect(roles.database.url, autocommit=True) as connection:
        connection.execute(sql.SQL("GRANT pg_read_all_data TO {}").format(reader))
        connection.execute(sql.SQL("GRANT INSERT, TRUNCATE ON events TO {}").format(reader))
        connection.execute(sql.SQL("ALTER ROLE {} CREATEDB CONNECTION LIMIT 5").format(reader))
    planned = json.loads(roles.apply("--dry-run", "--json").stdout)["steps"]
    assert len(planned) == 4
    unnamed = roles.apply()
    assert isinstance(unnamed.exception, InputInvalid)
    assert "who may do what" in unnamed.exception.message
    assert json.loads(roles.apply("--database", roles.database.name, "--json").stdout)["steps"] == planned
    assert json.loads(roles.apply("--json").stdout)["steps"] == []


def test_passwords_are_compared_and_shown_nowhere(roles: Roles) -> None:
    changed = {"INFRASTRUCTOR_ROLES__WRITER_PASSWORD": "hunter22"}
    shown = roles.apply("--dry-run", **changed).stdout
    assert "PASSWORD '********'" in shown
    assert "hunter22" not in shown
    assert "SCRAM" not in shown
    assert roles.apply("--database", roles.database.name, **changed).exit_code == 0
    assert json.loads(roles.apply("--json", "--dry-run", **changed).stdout)["steps"] == []
    assert roles.apply("--database", roles.database.name).exit_code == 0
    kept = one(roles.database.url, f"SELECT rolpassword FROM pg_authid WHERE rolname = '{roles.names['writer']}'")
    assert (matches(PASSWORD, kept), matches("hunter22", kept), matches(PASSWORD, None)) == (True, False, False)


NOT_ALLOWED = {
    "owner": ("CREATE ROLE another", "CREATE DATABASE another", "SELECT * FROM pg_authid", "COPY events TO '/tmp/x'"),
    "writer": (
        "CREATE TABLE mine (n integer)",
        "DROP TABLE events",
        "TRUNCATE events",
        "ALTER TABLE events ADD mine text",
        "DELETE FROM dead_letters",
        "DELETE FROM alerts",
        "DELETE FROM sequence_ledger",
        "UPDATE schema_version SET version_num = '9'",
        "INSERT INTO retention VALUES ('events', '1 day', 'sink', now())",
        "CREATE INDEX ON events (type)",
        "VACUUM events",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename <> current_user",
    ),
    "reader": (
        "SET default_transaction_read_only = off; INSERT INTO rule_sets SELECT * FROM rule_sets",
        "SET default_transaction_read_only = off; DELETE FROM events",
        "SET default_transaction_read_only = off; UPDATE alerts SET summary = ''",
        "SET default_transaction_read_only = off; CREATE TABLE mine (n integer)",
        "SET default_transaction_read_only = off; CREATE TEMPORARY TABLE mine (n integer)",
        "SELECT * FROM config_contents",
        "SELECT * FROM pg_authid",
    ),
    "operator": (
        "INSERT INTO rule_sets SELECT * FROM rule_sets",
        "DELETE FROM events",
        "UPDATE alerts SET summary = ''",
        "CREATE TABLE mine (n integer)",
        "CREATE TEMPORARY TABLE mine (n integer)",
        "TRUNCATE events",
        "CREATE ROLE another",
    ),
}


@pytest.mark.parametrize(("kind", "statement"), [(k, s) for k, statements in NOT_ALLOWED.items() for s in statements])
def test_what_a_role_must_not_do_it_cannot(roles: Roles, kind: str, statement: str) -> None:
    told: list[str] = []
    with psycopg.connect(roles.url(kind), autocommit=True) as connection:
        connection.add_notice_handler(lambda notice: told.append(notice.message_primary or ""))
        try:
            for part in statement.split("; "):
                connection.execute(part.encode())
        except errors.InsufficientPrivilege:
            return
    # VACUUM passes over what it may not touch, and says so.
    assert statement.startswith("VACUUM")
    assert told
    assert "permission denied" in told[0]


def test_a_stranger_does_not_get_in(roles: Roles) -> None:
    with psycopg.connect(roles.database.url, autocommit=True) as connection:
        connection.execute("CREATE ROLE stranger_to_all LOGIN PASSWORD 'x'")
        try:
            parts = conninfo_to_dict(roles.database.url)
            with pytest.raises(psycopg.OperationalError, match="CONNECT"):
                psycopg.connect(
                    host=str(parts["host"]),
                    port=str(parts["port"]),
                    dbname=roles.database.name,
                    user="stranger_to_all",
                    password="x",
                )
        finally:
            connection.execute("DROP ROLE stranger_to_all")


async def test_batches_merges_rollups_and_retention_go_as_the_writer(roles: Roles) -> None:
    url = roles.url("writer")
    writer = writer_on(url)
    owner = await owned(writer)
    await writer.store(await admitted(writer, owner, metrics(*(looked(n) for n in range(1, 50)))))
    rival = looked(900, values=(7.0,), time=looked(1).time)
    merged = await writer.store(await admitted(writer, owner, metrics(rival, begin=100)))
    await writer.close()
    assert (merged.merged, merged.conflicts) == (True, 1)
    environment = {"INFRASTRUCTOR_DATABASE__URL": roles.url("owner"), "INFRASTRUCTOR_RETENTION__SAMPLES_DAYS": "7"}
    kept = CliRunner().invoke(db, ("retention", "apply", "--database", roles.database.name), env=environment)
    assert kept.exit_code == 0, (kept.output, kept.exception)
    with psycopg.connect(roles.url("owner"), autocommit=True) as connection:
        # As on the Apache edition, where no policy drops chunks.
        connection.execute("UPDATE retention SET kept_by = 'sink' WHERE table_name = 'metric_samples'")
    upkeep = Upkeep(connecting(url), sink_statements(), around=surroundings(CollectorRegistry()))
    done = await upkeep.turn()
    assert done.alone
    assert one(url, "SELECT count(*) FROM metric_samples") == 0
    assert one(url, "SELECT count(*) FROM metric_samples_1m") >= 0


@pytest.mark.timescaledb
def test_the_writer_drops_only_what_retention_lets_go(roles: Roles) -> None:
    with psycopg.connect(roles.url("writer"), autocommit=True) as writer:
        for statement in (
            "SELECT drop_chunks('events', now())",
            "SELECT drop_kept_chunks('events', now())",
            "SELECT drop_kept_chunks('alerts', now() - INTERVAL '50 years')",
        ):
            with pytest.raises(psycopg.Error) as refused:
                writer.execute(statement.encode())
            assert refused.value.sqlstate == "42501"
    with psycopg.connect(roles.url("reader")) as reader, pytest.raises(errors.InsufficientPrivilege):
        reader.execute("SELECT drop_kept_chunks('events', now() - INTERVAL '50 years')")


@pytest.mark.timescaledb
def test_a_rollup_is_refreshed_by_its_owner_alone(roles: Roles) -> None:
    if one(roles.database.url, "SELECT kept_by FROM rollups LIMIT 1") == "sink":
        pytest.skip("the Apache edition has no continuous aggregates")
    refresh = "CALL refresh_continuous_aggregate('metric_samples_1m', NULL, NULL)"
    with psycopg.connect(roles.url("owner"), autocommit=True) as owner:
        owner.execute(refresh.encode())
    with psycopg.connect(roles.url("writer"), autocommit=True) as writer, pytest.raises(errors.InsufficientPrivilege):
        writer.execute(refresh.encode())


@pytest.mark.kafka
async def test_the_sink_runs_as_the_writer(topics: KafkaSettings, roles: Roles) -> None:
    device = f"web-{uuid.uuid4().hex[:8]}"
    await write(topics, METRICS, [looked(number, device=device) for number in range(1, 6)])
    await write(topics, COLLECTIONS, [registered(1, device=device), collected(2, device=device)])
    count = f"SELECT count(*) FROM events WHERE subject = '{device}'"
    async with running(topics, roles.url("writer")) as (around, task):
        await until(lambda: bool(one(roles.database.url, count) == 7), task=task)
        assert around.readiness.ready


def test_every_query_of_the_dashboard_goes_as_the_reader(roles: Roles) -> None:
    with psycopg.connect(roles.url("reader")) as reader:
        assert rows(roles.url("reader"), "SHOW default_transaction_read_only") == [("on",)]
        for query in queries():
            reader.execute(expanded(query.sql).encode())


def test_the_operator_checks_and_looks_after(roles: Roles) -> None:
    environment = {"INFRASTRUCTOR_DATABASE__URL": roles.url("operator")}
    checked = CliRunner().invoke(db, ("check", "--json"), env=environment)
    found = {each["name"]: each for each in json.loads(checked.stdout)["findings"]}
    assert not [each for each in found.values() if "may not look" in each["told"]]
    assert found["drift"]["level"] == "ok", found["drift"]
    shown = CliRunner().invoke(db, ("stats", "--json", "--interval", "0.1"), env=environment)
    assert shown.exit_code == 0, shown.exception
    if one(roles.database.url, "SHOW server_version_num") >= "170000":
        with psycopg.connect(roles.url("operator"), autocommit=True) as operator:
            told: list[object] = []
            operator.add_notice_handler(told.append)
            operator.execute("VACUUM (ANALYZE) devices")
            assert told == []
