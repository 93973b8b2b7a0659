"""How the tables are kept: commands in their order, twice the same, nothing destroyed without naming the database."""

import json
from datetime import timedelta

import psycopg
import pytest
from click.testing import CliRunner, Result
from prometheus_client import CollectorRegistry

from cli.db import db
from runtime.errors import InputInvalid, SchemaOutdated
from sinks.timescale.tables import sink_statements
from sinks.timescale.upkeep import Bounds, Upkeep
from tests.conftest import TestDatabase
from tests.integration.timescale_log import surroundings
from tests.integration.timescale_setup import (
    admitted,
    connecting,
    looked,
    metrics,
    one,
    owned,
    rows,
    writer_on,
)

pytestmark = pytest.mark.postgres

COMMANDS = (("hypertables", "create"), ("compression", "apply"), ("retention", "apply"))


def run(url: str, *arguments: str, **settings: str) -> Result:
    environment = {"INFRASTRUCTOR_DATABASE__URL": url, **settings}
    return CliRunner().invoke(db, arguments, env=environment)


def steps(result: Result) -> list[dict[str, object]]:
    assert result.exit_code == 0, (result.output, result.exception)
    found: list[dict[str, object]] = json.loads(result.stdout)["steps"]
    return found


def test_each_command_does_nothing_the_second_time(postgres: TestDatabase, url: str) -> None:
    for group, command in COMMANDS:
        named = ("--database", postgres.name)
        planned = steps(run(url, group, command, "--dry-run", "--json"))
        assert steps(run(url, group, command, *named, "--json")) == planned
        assert steps(run(url, group, command, *named, "--json")) == []
        assert "nothing to do" in run(url, group, command).stdout
    assert one(url, "SELECT count(*) FROM retention") == 8


def test_nothing_is_destroyed_without_naming_the_database(postgres: TestDatabase, url: str) -> None:
    unnamed = run(url, "retention", "apply")
    assert isinstance(unnamed.exception, InputInvalid)
    assert f"--database {postgres.name}" in unnamed.exception.message
    other = run(url, "retention", "apply", "--database", "production")
    assert isinstance(other.exception, InputInvalid)
    assert "not 'production'" in other.exception.message
    assert rows(url, "SELECT * FROM retention") == []
    dry = run(url, "retention", "apply", "--dry-run")
    assert "INSERT INTO retention" in dry.stdout
    assert rows(url, "SELECT * FROM retention") == []


def test_a_schema_that_is_not_migrated_is_told_of(postgres: TestDatabase) -> None:
    result = run(postgres.url, "retention", "apply", "--dry-run")
    assert isinstance(result.exception, SchemaOutdated)


def test_settings_change_what_is_kept(postgres: TestDatabase, url: str) -> None:
    run(url, "retention", "apply", "--database", postgres.name)
    changed = {"INFRASTRUCTOR_RETENTION__SAMPLES_DAYS": "10", "INFRASTRUCTOR_RETENTION__EVENTS_DAYS": "0"}
    assert steps(run(url, "retention", "apply", "--database", postgres.name, "--json", **changed)) != []
    kept = dict(rows(url, "SELECT table_name, keep FROM retention"))
    assert (kept["metric_samples"], kept["events"]) == (timedelta(days=10), None)
    assert steps(run(url, "retention", "apply", "--database", postgres.name, "--json", **changed)) == []


