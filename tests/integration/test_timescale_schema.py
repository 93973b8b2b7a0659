"""The schema's life on a real server: made, made again, told, and with TimescaleDB where it is offered."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result

from cli.db import db
from runtime.errors import DatabaseRefused, DatabaseUnavailable, SchemaOutdated
from runtime.sql import load_statements
from sinks.timescale import schema
from sinks.timescale.tier import HYPERTABLES, Tier
from tests.conftest import TestDatabase
from tests.integration.timescale_setup import admitted, looked, metrics, one, owned, rows, settings_of, writer_on

pytestmark = pytest.mark.postgres

BARE_COLUMNS = """
    SELECT c.relname || '.' || a.attname FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE n.nspname = 'public' AND c.relkind IN ('r', 'v') AND a.attnum > 0 AND NOT a.attisdropped
      AND col_description(c.oid, a.attnum) IS NULL
"""
BARE_TABLES = """
    SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relkind IN ('r', 'v') AND obj_description(c.oid, 'pg_class') IS NULL
"""


REVISIONS = ("0001", "0002", "0003", "0004")


def test_migrating_makes_everything_and_again_changes_nothing(postgres: TestDatabase) -> None:
    settings = settings_of(postgres.url)
    before = schema.status(settings)
    assert (before.revision, before.current, before.pending) == (None, False, REVISIONS)
    done = schema.migrate(settings)
    assert (done.applied, done.status.current, done.status.revision) == (REVISIONS, True, REVISIONS[-1])
    assert schema.migrate(settings).applied == ()
    assert rows(postgres.url, BARE_COLUMNS) == []
    assert rows(postgres.url, BARE_TABLES) == []


def test_two_at_once_wait_for_each_other(postgres: TestDatabase) -> None:
    settings = settings_of(postgres.url)
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: schema.migrate(settings).applied, range(2)))
    assert sorted(both) == [(), REVISIONS]


def test_every_view_can_be_read(postgres: TestDatabase) -> None:
    schema.migrate(settings_of(postgres.url))
    for view in ("metrics", "device_overview", "alerts_open", "sequence_holes", "gaps_open"):
        assert rows(postgres.url, f"SELECT * FROM {view}") == []


def test_a_database_of_a_later_version_is_left_alone(postgres: TestDatabase) -> None:
    schema.migrate(settings_of(postgres.url))
    with psycopg.connect(postgres.url) as connection:
        connection.execute("UPDATE schema_version SET version_num = '9999'")
    with pytest.raises(SchemaOutdated, match="update this program"):
        schema.status(settings_of(postgres.url))


def run(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(db, arguments, env={"INFRASTRUCTOR_DATABASE__URL": url})


def test_the_command_tells_what_is_pending_by_its_exit_code(postgres: TestDatabase) -> None:
    before = run(postgres.url, "status", "--json")
    assert before.exit_code == 1
    assert json.loads(before.stdout)["pending"] == [*REVISIONS]
    assert run(postgres.url, "migrate").exit_code == 0
    after = run(postgres.url, "status")
    assert after.exit_code == 0
    assert f"revision {REVISIONS[-1]}, up to date" in after.stdout
    assert json.loads(run(postgres.url, "migrate", "--json").stdout)["applied"] == []


def test_a_database_that_is_away_or_refuses_is_told_in_one_line(postgres: TestDatabase, free_port: object) -> None:
    assert callable(free_port)
    away = run(f"postgresql://infrastructor:x@127.0.0.1:{free_port()}/x", "migrate")
    assert isinstance(away.exception, DatabaseUnavailable)
    login, _, place = postgres.url.partition("@")
    wrong = run(f"{login.rsplit(':', 1)[0]}:wrong@{place}", "migrate")
    assert isinstance(wrong.exception, DatabaseRefused)
    assert "wrong" not in wrong.exception.message


@pytest.mark.timescaledb
async def test_growing_tables_are_hypertables_and_hold_the_same(postgres: TestDatabase) -> None:
    done = schema.migrate(settings_of(postgres.url))
    assert done.status.tier in {Tier.COMMUNITY, Tier.APACHE}
    assert set(done.hypertables) == set(HYPERTABLES)
    assert done.status.notes == ()
    writer = writer_on(postgres.url)
    owner = await owned(writer)
    await writer.store(await admitted(writer, owner, metrics(*(looked(n) for n in range(1, 20_000, 997)))))
    rival = looked(99_999, values=(7.0,), time=looked(1).time)
    stored = await writer.store(await admitted(writer, owner, metrics(rival, begin=50)))
    await writer.close()
    assert (stored.conflicts, stored.merged) == (1, True)
    assert one(postgres.url, "SELECT count(*) FROM metric_samples") == 42
    assert one(postgres.url, "SELECT count(*) FROM timescaledb_information.chunks") > 3


@pytest.mark.timescaledb
@pytest.mark.parametrize("filled", [False, True])
def test_a_plain_database_that_gets_the_extension_is_told_of(postgres: TestDatabase, *, filled: bool) -> None:
    settings = settings_of(postgres.url)
    _make_plain(postgres.url)
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        if filled:
            connection.execute("INSERT INTO metric_samples (time, series_id, value) VALUES (now(), 1, 1)")
    done = schema.migrate(settings)
    assert done.applied == ()
    expected = set(HYPERTABLES) - ({"metric_samples"} if filled else set())
    assert set(done.hypertables) == expected
    assert [("metric_samples" in note and "db hypertables create" in note) for note in done.status.notes] == [
        True
    ] * filled
    assert schema.status(settings).notes == done.status.notes


def _make_plain(url: str) -> None:
    """The tables as a server without the extension would have them."""
    folder = Path(schema.__file__).with_name("migrations") / "sql"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE schema_version (version_num varchar(32) PRIMARY KEY)")
        for revision in REVISIONS:
            for text in load_statements(folder / revision).values():
                connection.execute(text)
        connection.execute("INSERT INTO schema_version VALUES (%s)", REVISIONS[-1:])
