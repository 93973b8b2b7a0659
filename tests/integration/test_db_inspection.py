"""`db check`, `info`, `stats` and `chunks` on a real server: what they show, and what they find when it is there."""

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg import sql

from cli.db import db
from deploy.local.database import LocalPostgres
from runtime.errors import InputInvalid
from sinks.timescale import schema
from sinks.timescale.inspection.check import SKEW_FAIL_S, Skew, judged_skew
from sinks.timescale.inspection.findings import Level
from tests.conftest import TestDatabase, cloned_database
from tests.integration.timescale_setup import one, settings_of

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def filled(postgres_server: LocalPostgres) -> Iterator[TestDatabase]:
    """A migrated database with a day of samples, which tests only look at."""
    for database in cloned_database(postgres_server, template="empty"):
        schema.migrate(settings_of(database.url))
        with psycopg.connect(database.url, autocommit=True) as connection:
            connection.execute(
                "INSERT INTO metric_samples SELECT now() - i * INTERVAL '10 s', s, i"
                " FROM generate_series(1, 8640) i, generate_series(1, 5) s"
            )
            connection.execute(
                "INSERT INTO events SELECT now(), gen_random_uuid(), 't', 'web-1', 's', NULL, i, 'infra.metrics', 0, i,"
                " NULL, NULL, now() FROM generate_series(1, 300) i"
            )
            connection.execute("ANALYZE")
        yield database


def run(database: TestDatabase, *arguments: str, **settings: str) -> Result:
    done = CliRunner().invoke(db, arguments, env={"INFRASTRUCTOR_DATABASE__URL": database.url, **settings})
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def findings(result: Result) -> dict[str, dict[str, str]]:
    """The worst finding by name."""
    order = [str(level) for level in Level]
    found: dict[str, dict[str, str]] = {}
    for each in json.loads(result.stdout)["findings"]:
        before = found.setdefault(each["name"], each)
        if order.index(each["level"]) > order.index(before["level"]):
            found[each["name"]] = each
    return found


def test_a_healthy_database_is_said_to_be_so_but_for_what_the_tests_server_does(filled: TestDatabase) -> None:
    result = run(filled, "check", "--json")
    found = findings(result)
    assert {name for name, each in found.items() if each["level"] != "ok"} == {"settings"}
    # The tests' server does without fsync and full_page_writes, and that is what has to be told.
    assert found["settings"]["told"].startswith(("fsync is off", "full_page_writes is off"))
    assert found["settings"]["advice"] == "set it to on"
    assert (result.exit_code, json.loads(result.stdout)["level"]) == (69, "fail")
    looked_at = {"connectivity", "version", "extension", "pool", "locks", "bloat", "replication", "clock", "drift"}
    assert looked_at <= found.keys()
    assert "fail  settings" in run(filled, "check").stdout


def test_what_is_wrong_is_found(postgres: TestDatabase) -> None:
    empty = run(postgres, "check", "--json")
    assert findings(empty)["schema"]["advice"] == "run `infrastructor db migrate`"
    schema.migrate(settings_of(postgres.url))
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("DROP INDEX metric_series_name")
        connection.execute("ALTER TABLE gaps ADD mine text")
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(sql.Identifier(postgres.name))
        )
    found = findings(run(postgres, "check", "--json"))
    assert found["drift"]["level"] == "fail"
    assert "metric_series: index metric_series_name is missing" in found["drift"]["told"]
    assert (found["writable"]["level"], "read-only" in found["writable"]["told"]) == ("fail", True)


def test_who_waits_for_a_lock_and_what_is_dead_are_found(postgres: TestDatabase) -> None:
    schema.migrate(settings_of(postgres.url))
    waiting = threading.Event()

    def wait_behind() -> None:
        with psycopg.connect(postgres.url) as connection:
            waiting.set()
            connection.execute("LOCK TABLE devices IN ACCESS EXCLUSIVE MODE")

    with psycopg.connect(postgres.url) as holder:
        with psycopg.connect(postgres.url, autocommit=True) as other:
            other.execute("ALTER TABLE rollup_touched SET (autovacuum_enabled = off)")
            other.execute("INSERT INTO rollup_touched SELECT 'x', now() FROM generate_series(1, 30000)")
            other.execute("DELETE FROM rollup_touched")
            other.execute("SELECT pg_stat_force_next_flush()")
        holder.execute("SELECT * FROM devices")
        thread = threading.Thread(target=wait_behind)
        thread.start()
        waiting.wait(10)
        deadline = time.monotonic() + 15
        while (found := findings(run(postgres, "check", "--json")))["locks"]["level"] == "ok":
            assert time.monotonic() < deadline
        holder.rollback()
        thread.join(30)
    assert "AccessExclusiveLock on devices, held up by" in found["locks"]["told"]
    assert "rollup_touched: 30000 dead rows" in found["bloat"]["told"]
    assert "db optimize" in found["bloat"]["advice"]
    # Also a definition is read under a lock.
    assert "somebody holds a lock" in found["drift"]["told"] or "autovacuum_enabled" in found["drift"]["told"]


