"""The oracle of the kill test: reads the topics and the database itself, shares no code with agent, worker or sink.

Each check returns a list of sentences, one a violation; an empty list is a pass. Only `derived` uses the product's pure
cores, because what they say again is what is compared.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from aiokafka import AIOKafkaConsumer, TopicPartition

MOST_NAMED = 5
TICK = "infrastructor.clock.ticked.v1"
METRIC = "infrastructor.metric.collected.v1"
RULES = "infrastructor.rules.loaded.v1"


@dataclass(frozen=True, slots=True)
class Seen:
    """One record as it lies in Kafka; `event` is the parsed JSON, None where it is no JSON object."""

    topic: str
    partition: int
    offset: int
    appended_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    event: dict[str, Any] | None

    @property
    def type(self) -> str:
        return str(self.event.get("type")) if self.event else ""

    @property
    def id(self) -> str:
        return str(self.event.get("id")) if self.event else ""

    @property
    def stream(self) -> tuple[str, str, str]:
        """Within what the sequence counts: (agent epoch or source, topic, subject)."""
        assert self.event is not None
        source = str(self.event["source"])
        scope = source.split("/")[3] if source.startswith("/agents/") else source
        return scope, self.topic, str(self.event["subject"])


async def read_topics(bootstrap: str, topics: Iterable[str]) -> dict[str, list[Seen]]:
    """Every record of every partition, in offset order within a partition."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest", fetch_max_bytes=64 << 20
    )
    await consumer.start()
    try:
        return {topic: await _read_topic(consumer, topic) for topic in topics}
    finally:
        await consumer.stop()


async def _read_topic(consumer: AIOKafkaConsumer, topic: str) -> list[Seen]:
    await consumer._client.force_metadata_update()
    partitions = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
    if not partitions:
        consumer.assign([TopicPartition(topic, 0)])
        await consumer.position(TopicPartition(topic, 0))
        partitions = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or (0,))]
    consumer.assign(partitions)
    ends = await consumer.end_offsets(partitions)
    await consumer.seek_to_beginning(*partitions)
    found: list[Seen] = []
    while any([await consumer.position(partition) < ends[partition] for partition in partitions]):
        batches = await consumer.getmany(timeout_ms=1000)
        for partition, messages in batches.items():
            found.extend(_seen(message) for message in messages if message.offset < ends[partition])
    return sorted(found, key=lambda one: (one.partition, one.offset))


def _seen(message: Any) -> Seen:
    try:
        event = json.loads(message.value) if message.value else None
    except ValueError:
        event = None
    return Seen(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        appended_ms=message.timestamp,
        key=message.key,
        value=message.value,
        headers=tuple(message.headers),
        event=event if isinstance(event, dict) else None,
    )


def events_of(topics: dict[str, list[Seen]]) -> list[Seen]:
    """All records that carry an event, dead letters apart."""
    return [one for topic, records in topics.items() if topic != "infra.dead-letters" for one in records if one.event]


def spool_reached_kafka(committed: list[dict[str, Any]], topics: dict[str, list[Seen]]) -> list[str]:
    """Every event that an agent committed to its spool is in Kafka, as it was committed."""
    there = {one.id: one.event for one in events_of(topics)}
    return named("committed, not in Kafka", [event["id"] for event in committed if event["id"] not in there]) + named(
        "another in Kafka", [event["id"] for event in committed if there.get(event["id"], event) != event]
    )


def sequences_whole(topics: dict[str, list[Seen]]) -> list[str]:
    """Each stream counts 1, 2, 3, ... without a hole, and each number stands for one event."""
    numbers: dict[tuple[str, str, str], dict[int, str]] = defaultdict(dict)
    wrong: list[str] = []
    for one in events_of(topics):
        assert one.event is not None
        sequence = one.event.get("sequence")
        if sequence is None:
            continue
        known = numbers[one.stream].setdefault(sequence, one.id)
        if known != one.id:
            wrong.append(f"{one.stream} {sequence} is both {known} and {one.id}")
    holes = [
        f"{stream}: {len(seen)} numbers up to {max(seen)}, first missing {_first_hole(seen)}"
        for stream, seen in numbers.items()
        if len(seen) != max(seen)
    ]
    return named("a number for two events", wrong) + named("a hole", holes)


def _first_hole(seen: dict[int, str]) -> int:
    return next(number for number in range(1, max(seen) + 2) if number not in seen)


def order_kept(topics: dict[str, list[Seen]]) -> list[str]:
    """A number appears first only after all before it: a reader that skips what is not newer would lose it else."""
    high: dict[tuple[str, str, str], int] = defaultdict(int)
    wrong = []
    for one in events_of(topics):
        assert one.event is not None
        sequence = one.event.get("sequence")
        if sequence is None:
            continue
        if sequence > high[one.stream] + 1:
            wrong.append(f"{one.stream}: {sequence} came after {high[one.stream]}")
        high[one.stream] = max(high[one.stream], sequence)
    return named("out of order", wrong)


