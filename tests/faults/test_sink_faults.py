"""The sink under what can happen to it, to its database and to the broker, in an order that a seed draws.

The load goes on all the while and a backfill runs beside it; then the oracle holds every row against the log.
"""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.faults.pipeline import ROOT
from tests.faults.stage import AWAY, Sink, Stage

pytestmark = [pytest.mark.faults, pytest.mark.kafka, pytest.mark.postgres, pytest.mark.timeout(300)]

BACKFILL = (sys.executable, "-m", "cli.main", "replay", "backfill", "--from", "1h", "--json")
REFUSED = 1
"""The backfill's exit code where records were refused: some were planted that nobody takes."""

Fault = Callable[[Stage, Sink], None]


def sink_killed(stage: Stage, sink: Sink) -> None:
    sink.kill()
    time.sleep(stage.chance.uniform(0, 0.5))
    sink.start()


def server_killed(stage: Stage, sink: Sink) -> None:
    stage.server.kill()
    stage.why(sink, "database", AWAY)
    stage.server.start()


def server_restarted(stage: Stage, sink: Sink) -> None:
    stage.server.stop()
    stage.why(sink, "database", AWAY)
    stage.server.start()


def sessions_ended(stage: Stage, _: Sink) -> None:
    ended = 0
    for _turn in range(6):
        time.sleep(stage.chance.uniform(0.05, 0.4))
        ended += stage.end_sessions()
    assert ended


def broker_killed(stage: Stage, _: Sink) -> None:
    stage.broker.kill()
    time.sleep(stage.chance.uniform(0, 1))
    stage.broker.start()


def read_only(stage: Stage, sink: Sink) -> None:
    name = psycopg.conninfo.conninfo_to_dict(stage.database)["dbname"]
    statement = sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = {}")
    with psycopg.connect(stage.server.url, autocommit=True) as connection:
        connection.execute(statement.format(sql.Identifier(str(name)), sql.SQL("on")))
        stage.end_sessions()
        stage.why(sink, "database", "read-only")
        connection.execute(statement.format(sql.Identifier(str(name)), sql.SQL("off")))


def no_connection_left(stage: Stage, sink: Sink) -> None:
    with contextlib.ExitStack() as taken:
        admin = taken.enter_context(psycopg.connect(stage.server.url, autocommit=True))

        def told() -> bool:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'infrastructor-%'"
            )
            with contextlib.suppress(psycopg.OperationalError):
                while True:
                    taken.enter_context(psycopg.connect(stage.server.url))
            return "too many clients" in sink.conditions().get("database", "")

        stage.until("the sink says that there are too many clients", told)


def table_locked(stage: Stage, sink: Sink) -> None:
    with psycopg.connect(stage.database) as connection:
        connection.execute("LOCK TABLE events")
        stage.why(sink, "database", "lock timeout")


FAULTS: tuple[Fault, ...] = (
    sink_killed,
    server_killed,
    server_restarted,
    sessions_ended,
    broker_killed,
    read_only,
    no_connection_left,
    table_locked,
)


class Backfills:
    """The range stored again and again beside the sink; what a fault does to a run is no matter."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._process: subprocess.Popen[bytes] | None = None
        self.codes: list[int] = []

    def tend(self) -> None:
        """Begin a run where none is under way."""
        if self._process is not None:
            code = self._process.poll()
            if code is None:
                return
            self.codes.append(code)
        with (self._stage.folder / "backfill.log").open("ab") as log:
            environment = self._stage.inherited()
            self._process = subprocess.Popen(BACKFILL, env=environment, cwd=ROOT, stdout=log, stderr=log)

    def end(self) -> None:
        """Kill the run that is under way."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def once_more(self) -> None:
        """A run over all there is, which finds nothing to change."""
        done = subprocess.run(
            (*BACKFILL, "--restart"), env=self._stage.inherited(), cwd=ROOT, capture_output=True, check=False
        )
        assert done.returncode == REFUSED, done.stderr.decode()
        assert json.loads(done.stdout)["changed"] == {}


@pytest.fixture
def backfills(stage: Stage) -> Iterator[Backfills]:
    found = Backfills(stage)
    yield found
    found.end()


def test_whatever_happens_each_event_is_stored_once(stage: Stage, backfills: Backfills, tmp_path: Path) -> None:
    stage.planter.start()
    sink = stage.sink()
    stage.goes_on()
    for fault in stage.chance.sample(FAULTS, len(FAULTS)):
        backfills.tend()
        time.sleep(stage.chance.uniform(0.2, 1.5))
        stage.say(fault.__name__)
        fault(stage, sink)
        stage.goes_on()
    stage.say("at rest")
    stage.until("the sink is ready", lambda: sink.process is not None and sink.conditions() == {})
    backfills.end()
    stage.judge()
    backfills.once_more()
    print(f"backfills beside it ended with {backfills.codes}")