def test_info_shows_where_each_setting_comes_from_and_no_secret(filled: TestDatabase) -> None:
    text = run(filled, "info", INFRASTRUCTOR_DATABASE__PATIENCE_S="7").stdout
    password = filled.url.split(":")[2].split("@")[0]
    assert "INFRASTRUCTOR_DATABASE__PATIENCE_S=7" in text
    assert "INFRASTRUCTOR_DATABASE__URL=********  (environment)" in text
    assert "jit=off" in text
    assert password not in text
    shown: dict[str, Any] = json.loads(run(filled, "info", "--json").stdout)
    assert (shown["database"], shown["superuser"], shown["pool"]["most"]) == (filled.name, True, 5)
    assert shown["settings"]["INFRASTRUCTOR_DATABASE__CONNECT_TIMEOUT_S"] == {"value": "5", "source": "default"}
    assert password not in json.dumps(shown)


def test_stats_tell_sizes_and_rates(filled: TestDatabase) -> None:
    done = threading.Event()

    def write() -> None:
        with psycopg.connect(filled.url, autocommit=True) as connection:
            while not done.wait(0.02):
                connection.execute("INSERT INTO rule_sets SELECT * FROM rule_sets WHERE false")
                connection.execute("INSERT INTO rollup_touched VALUES ('other', now())")
                connection.execute("SELECT pg_stat_force_next_flush()")

    thread = threading.Thread(target=write)
    thread.start()
    try:
        shown: dict[str, Any] = json.loads(run(filled, "stats", "--exact", "--interval", "1.5", "--json").stdout)
    finally:
        done.set()
        thread.join()
    tables = {table["name"]: table for table in shown["tables"]}
    assert shown["samples"] == 43_200
    assert 40 < shown["bytes_a_sample"] < 300
    assert tables["metric_samples"]["rows"] == pytest.approx(43_200, rel=0.05)
    assert tables["metric_samples"]["index_bytes"] > 100_000
    assert {rate["name"] for rate in shown["rates"]} == {"rollup_touched"}
    assert shown["rates"][0]["inserted"] > 1
    assert shown["stored"][0]["topic"] == "infra.metrics"
    assert shown["stored"][0]["events_a_second"] == pytest.approx(1.0)
    text = run(filled, "stats", "--interval", "0.1").stdout
    assert "bytes a sample" in text
    assert "pg_stat_statements" in text
    assert "metric_samples" in text


@pytest.mark.timescaledb
def test_chunks_and_what_compression_made_of_them(postgres: TestDatabase) -> None:
    schema.migrate(settings_of(postgres.url))
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO metric_samples SELECT now() - i * INTERVAL '1 min', s, i"
            " FROM generate_series(1, 4320) i, generate_series(1, 5) s"
        )
        if one(postgres.url, "SELECT current_setting('timescaledb.license')") == "apache":
            pytest.skip("the Apache edition has no compression")
        run(postgres, "compression", "apply")
        connection.execute(
            "SELECT compress_chunk(c) FROM show_chunks('metric_samples', older_than => INTERVAL '1 day') c"
        )
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("ANALYZE metric_samples")
    listed = json.loads(run(postgres, "chunks", "--json").stdout)
    assert {chunk["table"] for chunk in listed} == {"metric_samples"}
    assert {chunk["compressed"] for chunk in listed} == {True, False}
    assert sum(chunk["rows"] for chunk in listed) == pytest.approx(21_600, rel=0.1)
    assert "compressed" in run(postgres, "chunks", "metric_samples").stdout
    assert "none of devices" in run(postgres, "chunks", "devices").stdout
    with pytest.raises(InputInvalid, match="no table 'device'"):
        run(postgres, "chunks", "device")
    shown = json.loads(run(postgres, "stats", "--json", "--interval", "0.1").stdout)
    samples = next(table for table in shown["tables"] if table["name"] == "metric_samples")
    assert samples["compression"]["ratio"] > 1
    assert samples["chunks"] == len(listed)


def test_plain_postgresql_has_no_chunks(filled: TestDatabase) -> None:
    if filled.server.offers_timescaledb:
        pytest.skip("not plain")
    assert run(filled, "chunks").stdout == "chunks: plain PostgreSQL has none\n"


@pytest.mark.parametrize(
    ("skew", "level"),
    [
        (Skew(0.4, 0.001), Level.OK),
        (Skew(2.0, 3.0), Level.OK),
        (Skew(-2.0, 0.01), Level.WARN),
        (Skew(SKEW_FAIL_S + 1, 0.01), Level.FAIL),
    ],
)
def test_a_clock_is_judged_beyond_what_the_round_trip_may_hide(skew: Skew, level: Level) -> None:
    assert judged_skew(skew).level is level