def stored_once(topics: dict[str, list[Seen]], database: str) -> list[str]:
    """Every distinct id (ticks apart) is once in `events`, or once in the sink's dead letters; nothing else is."""
    expected = {one.id for one in events_of(topics) if one.type != TICK}
    dead = {
        _dead_id(one) for one in topics["infra.dead-letters"] if dict(one.headers).get("dl-consumer") == b"timescale"
    }
    with psycopg.connect(database) as connection:
        stored = Counter(
            {str(row[0]): row[1] for row in connection.execute("SELECT id, count(*) FROM events GROUP BY id")}
        )
    missing = [i for i in expected if i not in stored and i not in dead]
    return (
        named("in Kafka, not in events", missing)
        + named("stored twice", [i for i, count in stored.items() if count != 1])
        + named("stored and dead", [i for i in stored if i in dead])
        + named("in events, not in Kafka", [i for i in stored if i not in expected])
    )


def _dead_id(letter: Seen) -> str:
    return letter.id or f"{dict(letter.headers).get('dl-topic')!r}/{dict(letter.headers).get('dl-offset')!r}"


def samples_once(topics: dict[str, list[Seen]], database: str) -> list[str]:
    """Each sample of each metric event is one row with its value; there is no other row."""
    expected: dict[tuple[str, str, str, datetime], float] = {}
    for one in topics["infra.metrics"]:
        if one.event is None or one.type != METRIC:
            continue
        at = datetime.fromisoformat(one.event["time"])
        for sample in one.event["data"]["samples"]:
            labels = json.dumps(sample.get("labels", {}), sort_keys=True)
            expected[one.event["subject"], sample["name"], labels, at] = float(sample["value"])
    stored: dict[tuple[str, str, str, datetime], float] = {}
    rows = 0
    with psycopg.connect(database) as connection:
        cursor = connection.execute(
            "SELECT s.device_id, s.name, s.labels, m.time, m.value"
            " FROM metric_samples m JOIN metric_series s USING (series_id)"
        )
        for device, name, labels, at, value in cursor:
            rows += 1
            stored[device, name, json.dumps(labels, sort_keys=True), at] = value
    wrong = [str(key) for key, value in expected.items() if stored.get(key) != value]
    return (
        named("a sample that is not stored with its value", wrong)
        + named("a row that no event has", [str(key) for key in stored if key not in expected])
        + ([] if rows == len(stored) else [f"{rows} rows for {len(stored)} samples"])
    )


def same_events(what: str, derived: dict[str, dict[str, Any]], found: list[Seen]) -> list[str]:
    """What is derived again (id to document) and what lies in the topic are the same, by id and by content."""
    there: dict[str, dict[str, Any]] = {}
    differing = []
    for one in found:
        assert one.event is not None
        if there.setdefault(one.id, one.event) != one.event:
            differing.append(f"{one.id} lies there in two versions")
    differing += [
        f"{i}: derived {derived[i]} found {there[i]}" for i in derived if i in there and derived[i] != there[i]
    ]
    return (
        named(f"{what}: derived again, not in the topic", [i for i in derived if i not in there])
        + named(f"{what}: in the topic, not derived again", [i for i in there if i not in derived])
        + named(f"{what}: different", differing)
    )


def current_state(topics: dict[str, list[Seen]], database: str) -> list[str]:
    """The current status of each device, and each alert, are those of the newest event by time, then id."""
    newest: dict[str, tuple[datetime, str, str]] = {}
    for one in topics["infra.status"]:
        if one.event and one.type == "infrastructor.device.status_changed.v1":
            row = (datetime.fromisoformat(one.event["time"]), one.id, one.event["data"]["status"])
            newest[one.event["subject"]] = max(newest.get(one.event["subject"], row), row)
    raised = {one.id for one in topics["infra.alerts"] if one.type == "infrastructor.alert.raised.v1"}
    resolved = {
        one.event["data"]["alert_id"]
        for one in topics["infra.alerts"]
        if one.event and one.type == "infrastructor.alert.resolved.v1"
    }
    with psycopg.connect(database) as connection:
        stored = {
            row[0]: row[1:]
            for row in connection.execute("SELECT device_id, time, event_id::text, status FROM device_status")
        }
        alerts = {
            str(row[0]): row[1] for row in connection.execute("SELECT alert_id, resolved_at IS NOT NULL FROM alerts")
        }
    return (
        named("another current status", [d for d in newest.keys() | stored.keys() if newest.get(d) != stored.get(d)])
        + named("an alert that is not stored, or stored without an event", list(raised ^ alerts.keys()))
        + named("an alert open or resolved wrongly", [i for i, over in alerts.items() if over != (i in resolved)])
    )


def named(what: str, found: list[str]) -> list[str]:
    """One sentence that counts the violations and names some; none where there is none."""
    if not found:
        return []
    some = "; ".join(found[:MOST_NAMED])
    return [f"{len(found)} x {what}: {some}"]
