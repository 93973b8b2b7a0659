"""Every query of the Grafana dashboard, run against the real schema with rows as the processes make them."""

import json
import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb
from pydantic import SecretStr

from collectors import sections
from collectors.system.look import parse, samples
from deploy.local.database import LocalPostgres
from runtime.settings import PostgresSettings
from sinks.timescale import schema
from sinks.timescale.rollups import ROLLUPS
from sinks.timescale.tier import SQL
from tests.conftest import TestDatabase, cloned_database
from tests.grafana_panels import DASHBOARD, GRAFANA, Look, Query, queries, sent

pytestmark = pytest.mark.postgres

BEGIN = datetime(2026, 11, 20, 12, tzinfo=UTC)
END = BEGIN + timedelta(hours=6)
INTERVAL_S = 30
DEVICES = ("db-1", "web-1")
LOOKS = (*range(1, 24), 360, 361, 8640, 8641, 17_280, 17_281)
"""When there are looks, in steps of 10 s: counters rise by 4096 a step."""

ROLLED_UP = {120: timedelta(hours=24), 7200: timedelta(days=2), 172_800: timedelta(days=60)}
"""Widths of a point in seconds for which the rollups answer, with a range to each."""

NUMERIC = {"int2", "int4", "int8", "float4", "float8", "numeric"}


def expanded(text: str, interval_s: int = INTERVAL_S, *, end: datetime = END) -> str:
    """Return a query as Grafana sends it for these devices, from BEGIN on."""
    return sent(text, Look(BEGIN, end, interval_s, DEVICES))


def look(number: int) -> str:
    """Return what the files of a machine say, some time after the look before it."""
    ticks, done = 1000 * number, 4096 * number
    return sections.join(
        [
            ("/proc/stat", f"cpu  {ticks} 0 {ticks} {8 * ticks} {ticks} 0 0 0 0 0\ncpu0 1 0 1 1\nbtime 1\n"),
            ("/proc/sys/kernel/random/boot_id", "8e0d2f8c-0000-4000-8000-000000000000\n"),
            ("/proc/loadavg", "0.15 0.19 0.10 1/95 10365\n"),
            ("/proc/uptime", f"{100 + number}.0 90.0\n"),
            ("/proc/meminfo", "MemTotal: 1000 kB\nMemFree: 200 kB\nMemAvailable: 600 kB\n"),
            ("/proc/swaps", "Filename Type Size Used Priority\n/swapfile file 1000 10 -2\n"),
            ("/proc/diskstats", f"254 0 vda {number} 0 {done} 10 {number} 0 {done} 10 0 10 20\n"),
            (
                "/proc/net/dev",
                "Inter-| Receive | Transmit\n face |bytes packets\n"
                f"    lo: {done} 1 0 0 0 0 0 0 {done} 1 0 0 0 0 0 0\n"
                f"  eth0: {done} 1 0 0 0 0 0 0 {done} 1 0 0 0 0 0 0\n",
            ),
            ("/proc/self/mounts", "/dev/vda / ext4 rw 0 0\n"),
            ("/proc/pressure/cpu", "some avg10=1.00 avg60=1.00 avg300=1.00 total=100\n"),
            ("/sys/class/hwmon/hwmon0/name", "k10temp\n"),
            ("/sys/class/hwmon/hwmon0/temp1_input", "41000\n"),
            ("statvfs", "1000 400 300 4096 100 50 /\n"),
        ]
    )


def migrate(url: str) -> None:
    schema.migrate(PostgresSettings(url=SecretStr(url)))


def insert(connection: psycopg.Connection[Any], table: str, **values: object) -> None:
    columns = sql.SQL(", ").join(map(sql.Identifier, values))
    places = sql.SQL(", ").join(sql.Placeholder() * len(values))
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(sql.Identifier(table), columns, places)
    connection.execute(statement, list(values.values()))


def insert_metrics(connection: psycopg.Connection[Any], device: str) -> None:
    """Insert what the system collector makes of looks that are 10 s apart."""
    series: dict[tuple[str, str], int] = {}
    before = None
    for number in LOOKS:
        now = parse(look(number))
        for sample in samples(now, before):
            key = (sample.name, json.dumps(sample.labels, sort_keys=True))
            if key not in series:
                row = connection.execute(
                    "INSERT INTO metric_series (identity, device_id, name, unit, labels) VALUES (%s, %s, %s, %s, %s)"
                    " RETURNING series_id",
                    [uuid.uuid4(), device, sample.name, sample.unit, Jsonb(sample.labels)],
                ).fetchone()
                assert row is not None
                series[key] = row[0]
            time = BEGIN + timedelta(seconds=10 * number)
            insert(connection, "metric_samples", time=time, series_id=series[key], value=sample.value)
        before = now


