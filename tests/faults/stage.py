"""The stage of the sink's faults: a broker, a server of the test's own, several sinks, and what is done to them."""

import asyncio
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import LiteralString

import psycopg

from deploy.local.broker import Broker
from deploy.local.database import LocalPostgres
from deploy.local.ports import free_port
from tests.faults import oracle, oracle_gaps, oracle_state
from tests.faults.oracle import Seen
from tests.faults.pipeline import ROOT, TOPICS, Role, run
from tests.faults.planter import Planted, Planter

PREPARE: tuple[LiteralString, ...] = (
    # Rows that the database refuses: see `planter.PICKY`.
    "ALTER TABLE events ADD CONSTRAINT picky"
    " CHECK (type <> 'infrastructor.packages.observed.v1' OR sequence % 10 <> 3)",
    # The oracle's book of who moved which offset: see `oracle_gaps.moves`.
    "CREATE TABLE oracle_moves (n bigserial PRIMARY KEY, topic text, partition integer, before bigint, after bigint,"
    " transaction bigint)",
    "CREATE FUNCTION oracle_note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " INSERT INTO oracle_moves (topic, partition, before, after, transaction) VALUES"
    " (new.topic, new.partition, old.next_offset, new.next_offset, pg_current_xact_id()::xid::text::bigint);"
    " RETURN new; END $$",
    "CREATE TRIGGER oracle_notes AFTER UPDATE ON sink_offsets FOR EACH ROW EXECUTE FUNCTION oracle_note()",
)

GRACE_S = 2
AT_REST_S = 90.0
AWAY = "cannot be reached"
"""In words, why a sink is not ready whose server is not there."""

STORED: LiteralString = "SELECT coalesce(sum(next_offset), 0) FROM sink_offsets"


def problems(topics: dict[str, list[Seen]], planted: Planted, database: str) -> list[str]:
    """Everything that the oracle has against a database, given the log and what was planted in it."""
    found = oracle.stored_once(topics, database) + oracle_gaps.letters(topics, database, dead=planted.dead)
    if found:
        # What was spoilt can only be told from what was not once all of it is a dead letter.
        return found
    dead = oracle_gaps.dead_ids(topics)
    live = {name: [one for one in seen if one.id not in dead] for name, seen in topics.items()}
    return (
        oracle.samples_once(live, database)
        + oracle.current_state(live, database)
        + oracle_state.entities(live, database)
        + oracle_gaps.gap_ledger(topics, database, missing=planted.missing, late=planted.late)
        + oracle_gaps.gaps_as_told(live, database)
        + oracle_gaps.one_document_an_id(topics)
        + oracle_gaps.moves(database)
    )


@dataclass
class Sink(Role):
    """A sink process whose readiness can be asked."""

    port: int = 0

    def conditions(self) -> dict[str, str]:
        """What it lacks to be ready, by part; empty when it is ready, or does not answer."""
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=2).close()
        except urllib.error.HTTPError as error:
            with error:
                found = json.loads(error.read())["conditions"]
            return {name: one["why"] for name, one in found.items() if not one["ok"]}
        except OSError:
            return {}
        return {}


