"""`db export` read back with pyarrow: every row, every type, and nothing left behind when it fails."""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pyarrow
import pyarrow.parquet
import pytest
from click.testing import CliRunner, Result

from cli.db import db
from runtime.errors import InputInvalid, SchemaOutdated
from sinks.timescale import export, schema
from sinks.timescale.inspection.asking import SQL
from tests.conftest import TestDatabase
from tests.integration.timescale_setup import settings_of

pytestmark = pytest.mark.postgres

BEGIN = datetime(2026, 11, 20, tzinfo=UTC)
ID = UUID("01935c1e-7e1c-7000-8000-000000000001")


@pytest.fixture
def database(postgres: TestDatabase) -> TestDatabase:
    schema.migrate(settings_of(postgres.url))
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO metric_samples SELECT %s + i * INTERVAL '1 min', s, i / 3.0"
            " FROM generate_series(0, 1439) i, generate_series(1, 5) s",
            (BEGIN,),
        )
        connection.execute(
            "INSERT INTO alerts (alert_id, device_id, rule, rule_revision, severity, labels, raised_at, value, summary,"
            " historical) VALUES (%s, 'web-1', 'cpu', 3, 'warning', %s, %s, 0.5, 'hot ü', false)",
            (ID, '{"cpu": "0"}', BEGIN),
        )
        connection.execute(
            "INSERT INTO notifications (notification_id, device_id, alert_ids) VALUES (%s, '_fleet', %s)", (ID, [ID])
        )
        connection.execute(
            "INSERT INTO sequence_ledger (topic, subject, scope, seen) VALUES ('t', 's', 'x', '{[1,5)}')"
        )
    return postgres


def run(database: TestDatabase, *arguments: str) -> Result:
    return CliRunner().invoke(db, ("export", *arguments), env={"INFRASTRUCTOR_DATABASE__URL": database.url})


def table(path: Path) -> Any:
    return pyarrow.parquet.read_table(path)


def test_a_range_comes_back_as_it_was(database: TestDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "ROWS", 1000)
    output = tmp_path / "samples.parquet"
    done = run(
        database,
        "metric_samples",
        "--from",
        "2026-11-20T06:00:00Z",
        "--to",
        "2026-11-20T13:00:00+01:00",
        "--output",
        str(output),
        "--json",
    )
    assert done.exit_code == 0, (done.output, done.exception)
    told = json.loads(done.stdout)
    assert (told["rows"], told["bytes"]) == (6 * 60 * 5, output.stat().st_size)
    found = table(output)
    assert found.schema.field("time").type == pyarrow.timestamp("us", tz="UTC")
    assert found.schema.field("series_id").type == pyarrow.int64()
    assert found.schema.field("value").type == pyarrow.float64()
    rows = sorted((row["time"], row["series_id"], row["value"]) for row in found.to_pylist())
    wanted = [(BEGIN + timedelta(minutes=i), s, i / 3.0) for i in range(360, 720) for s in range(1, 6)]
    assert [row[:2] for row in rows] == [row[:2] for row in wanted]
    assert [row[2] for row in rows] == pytest.approx([row[2] for row in wanted])
    assert pyarrow.parquet.ParquetFile(output).num_row_groups == 2
    assert [path.name for path in tmp_path.iterdir()] == [output.name]


def test_every_type_is_kept_or_becomes_its_text(database: TestDatabase, tmp_path: Path) -> None:
    for name in ("alerts", "notifications", "sequence_ledger", "alerts_open", "rollups", "devices"):
        done = run(database, name, "--output", str(tmp_path / name))
        assert done.exit_code == 0, (done.output, done.exception)
    (alert,) = table(tmp_path / "alerts").to_pylist()
    assert (alert["alert_id"], alert["labels"], alert["raised_at"]) == (str(ID), '{"cpu": "0"}', BEGIN)
    assert (alert["historical"], alert["value"], alert["summary"]) == (False, 0.5, "hot ü")
    assert (alert["rule_revision"], alert["resolved_at"]) == (3, None)
    (notification,) = table(tmp_path / "notifications").to_pylist()
    assert notification["alert_ids"] == [str(ID)]
    (ledger,) = table(tmp_path / "sequence_ledger").to_pylist()
    assert (ledger["seen"], ledger["dead"]) == ("{[1,5)}", "{}")
    assert {row["step"] for row in table(tmp_path / "rollups").to_pylist()} == {"00:01:00", "01:00:00", "1 day"}
    assert table(tmp_path / "devices").num_rows == 0
    assert table(tmp_path / "devices").schema.field("groups").type == pyarrow.list_(pyarrow.string())


def test_every_table_and_view_can_be_exported(database: TestDatabase, tmp_path: Path) -> None:
    with psycopg.connect(database.url) as connection:
        names = [row[0] for row in connection.execute(SQL["relations"]).fetchall()]
    assert len(names) > 50
    for name in names:
        done = run(database, name, "--output", str(tmp_path / name))
        assert done.exit_code == 0, (name, done.exception)


def test_what_cannot_be_done_is_told(database: TestDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "x.parquet"
    for arguments, said in (
        (("moons", "--output", str(output)), "there is no table 'moons'; there are: alert"),
        (("metric_series", "--from", "30d", "--output", str(output)), "no column time"),
        (("alerts", "--output", str(tmp_path / "none" / "x")), "cannot write"),
    ):
        failed = run(database, *arguments)
        assert isinstance(failed.exception, InputInvalid), arguments
        assert said in failed.exception.message
    assert list(tmp_path.iterdir()) == []
    output.write_text("mine")
    assert isinstance(run(database, "alerts", "--output", str(output)).exception, InputInvalid)
    assert output.read_text() == "mine"
    assert run(database, "alerts", "--output", str(output), "--overwrite").exit_code == 0
    assert isinstance(run(database, "alerts", "--from", "2026-11-20", "--output", "y").exception, InputInvalid)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    missing = run(database, "alerts", "--output", str(tmp_path / "y"))
    assert isinstance(missing.exception, InputInvalid)
    assert "infrastructor[export]" in missing.exception.message


def test_an_empty_database_is_told_of(postgres: TestDatabase, tmp_path: Path) -> None:
    assert isinstance(run(postgres, "alerts", "--output", str(tmp_path / "x")).exception, SchemaOutdated)