def insert_device(connection: psycopg.Connection[Any], device: str, *, status: str) -> None:
    change = {
        "device_id": device,
        "event_id": uuid.uuid4(),
        "previous": "unknown",
        "status": status,
        "reason": "alive",
        "summary": "It is alive.",
        "failing": Jsonb([]),
    }
    insert(connection, "devices", device_id=device, observed_at=BEGIN, event_id=uuid.uuid4(), hostname=device)
    early = BEGIN - timedelta(hours=1)
    insert(connection, "status_changes", **{**change, "status": "unknown"}, time=early, since=early, appended_at=early)
    insert(connection, "status_changes", **change, time=BEGIN, since=BEGIN, appended_at=BEGIN)
    insert(connection, "device_status", **change, time=BEGIN, since=BEGIN)
    for number, outcome in enumerate(("success", "timeout")):
        insert(
            connection,
            "collections",
            time=BEGIN + timedelta(seconds=number),
            event_id=uuid.uuid4(),
            device_id=device,
            collector="system",
            status=outcome,
            requested_by="schedule",
            duration_seconds=0.1,
            shortest_interval_seconds=10,
        )


def insert_alerts(connection: psycopg.Connection[Any], device: str) -> None:
    alert = uuid.uuid4()
    insert(
        connection,
        "alerts",
        alert_id=alert,
        device_id=device,
        rule="disk_full",
        rule_revision=1,
        severity="warning",
        labels=Jsonb({}),
        raised_at=BEGIN,
        since=BEGIN,
        value=0.95,
        threshold=0.9,
        summary="Disk / is 95% full",
        historical=False,
    )
    insert(
        connection,
        "notifications",
        notification_id=uuid.uuid4(),
        device_id=device,
        receiver="gotify",
        alert_ids=[alert],
        requested_at=BEGIN,
        kind="raised",
        severity="warning",
        title="Disk / is 95% full",
    )


def insert_troubles(connection: psycopg.Connection[Any], device: str) -> None:
    insert(
        connection,
        "dead_letters",
        consumer="timescale",
        topic="infra.metrics",
        partition=1,
        kafka_offset=7,
        reason="not_json",
        field="",
        message="not JSON",
        attempts=1,
        failed_at=BEGIN,
        headers=Jsonb({}),
        letter_partition=0,
        letter_offset=1,
        times=1,
    )
    insert(
        connection,
        "gaps",
        gap_id=uuid.uuid4(),
        detected_at=BEGIN,
        counted_by="sequence",
        scope=str(uuid.uuid4()),
        topic="infra.metrics",
        subject=device,
        first_missing=3,
        last_missing=5,
        reason="spool_full",
    )
    insert(
        connection,
        "events",
        time=BEGIN,
        id=uuid.uuid4(),
        type="infrastructor.metric.collected.v1",
        subject=device,
        source="/agents/a/b/system",
        topic="infra.metrics",
        partition=1,
        kafka_offset=8,
        appended_at=BEGIN + timedelta(milliseconds=30),
    )


@pytest.fixture(scope="module")
def database(postgres_server: LocalPostgres) -> Iterator[TestDatabase]:
    """A migrated database with rows of two devices in the time range."""
    for fresh in cloned_database(postgres_server, template="empty"):
        migrate(fresh.url)
        with psycopg.connect(fresh.url) as connection:
            for device, status in zip(DEVICES, ("online", "offline"), strict=True):
                insert_device(connection, device, status=status)
                insert_metrics(connection, device)
            insert_alerts(connection, DEVICES[0])
            insert_troubles(connection, DEVICES[0])
            roll_up(connection)
        yield fresh


def roll_up(connection: psycopg.Connection[Any]) -> None:
    """Compute the rollups where the sink's own job would; elsewhere they answer from what is stored by themselves."""
    if {keeper for _, keeper in connection.execute(SQL["keepers_of_rollups"]).fetchall()} == {"sink"}:
        for rollup in ROLLUPS:
            between = {"begin": BEGIN - timedelta(days=1), "end": BEGIN + timedelta(days=4)}
            connection.execute(SQL[f"compute_{rollup.short}"], between)


