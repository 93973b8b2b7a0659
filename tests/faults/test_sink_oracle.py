"""The oracle of the sink notices what it should: a load is stored as it is, then one thing is made wrong."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import LiteralString

import psycopg
import pytest
from prometheus_client import CollectorRegistry

from deploy.local.database import LocalPostgres
from runtime.clock import SystemClock
from runtime.kafka.producer import Outgoing
from schemas.record import RawRecord
from sinks.timescale import schema
from sinks.timescale.gap_watch import GapWatch
from sinks.timescale.limits import Limit
from sinks.timescale.metrics import SinkMetrics
from sinks.timescale.store import Store
from sinks.timescale.tables import sink_statements
from tests.conftest import cloned_database
from tests.contract.memory_log import MemoryLog
from tests.faults.oracle import Seen
from tests.faults.pipeline import TOPICS
from tests.faults.planter import Number, Planted, Planter
from tests.faults.stage import PREPARE, problems
from tests.integration.timescale_log import surroundings
from tests.integration.timescale_setup import admitted, connecting, owned, settings_of, writer_on

pytestmark = pytest.mark.postgres

TURNS = 25


@dataclass(frozen=True)
class Whole:
    """A log that is stored as it should be, in a database to be cloned."""

    topics: dict[str, list[Seen]]
    planted: Planted
    template: str
    server: LocalPostgres


def seen(raw: RawRecord) -> Seen:
    try:
        event = json.loads(raw.value or b"")
    except ValueError:
        event = None
    return Seen(
        raw.topic, raw.partition, raw.offset, raw.appended_ms, raw.key, raw.value, raw.headers,
        event if isinstance(event, dict) else None,
    )  # fmt: skip


async def fill(url: str, planter: Planter) -> MemoryLog:
    """Store a load as the sink does, its dead letters and its gaps included."""
    registry, log = CollectorRegistry(), MemoryLog(dict.fromkeys(TOPICS, 1), clock=SystemClock())
    around, metrics, writer = surroundings(registry), SinkMetrics.on(registry), writer_on(url)
    endless = Limit(in_a_row=10**6, share=1)
    store = Store(writer, log, around=around, metrics=metrics, limit=endless, explain=lambda _: None)
    watch = GapWatch(connecting(url), sink_statements(), log, around=around, metrics=metrics, grace_s=0)

    async def keep_up() -> None:
        for topic in TOPICS:
            owner = await owned(writer, topic)
            batch = await admitted(writer, owner, log.records(topic)[owner.known :])
            await store.store(batch, None, fenced=lambda _: None)

    lines = planter.made(TURNS)
    for part in (lines[: len(lines) // 2], lines[len(lines) // 2 :]):
        await log.send([Outgoing(*line) for line in part])
        await keep_up()
        await watch.turn()
        await keep_up()
        await watch.turn()
        await keep_up()
    await writer.close()
    return log


@pytest.fixture(scope="module")
def whole(postgres_server: LocalPostgres) -> Iterator[Whole]:
    for database in cloned_database(postgres_server, template="empty"):
        schema.migrate(settings_of(database.url))
        with psycopg.connect(database.url) as connection:
            for statement in PREPARE:
                connection.execute(statement)
        planter = Planter("", seed=4711)
        log = asyncio.run(fill(database.url, planter))
        topics = {topic: [seen(raw) for raw in log.records(topic)] for topic in TOPICS}
        yield Whole(topics, planter.planted, database.name, postgres_server)


@pytest.fixture
def url(whole: Whole) -> Iterator[str]:
    for database in cloned_database(whole.server, template=whole.template):
        yield database.url


def test_a_whole_load_passes(whole: Whole, url: str) -> None:
    planted = whole.planted
    assert min(map(len, (planted.lost, planted.declared, planted.late, planted.dead))) > 0
    assert problems(whole.topics, planted, url) == []


Wrongs = tuple[tuple[LiteralString, str], ...]

STATES: Wrongs = (
    ("UPDATE containers_seen SET restart_count = restart_count + 1", "container: another current state"),
    ("DELETE FROM drives_seen", "drive: another current state"),
    ("UPDATE entity_looks SET complete_at = now(), complete_event_id = event_id WHERE family = 'pool'",
     "pool: another current state"),
    ("UPDATE services_seen SET seen_at = now() + interval '1 h', active_state = 'failed', event_id = gen_random_uuid()",
     "service: another current state"),
    ("UPDATE network_interfaces_seen SET state = 'dormant'", "network: another current state"),
    ("DELETE FROM container_ports_seen", "container ports: another current state"),
    ("UPDATE packages SET event_id = gen_random_uuid()", "package updates: another current state"),
    ("UPDATE config_files SET content_hash = repeat('d', 64)", "config files: another current state"),
    ("UPDATE device_status SET summary = 'old'", "device status: another current state"),
    ("DELETE FROM entity_status WHERE entity = 'thing-1'", "entity status: another current state"),
    ("UPDATE devices SET first_seen_at = now()", "inventory: another current state"),
    ("UPDATE notifications SET outcome = 'failed'", "notifications: another current state"),
    ("DELETE FROM collections WHERE event_id = (SELECT min(event_id::text)::uuid FROM collections)",
     "collections: not there"),
    ("UPDATE alert_transitions SET event_id = gen_random_uuid() WHERE transition = 'raised'",
     "alert_transitions: of no event"),
    ("UPDATE sequence_ledger SET seen = seen - int8multirange(int8range(1, 2)) WHERE subject = 'dev-01'",
     "another hole in the ledger than in the log"),
    ("UPDATE sink_offsets SET next_offset = next_offset - 1 WHERE topic = 'infra.metrics'",
     "an offset that did not go on from where it was"),
    ("UPDATE events SET source = source WHERE subject = 'dev-02'",
     "an event that another transaction stored than the one that passed it"),
)  # fmt: skip
GAPS: Wrongs = (
    ("DELETE FROM gaps WHERE gap_id = (SELECT gap_id FROM gaps WHERE closed_at IS NULL LIMIT 1)",
     "missing, and no open gap"),
    ("UPDATE gaps SET first_missing = first_missing - 1", "an open gap of what is not missing"),
    ("INSERT INTO gaps SELECT gen_random_uuid(), now(), source, counted_by, scope, topic, subject, partition,"
     " first_missing, last_missing FROM gaps WHERE source = '/sinks/timescale' LIMIT 1", "told in two gaps"),
    ("UPDATE gaps SET closed_at = NULL", "an open gap though all of it came"),
)  # fmt: skip
CLOSED: Wrongs = (("UPDATE gaps SET closed_at = now() WHERE closed_at IS NULL", "a gap open or closed wrongly"),)
LETTERS: Wrongs = (("DELETE FROM dead_letters WHERE reason = 'time_ahead'", "a dead letter that is not stored"),)


@pytest.mark.parametrize("wrongs", [STATES, GAPS, CLOSED, LETTERS], ids=["states", "gaps", "closed", "letters"])
def test_what_is_made_wrong_is_noticed(whole: Whole, url: str, wrongs: Wrongs) -> None:
    with psycopg.connect(url) as connection:
        for statement, _ in wrongs:
            assert connection.execute(statement).rowcount > 0, statement
    found = problems(whole.topics, whole.planted, url)
    assert [noticed for _, noticed in wrongs if not any(noticed in sentence for sentence in found)] == [], found


def without(topics: dict[str, list[Seen]], number: Number) -> dict[str, list[Seen]]:
    """The log without one event, all copies of it."""
    (topic, subject, _), sequence = number
    return topics | {
        topic: [
            one
            for one in topics[topic]
            if one.event is None or (one.event["subject"], one.event.get("sequence")) != (subject, sequence)
        ]
    }


def test_what_was_planted_is_held_against_the_log(whole: Whole, url: str) -> None:
    lost, dead = min(whole.planted.lost), min(whole.planted.dead)
    extra = replace(whole.planted, lost=whole.planted.lost - {lost})
    assert any("a hole in the log that nobody planted" in one for one in problems(whole.topics, extra, url))
    there = (lost[0], 1)
    missing = replace(whole.planted, lost=whole.planted.lost | {there})
    assert any("planted, and no hole in the log" in one for one in problems(whole.topics, missing, url))
    spoilt = replace(whole.planted, dead=whole.planted.dead - {dead})
    assert any("a dead letter of what is not spoilt" in one for one in problems(whole.topics, spoilt, url))
    assert any("in events, not in Kafka" in one for one in problems(without(whole.topics, there), whole.planted, url))


def test_an_id_with_two_documents_is_noticed(whole: Whole, url: str) -> None:
    first = next(one for one in whole.topics["infra.status"] if one.event is not None)
    other = replace(first, offset=10**6, value=(first.value or b"") + b" ")
    topics = whole.topics | {"infra.status": [*whole.topics["infra.status"], other]}
    assert any("an id with two documents" in one for one in problems(topics, whole.planted, url))