async def test_the_sink_deletes_what_is_too_old_where_no_extension_does(postgres: TestDatabase, url: str) -> None:
    if one(url, "SELECT kept_by FROM rollups LIMIT 1") != "sink":
        pytest.skip("TimescaleDB's own jobs drop chunks")
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO metric_samples SELECT now() - i * INTERVAL '1 day', 1, i FROM generate_series(0, 59) i"
        )
        connection.execute(
            "INSERT INTO rollup_touched SELECT 'metric_samples_1m', date_trunc('minute', time) FROM metric_samples"
        )
        connection.execute(
            "INSERT INTO containers_seen (device_id, engine, name, state, networks, seen_at, event_id)"
            " SELECT 'web-1', 'docker', n, 'running', '{}', now() - INTERVAL '99 days', gen_random_uuid()"
            " FROM unnest(ARRAY['gone', 'there']) n"
        )
        connection.execute(
            "INSERT INTO containers_seen (device_id, engine, name, state, networks, seen_at, event_id)"
            " VALUES ('db-1', 'docker', 'stale', 'running', '{}', now() - INTERVAL '99 days', gen_random_uuid())"
        )
        connection.execute(
            "INSERT INTO entity_looks VALUES"
            " ('web-1', 'container', 'docker', now(), gen_random_uuid(), now(), gen_random_uuid())"
        )
    run(url, "retention", "apply", "--database", postgres.name)
    bounds = Bounds(rows=7)
    upkeep = Upkeep(connecting(url), sink_statements(), around=surroundings(CollectorRegistry()), bounds=bounds)
    done = await upkeep.turn()
    # Also `there` was last seen before the newest complete look, which does not show it.
    # Of a hypertable whole chunks are dropped: no rows that are counted.
    chunked = one(url, "SELECT EXISTS (SELECT FROM pg_inherits WHERE inhparent = 'metric_samples'::regclass)")
    assert done.deleted == (2 if chunked else 29 + 2)
    assert one(url, "SELECT count(*) FROM metric_samples") == 31
    assert one(url, "SELECT count(*) FROM metric_samples_1m") == 60
    assert rows(url, "SELECT name FROM containers") == [("stale",)]
    assert (await upkeep.turn()).deleted == 0


@pytest.mark.timescaledb
def test_policies_keep_what_the_settings_say(postgres: TestDatabase, url: str) -> None:
    if one(url, "SELECT current_setting('timescaledb.license')") == "apache":
        pytest.skip("the Apache edition has no policies")
    for group, command in COMMANDS:
        run(url, group, command, "--database", postgres.name)
    jobs = rows(
        url,
        "SELECT coalesce(config ->> 'drop_after', config ->> 'compress_after', config ->> 'start_offset'), proc_name,"
        " config ->> 'recompress' FROM timescaledb_information.jobs WHERE job_id >= 1000 ORDER BY job_id",
    )
    by_kind = {kind: [job for job in jobs if job[1] == kind] for kind in {job[1] for job in jobs}}
    assert len(by_kind["policy_refresh_continuous_aggregate"]) == 3
    assert len(by_kind["policy_compression"]) == 6
    assert {job[2] for job in by_kind["policy_compression"]} == {"false"}
    assert {job[0] for job in by_kind["policy_retention"]} == {"30 days", "90 days", "730 days", "365 days"}


@pytest.mark.timescaledb
async def test_late_rows_find_their_place_beside_a_compressed_chunk(postgres: TestDatabase, url: str) -> None:
    if one(url, "SELECT current_setting('timescaledb.license')") == "apache":
        pytest.skip("the Apache edition has no compression")
    run(url, "compression", "apply")
    writer = writer_on(url)
    owner = await owned(writer)
    events = [looked(n, values=tuple(float(n) for _ in range(40))) for n in range(1, 600)]
    await writer.store(await admitted(writer, owner, metrics(*events[::2])))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT compress_chunk(c) FROM show_chunks('metric_samples') c")
        connection.execute("SELECT compress_chunk(c) FROM show_chunks('events') c")
    rival = looked(900, values=(7.0,), time=events[0].time)
    late = await writer.store(await admitted(writer, owner, metrics(*events[1::2], begin=300)))
    merged = await writer.store(await admitted(writer, owner, metrics(rival, begin=700)))
    await writer.close()
    assert (late.merged, merged.conflicts) == (False, 1)
    assert one(url, "SELECT count(*) FROM metric_samples") == 599 * 40
    assert one(url, "SELECT count(DISTINCT id) FROM events") == 600