@pytest.fixture
def reader(database: TestDatabase) -> Iterator[psycopg.Connection[Any]]:
    """A connection that may only read, as Grafana's."""
    with psycopg.connect(database.url, options="-c default_transaction_read_only=on") as connection:
        yield connection


@pytest.mark.parametrize("query", queries(), ids=lambda query: query.panel)
def test_a_panel_shows_what_is_there(reader: psycopg.Connection[Any], query: Query) -> None:
    statement = expanded(query.sql).encode()
    reader.execute(b"EXPLAIN " + statement)
    cursor = reader.execute(statement)
    rows, columns = cursor.fetchall(), cursor.description or []
    assert rows, "no row: a name or a label that the query asks for is not what the collector calls it"
    assert len({column.name for column in columns}) == len(columns), "two columns of one name"
    if query.format == "time_series":
        is_time_series(columns, rows)


@pytest.mark.parametrize("interval_s", ROLLED_UP)
@pytest.mark.parametrize(
    "query", [query for query in queries() if "metric_samples_1m" in query.sql], ids=lambda query: query.panel
)
def test_long_ranges_are_answered_by_the_rollups(
    reader: psycopg.Connection[Any], query: Query, interval_s: int
) -> None:
    statement = expanded(query.sql, interval_s, end=BEGIN + ROLLED_UP[interval_s]).encode()
    plan = "\n".join(row[0] for row in reader.execute(b"EXPLAIN " + statement).fetchall())
    raw = re.search(r"\bmetric_samples\b", plan) is not None
    by_extension = {keeper for _, keeper in reader.execute(SQL["keepers_of_rollups"]).fetchall()} == {"timescaledb"}
    assert by_extension or not raw, plan
    cursor = reader.execute(statement)
    rows = cursor.fetchall()
    assert rows
    is_time_series(cursor.description or [], rows)


def is_time_series(columns: Any, rows: list[tuple[Any, ...]]) -> None:
    """Check what the format `time_series` asks for: times in order, numbers, the rest texts that name the series."""
    names = [column.name for column in columns]
    assert names[0] == "time"
    times = [row[0] for row in rows]
    assert times == sorted(times)
    kinds = {column.name: psycopg.adapters.types[column.type_code].name for column in columns[1:]}
    assert {name for name, kind in kinds.items() if kind not in NUMERIC} <= {"metric"}
    assert len([name for name, kind in kinds.items() if kind in NUMERIC]) == 1


def test_the_variables_list_the_devices(reader: psycopg.Connection[Any]) -> None:
    for variable in DASHBOARD["templating"]["list"]:
        assert [row[0] for row in reader.execute(variable["query"].encode()).fetchall()] == list(DEVICES)


def test_rates_are_what_the_counters_say(reader: psycopg.Connection[Any]) -> None:
    (network,) = [query for query in queries() if query.panel == "Network"]
    rates = reader.execute(expanded(network.sql).encode()).fetchall()
    assert {row[1] for row in rates} == {
        f"{device} eth0 {way}" for device in DEVICES for way in ("receive", "transmit")
    }
    assert {round(row[2], 3) for row in rates} == {409.6}
    rolled_up = reader.execute(expanded(network.sql, 120, end=BEGIN + timedelta(minutes=4)).encode()).fetchall()
    assert {round(row[2], 3) for row in rolled_up} == {409.6}


def test_a_look_at_an_empty_database_is_no_error(postgres: TestDatabase) -> None:
    migrate(postgres.url)
    with psycopg.connect(postgres.url) as connection:
        for query in queries():
            connection.execute(expanded(query.sql).encode())


def test_panels_and_variables_ask_the_provisioned_data_source() -> None:
    source = re.search(r"^    uid: (\S+)$", (GRAFANA / "provisioning/datasources/infrastructor.yaml").read_text(), re.M)
    assert source is not None
    assert {
        part["uid"] for part in _found(DASHBOARD, "datasource") if part.get("type") == "grafana-postgresql-datasource"
    } == {source[1]}
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)


def _found(tree: Any, name: str) -> Iterator[dict[str, Any]]:
    match tree:
        case dict():
            if name in tree:
                yield tree[name]
            for part in tree.values():
                yield from _found(part, name)
        case list():
            for part in tree:
                yield from _found(part, name)
