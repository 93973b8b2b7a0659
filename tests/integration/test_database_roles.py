"""The script that the database's image runs once: logins that own, store, read and look after."""

import json
import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner
from psycopg import errors, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from cli.db import db
from tests.conftest import TestDatabase

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif(shutil.which("sh") is None, reason="no shell here"),
]

SCRIPT = Path(__file__).parents[2] / "deploy/compose/timescaledb/roles.sh"
# What a shell, psql or SQL might read as something else.
PASSWORD = """a'b"c\\d$HOME e:f`g"""


@dataclass(frozen=True, slots=True)
class Roles:
    """The logins, and how to connect as one of them."""

    owner: str
    reader: str
    writer: str
    operator: str
    conninfo: str

    def connect(self, user: str) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(make_conninfo(self.conninfo, user=user, password=PASSWORD))


@pytest.fixture
def roles(postgres: TestDatabase) -> Iterator[Roles]:
    """The script's logins in a fresh database; roles belong to the whole server, so they are dropped again."""
    made = uuid.uuid4().hex[:8]
    found = Roles(f"owner_{made}", f"reader_{made}", f"writer_{made}", f"operator_{made}", postgres.url)
    run_script(postgres, found)
    yield found
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        superuser = sql.Identifier(str(conninfo_to_dict(postgres.url)["user"]))
        for role in (found.owner, found.reader, found.writer, found.operator):
            name = sql.Identifier(role)
            connection.execute(sql.SQL("REASSIGN OWNED BY {} TO {}").format(name, superuser))
            connection.execute(sql.SQL("DROP OWNED BY {}").format(name))
            connection.execute(sql.SQL("DROP ROLE {}").format(name))


def run_script(postgres: TestDatabase, roles: Roles) -> None:
    parts = conninfo_to_dict(postgres.url)
    environment = {
        "PATH": f"{postgres.server.binaries}:{os.environ['PATH']}",
        "PGHOST": str(parts["host"]),
        "PGPORT": str(parts["port"]),
        "PGPASSWORD": str(parts["password"]),
        "POSTGRES_USER": str(parts["user"]),
        "POSTGRES_DB": postgres.name,
        "OWNER_ROLE": roles.owner,
        "OWNER_ROLE_PASSWORD": PASSWORD,
        "READER_ROLE": roles.reader,
        "READER_ROLE_PASSWORD": PASSWORD,
        "WRITER_ROLE": roles.writer,
        "WRITER_ROLE_PASSWORD": PASSWORD,
        "OPERATOR_ROLE": roles.operator,
        "OPERATOR_ROLE_PASSWORD": PASSWORD,
    }
    done = subprocess.run(["sh", str(SCRIPT)], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_one_makes_tables_and_the_other_reads_them(roles: Roles) -> None:
    with roles.connect(roles.owner) as owner:
        owner.execute("CREATE TABLE made_later (number integer)")
        owner.execute("INSERT INTO made_later VALUES (7)")
    with roles.connect(roles.reader) as reader:
        assert reader.execute("SELECT number FROM made_later").fetchall() == [(7,)]


def test_the_reader_cannot_write_even_when_it_says_it_wants_to(roles: Roles) -> None:
    with roles.connect(roles.owner) as owner:
        owner.execute("CREATE TABLE made_later (number integer)")
    with roles.connect(roles.reader) as reader:
        reader.execute("SET default_transaction_read_only = off")
        reader.commit()
        for statement in ("INSERT INTO made_later VALUES (1)", "CREATE TABLE mine (n integer)"):
            with pytest.raises(errors.InsufficientPrivilege):
                reader.execute(statement)
            reader.rollback()


def test_none_is_a_superuser(roles: Roles) -> None:
    with roles.connect(roles.reader) as reader:
        rows = reader.execute(
            "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication FROM pg_roles WHERE rolname = ANY(%s)",
            [[roles.owner, roles.reader, roles.writer, roles.operator]],
        ).fetchall()
    assert rows == [(False, False, False, False)] * 4


def test_the_owner_does_the_rest_once_there_are_tables(roles: Roles) -> None:
    """As Compose does it: the script, the migration, then `db roles apply`, none but the script as a superuser."""
    parts = conninfo_to_dict(roles.conninfo)
    environment = {
        "INFRASTRUCTOR_DATABASE__HOST": str(parts["host"]),
        "INFRASTRUCTOR_DATABASE__PORT": str(parts["port"]),
        "INFRASTRUCTOR_DATABASE__NAME": str(parts["dbname"]),
        "INFRASTRUCTOR_DATABASE__USER": roles.owner,
        "INFRASTRUCTOR_DATABASE__PASSWORD": PASSWORD,
        "INFRASTRUCTOR_ROLES__OWNER": roles.owner,
        "INFRASTRUCTOR_ROLES__READER": roles.reader,
        "INFRASTRUCTOR_ROLES__WRITER": roles.writer,
        "INFRASTRUCTOR_ROLES__OPERATOR": roles.operator,
    }
    for command in (("migrate",), ("roles", "apply", "--database", str(parts["dbname"]))):
        done = CliRunner().invoke(db, command, env=environment)
        assert done.exit_code == 0, (done.output, done.exception)
    again = CliRunner().invoke(db, ("roles", "apply", "--json"), env=environment)
    assert json.loads(again.stdout)["steps"] == []
    with roles.connect(roles.writer) as writer:
        writer.execute("DELETE FROM events")
        with pytest.raises(errors.InsufficientPrivilege):
            writer.execute("DELETE FROM alerts")
    with roles.connect(roles.reader) as reader:
        assert reader.execute("SELECT * FROM metrics").fetchall() == []
        with pytest.raises(errors.InsufficientPrivilege):
            reader.execute("SELECT * FROM config_contents")