@dataclass
class Stage:
    """Everything a fault can be done to; `chance` draws, so that a seed repeats the order of things."""

    broker: Broker
    server: LocalPostgres
    database: str
    folder: Path
    seed: int
    planter: Planter = field(init=False)
    chance: random.Random = field(init=False)
    sinks: list[Sink] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.planter = Planter(self.broker.bootstrap, seed=self.seed)
        self.environment = {
            "INFRASTRUCTOR_KAFKA__BOOTSTRAP_SERVERS": self.broker.bootstrap,
            "INFRASTRUCTOR_KAFKA__SESSION_TIMEOUT_S": "6",
            "INFRASTRUCTOR_KAFKA__HEARTBEAT_S": "1",
            "INFRASTRUCTOR_DATABASE__URL": self.database,
            "INFRASTRUCTOR_DATA_DIR": str(self.folder),
            "INFRASTRUCTOR_SINK__GAP_GRACE_S": str(GRACE_S),
            "INFRASTRUCTOR_SINK__BATCH_WINDOW_S": "0.3",
            "INFRASTRUCTOR_SINK__REFUSED_MINIMUM": "1000000",
            "INFRASTRUCTOR_SINK__REFUSED_IN_A_ROW": "1000000",
            "PYTHONPATH": str(ROOT),
        }
        run(("db", "migrate"), self.environment)
        with psycopg.connect(self.database, autocommit=True) as connection:
            for statement in PREPARE:
                connection.execute(statement)

    def inherited(self) -> dict[str, str]:
        """The environment of a command, with this process's own."""
        return {**os.environ, **self.environment}

    def sink(self) -> Sink:
        """One more sink, started."""
        port, number = free_port(), len(self.sinks)
        made = Sink(
            f"sink-{number}",
            (sys.executable, "-m", "cli.main", "sink", "timescale"),
            {**self.environment, "INFRASTRUCTOR_HTTP__PORT": str(port)},
            self.folder / f"sink-{number}.log",
            port=port,
        )
        self.sinks.append(made)
        made.start()
        return made

    def say(self, what: str) -> None:
        """Note what is done, for whoever reads a failure."""
        self.done.append(what)
        print(f"{time.strftime('%H:%M:%S')} {what}")

    def stored(self) -> int:
        """The sum of all stored offsets; it only grows."""
        with psycopg.connect(self.database) as connection:
            row = connection.execute(STORED).fetchone()
        return int(row[0]) if row else 0

    def until(self, what: str, condition: Callable[[], bool], *, within_s: float = 30) -> None:
        """Wait for something; fails with what the sinks said last. A database that is away is no answer yet."""
        deadline = time.monotonic() + within_s
        while True:
            with suppress(psycopg.OperationalError):
                if condition():
                    return
            said = "\n".join(f"--- {one.name}\n{one.tail()}" for one in self.sinks)
            assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}\n{self.done}\n{said}"
            time.sleep(0.1)

    def goes_on(self, *, within_s: float = 60) -> None:
        """Wait until something more is stored than there was."""
        before: list[int] = []

        def more() -> bool:
            before.append(self.stored())
            return before[-1] > before[0]

        self.until("something more is stored", more, within_s=within_s)

    def why(self, sink: Sink, part: str, pattern: str, *, within_s: float = 30) -> None:
        """Wait until the sink says that it is not ready, and why."""
        self.until(
            f"{sink.name} says why it waits: {pattern}",
            lambda: re.search(pattern, sink.conditions().get(part, "")) is not None,
            within_s=within_s,
        )

    def end_sessions(self, *, of: LiteralString = "infrastructor-%") -> int:
        """`pg_terminate_backend` of the sinks' sessions; how many there were."""
        with psycopg.connect(self.server.url, autocommit=True) as connection:
            rows = connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE %s", (of,)
            )
            return len(rows.fetchall())

    def topics(self) -> dict[str, list[Seen]]:
        """All that is in the log now."""
        return asyncio.run(oracle.read_topics(self.broker.bootstrap, TOPICS))

    def problems(self) -> list[str]:
        """What the oracle has against what is stored; the planter must have finished."""
        return problems(self.topics(), self.planter.planted, self.database)

    def judge(self) -> None:
        """Let everything come to rest, and hold the log against the database."""
        self.planter.finish()
        print(f"{time.strftime('%H:%M:%S')} planted {_counted(self.planter)}")
        deadline = time.monotonic() + AT_REST_S
        while found := self.problems():
            if time.monotonic() > deadline:
                break
            time.sleep(1)
        said = [f"--- {one.name}\n{one.tail()}" for one in self.sinks] if found else []
        assert found == [], "\n".join([f"seed {self.seed}", *self.done, *found, *said])
        for one in self.sinks:
            assert one.process is not None
            log = one.log.read_text(errors="replace")
            # Who is asked twice leaves at once; who had not begun yet knows nothing of signals.
            ends = {None, 0, -signal.SIGKILL, 128 + signal.SIGINT} | (set() if "storing" in log else {-signal.SIGTERM})
            assert one.process.poll() in ends, f"{one.name} ended with {one.process.poll()}\n{one.tail()}"
            assert one.process.poll() is not None or one.stop(20) == 0, one.tail()
            assert "Traceback" not in log, log[-5000:]

    def end(self) -> None:
        """Whatever happened, nothing is left."""
        self.planter.halt()
        for one in self.sinks:
            if one.process is not None and one.process.poll() is None:
                one.process.send_signal(signal.SIGCONT)
            one.end()


def _counted(planter: Planter) -> str:
    found = planter.planted
    names = ("lost", "declared", "late", "dead")
    return f"{found.sent} sent, {found.again} turns again, " + ", ".join(
        f"{len(getattr(found, name))} {name}" for name in names
    )


@contextmanager
def small_disk(folder: Path, *, megabytes: int) -> Iterator[Path]:
    """A folder on a disk of its own, in memory; raises OSError with the reason where that may not be."""
    mount = shutil.which("mount")
    if mount is None:
        raise OSError("no program `mount` here")
    folder.mkdir()
    size = f"size={megabytes}m,mode=0755"
    made = subprocess.run((mount, "-t", "tmpfs", "-o", size, "tmpfs", str(folder)), capture_output=True, check=False)
    if made.returncode:
        raise OSError(f"no tmpfs can be mounted: {made.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(("umount", "--lazy", str(folder)), check=False)
