"""`db optimize` on a real server: it does what the figures call for, and finds nothing to do afterwards."""

import json
import threading
import time

import psycopg
import pytest
from click.testing import CliRunner, Result

from cli.db import db
from runtime.errors import InputInvalid
from sinks.timescale import optimize, schema
from sinks.timescale.optimize import Index
from tests.conftest import TestDatabase
from tests.integration.timescale_setup import one, settings_of

pytestmark = pytest.mark.postgres


def run(database: TestDatabase, *arguments: str) -> Result:
    return CliRunner().invoke(db, arguments, env={"INFRASTRUCTOR_DATABASE__URL": database.url})


def why(result: Result) -> list[str]:
    assert result.exit_code == 0, (result.output, result.exception)
    return [step["why"] for step in json.loads(result.stdout)["steps"]]


@pytest.fixture
def database(postgres: TestDatabase) -> TestDatabase:
    schema.migrate(settings_of(postgres.url))
    return postgres


def test_dead_rows_and_old_statistics_are_seen_to_once(database: TestDatabase) -> None:
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute("ALTER TABLE rollup_touched SET (autovacuum_enabled = off)")
        connection.execute("ALTER TABLE metric_conflicts SET (autovacuum_enabled = off)")
        connection.execute("INSERT INTO rollup_touched SELECT 'x', now() FROM generate_series(1, 5000)")
        connection.execute("DELETE FROM rollup_touched")
        connection.execute(
            "INSERT INTO metric_conflicts SELECT gen_random_uuid(), i, now(), 1, now() FROM generate_series(1, 5000) i"
        )
        connection.execute("SELECT pg_stat_force_next_flush()")
    told = run(database, "optimize", "--dry-run").stdout
    assert 'VACUUM (ANALYZE) "public"."rollup_touched";' in told
    assert 'ANALYZE "public"."metric_conflicts";' in told
    planned = why(run(database, "optimize", "--dry-run", "--json"))
    assert [each for each in planned if "5000 dead rows" in each]
    # Nothing is rewritten, so nothing has to be named.
    assert why(run(database, "optimize", "--json")) == planned
    assert why(run(database, "optimize", "--json")) == []


def test_an_invalid_index_is_written_anew_by_name_of_the_database_only(database: TestDatabase) -> None:
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'alerts_device'::regclass")
    refused = run(database, "optimize")
    assert isinstance(refused.exception, InputInvalid)
    assert f"--database {database.name}" in refused.exception.message
    assert why(run(database, "optimize", "--database", database.name, "--json"))
    assert one(database.url, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'alerts_device'::regclass")
    assert why(run(database, "optimize", "--json")) == []


def test_a_bloated_index_is_written_anew(database: TestDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optimize, "BLOATED_LEAST", 1 << 18)
    with psycopg.connect(database.url, autocommit=True) as connection:
        # Too wide a gap to be merged: each page keeps some of its entries.
        connection.execute("INSERT INTO rule_sets SELECT * FROM rule_sets")
        connection.execute(
            "INSERT INTO metric_series (identity, device_id, name, unit, labels)"
            " SELECT gen_random_uuid(), 'web-' || i % 50, 'name', '1', '{}' FROM generate_series(1, 20000) i"
        )
        connection.execute("DELETE FROM metric_series WHERE series_id % 20 <> 0")
        connection.execute("VACUUM (ANALYZE) metric_series")
    planned = why(run(database, "optimize", "--dry-run", "--json"))
    assert [each for each in planned if each.startswith("metric_series_pkey of metric_series")]
    before = one(database.url, "SELECT pg_relation_size('metric_series_pkey')")
    assert why(run(database, "optimize", "--database", database.name, "--json")) == planned
    assert one(database.url, "SELECT pg_relation_size('metric_series_pkey')") * 2 < before
    assert why(run(database, "optimize", "--json")) == []


@pytest.mark.parametrize(
    ("size", "entries", "width", "bloated"),
    [
        (100 << 20, 1e6, 16, True),
        (40 << 20, 1e6, 16, False),
        (20 << 20, 1e3, 16, False),
        (100 << 20, 1e6, None, False),
        (60 << 20, 1e6, 16, True),
    ],
)
def test_an_index_is_judged_by_what_it_would_take_anew(
    size: int, entries: float, width: int | None, bloated: bool
) -> None:
    assert Index("public", "i", "t", True, size, entries, width).bloated is bloated


LATE = (
    "INSERT INTO metric_samples SELECT date_trunc('day', now()) - INTERVAL '5 days' + i * INTERVAL '1 s', {s}, i"
    " FROM generate_series(1, 30000) i"
)


@pytest.mark.timescaledb
def test_late_rows_are_compressed_beside_readers_or_left_for_another_time(database: TestDatabase) -> None:
    if one(database.url, "SELECT current_setting('timescaledb.license')") == "apache":
        pytest.skip("the Apache edition has no compression")
    run(database, "compression", "apply")
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute(LATE.format(s=1).encode())
        connection.execute("SELECT compress_chunk(c) FROM show_chunks('metric_samples') c")
        connection.execute(LATE.format(s=2).encode())
    assert run(database, "optimize", "--database", database.name).exit_code == 0
    assert _lying_open(database) == 0
    assert one(database.url, "SELECT count(*) FROM metric_samples") == 60_000

    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute(LATE.format(s=3).encode())
    done, failed, reads = threading.Event(), [], []

    def read() -> None:
        with psycopg.connect(database.url, autocommit=True) as reader:
            while not done.is_set():
                try:
                    row = reader.execute("SELECT count(*), sum(value) FROM metric_samples").fetchone()
                    reads.append(row)
                except psycopg.Error as error:
                    failed.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        deadline = time.monotonic() + 10
        while not reads and time.monotonic() < deadline:
            time.sleep(0.01)
        steps = why(run(database, "optimize", "--database", database.name, "--json"))
    finally:
        done.set()
        reader.join(30)
    assert [step for step in steps if "came late" in step]
    assert failed == []
    assert {row[0] for row in reads if row} == {90_000}
    assert _lying_open(database) == 0


@pytest.mark.timescaledb
def test_a_chunk_in_use_is_left_for_another_time(database: TestDatabase) -> None:
    if one(database.url, "SELECT current_setting('timescaledb.license')") == "apache":
        pytest.skip("the Apache edition has no compression")
    run(database, "compression", "apply")
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute(LATE.format(s=1).encode())
        connection.execute("SELECT compress_chunk(c) FROM show_chunks('metric_samples') c")
        connection.execute(LATE.format(s=2).encode())
        connection.execute("ANALYZE")
    with psycopg.connect(database.url) as reader:
        reader.execute("SELECT count(*) FROM metric_samples")
        shown = json.loads(run(database, "optimize", "--database", database.name, "--json").stdout)
    assert [note for note in shown["notes"] if note.startswith("left for another time")]
    assert why(run(database, "optimize", "--dry-run", "--json"))


def _lying_open(database: TestDatabase) -> int:
    found: int = one(
        database.url,
        "SELECT coalesce(sum(pg_relation_size(format('%I.%I', chunk_schema, chunk_name)::regclass)), 0)::bigint"
        " FROM timescaledb_information.chunks WHERE is_compressed AND range_end < now()",
    )
    return found
