"""Fixtures shared by all tests: a real broker, a real database, free ports, and a watch on processes left behind."""

import asyncio
import os
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg import sql

from deploy.local import ports
from deploy.local.broker import Broker
from deploy.local.database import DatabaseOptions, LocalPostgres
from runtime.kafka.admin import apply_topics
from runtime.kafka.catalog import load_catalog
from runtime.settings import KafkaSettings

# A server whose processes are killed by tests keeps its pages: only a power cut would need these.
_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_TEMPLATE = "empty"
_MARK = "PYTEST_STARTED_BY"
_GRACE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class TestDatabase:
    """A fresh database of one test, on the server that this test process shares."""

    __test__ = False

    url: str
    name: str
    server: LocalPostgres


def database_options() -> DatabaseOptions:
    """Take the server that INFRASTRUCTOR_TEST_PG_BIN names (one with timescaledb, say), else the embedded one.

    INFRASTRUCTOR_TEST_PG_EDITION=apache runs the extension as its Apache edition.
    """
    binaries, edition = os.environ.get("INFRASTRUCTOR_TEST_PG_BIN"), os.environ.get("INFRASTRUCTOR_TEST_PG_EDITION")
    settings = _FAST | ({"timescaledb.license": edition} if edition else {})
    return DatabaseOptions(binaries=Path(binaries) if binaries else None, settings=settings)


@cache
def _offers_timescaledb() -> bool:
    return LocalPostgres(Path("unused"), port=1, options=database_options()).offers_timescaledb


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("timescaledb") and not _offers_timescaledb():
        pytest.skip("the server does not offer the timescaledb extension (INFRASTRUCTOR_TEST_PG_BIN names another)")


@pytest.fixture(scope="session", autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Fail the run when a process that a test started is still there at its end, orphans included."""
    token = uuid.uuid4().hex
    os.environ[_MARK] = token
    yield
    deadline = time.monotonic() + _GRACE_SECONDS
    while (left := _started_with(token)) and time.monotonic() < deadline:
        time.sleep(0.1)
    names = [" ".join(process.cmdline())[:120] for process in left]
    for process in left:
        process.kill()
    assert not names, f"processes left behind by tests: {names}"


def _started_with(token: str) -> list[psutil.Process]:
    """Return the processes that inherited this test process's mark."""
    found = []
    for process in psutil.process_iter():
        try:
            ours = process.environ().get(_MARK) == token and process.pid != os.getpid()
            if ours and "multiprocessing.resource_tracker" not in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


@pytest.fixture
def free_port() -> Callable[[], int]:
    """A function that returns a free TCP port of 127.0.0.1."""
    return ports.free_port


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data folder of this test's own, not made yet."""
    return tmp_path / "data"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A real broker of this module's own: `.bootstrap`, `.kill()`, `.start()`, `.stop()`."""
    broker = Broker(tmp_path_factory.mktemp("kafka"))
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture(scope="module")
def topics(broker: Broker) -> KafkaSettings:
    """Settings of this module's broker, on which everything that topics.yaml lists has been created."""
    settings = KafkaSettings(bootstrap_servers=(broker.bootstrap,))
    asyncio.run(apply_topics(settings, load_catalog(settings)))
    return settings


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPostgres]:
    """The real server that the tests of one process share."""
    server = LocalPostgres(tmp_path_factory.mktemp("postgres"), options=database_options())
    server.start()
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_TEMPLATE)))
        # TimescaleDB's launcher visits every database that takes connections; a template must have no visitors.
        connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(_TEMPLATE)))
    yield server
    server.stop()


@pytest.fixture
def postgres(postgres_server: LocalPostgres) -> Iterator[TestDatabase]:
    """A fresh, empty database: `.url`. Clone a template of your own with `cloned_database`."""
    yield from cloned_database(postgres_server, template=_TEMPLATE)


def cloned_database(server: LocalPostgres, *, template: str) -> Iterator[TestDatabase]:
    """Yield a clone of `template`, dropped afterwards whoever is still connected."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        )
    yield TestDatabase(url=server.url_of(name), name=name, server=server)
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
