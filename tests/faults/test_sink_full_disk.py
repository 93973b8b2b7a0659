"""A disk that is full under the database: the sink waits, says why, and goes on when there is room again."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from deploy.local.broker import Broker
from deploy.local.database import LocalPostgres
from deploy.local.unprivileged import own_by_nobody
from runtime.settings import KafkaSettings
from tests.conftest import database_options
from tests.faults.stage import AWAY, Sink, Stage, small_disk

pytestmark = [pytest.mark.faults, pytest.mark.kafka, pytest.mark.postgres, pytest.mark.timeout(300)]

TABLES_MB, DATA_MB = 200, 700
BLOCK = 1 << 20


@contextlib.contextmanager
def mounted(folder: Path, *, megabytes: int) -> Iterator[Path]:
    """A small disk, or the test is skipped with the reason."""
    with contextlib.ExitStack() as stack:
        try:
            found = stack.enter_context(small_disk(folder, megabytes=megabytes))
        except OSError as error:
            pytest.skip(f"a full disk takes a small one: {error}")
        own_by_nobody(found)
        yield found


@pytest.fixture
def data_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with mounted(tmp_path_factory.mktemp("disks") / "data", megabytes=DATA_MB) as found:
        yield found


@pytest.fixture
def table_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with mounted(tmp_path_factory.mktemp("disks") / "tables", megabytes=TABLES_MB) as found:
        yield found


@pytest.fixture
def server(data_disk: Path) -> Iterator[LocalPostgres]:
    """A server whose data, journal included, is on a small disk."""
    found = LocalPostgres(data_disk / "postgres", options=database_options())
    found.start()
    yield found
    found.stop()


@pytest.fixture
def stage(
    topics: KafkaSettings, broker: Broker, server: LocalPostgres, table_disk: Path, tmp_path: Path, seed: int
) -> Iterator[Stage]:
    """The stage on a database whose tables are on another small disk."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE TABLESPACE small LOCATION {}").format(sql.Literal(str(table_disk))))
        connection.execute("CREATE DATABASE stored TABLESPACE small")
    found = Stage(broker, server, server.url_of("stored"), tmp_path, seed)
    yield found
    found.end()


def fill(folder: Path) -> Path:
    """Write a file until nothing more goes onto the disk."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        for size in (BLOCK, 4096, 1):
            with contextlib.suppress(OSError):
                while file.write(b"\0" * size) == size:
                    pass
    return ballast


def tables_full(stage: Stage, sink: Sink, disk: Path) -> None:
    """No table can grow: the server goes on, and refuses."""
    ballast = fill(disk)
    try:
        stage.why(sink, "database", "lacks resources.*No space left on device", within_s=40)
    finally:
        ballast.unlink()


def journal_full(stage: Stage, sink: Sink, disk: Path) -> None:
    """The journal cannot grow: the server itself gives up, and comes back when there is room."""
    ballast = fill(disk)
    try:
        with contextlib.suppress(psycopg.Error), psycopg.connect(stage.server.url, autocommit=True) as connection:
            for _ in range(100):
                connection.execute("SELECT pg_logical_emit_message(false, 'fill', repeat('x', 1000000))")
        stage.why(sink, "database", AWAY, within_s=40)
    finally:
        ballast.unlink()
    if not stage.server.answers():
        stage.server.kill()
        stage.server.start()


def test_a_full_disk_is_waited_for(stage: Stage, data_disk: Path, table_disk: Path) -> None:
    stage.planter.start()
    sink = stage.sink()
    stage.goes_on()
    faults = [("tables", tables_full, table_disk), ("journal", journal_full, data_disk)]
    for name, fault, disk in stage.chance.sample(faults, len(faults)):
        stage.say(f"the disk of the {name} is full")
        fault(stage, sink, disk)
        stage.goes_on()
    stage.say("at rest")
    stage.until("the sink is ready", lambda: sink.conditions() == {})
    stage.judge()
