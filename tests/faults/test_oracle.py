"""The oracle notices what it is there to notice: each check passes on a whole log and fails on a broken one."""

import json
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from tests.conftest import TestDatabase
from tests.faults import oracle
from tests.faults.oracle import Seen
from tests.faults.pipeline import TOPICS, run

EPOCH = "01930000-0000-7000-8000-000000000000"


def metric(number: int) -> Seen:
    event: dict[str, Any] = {
        "id": f"01930000-0000-7000-8000-{number:012}",
        "type": oracle.METRIC,
        "source": f"/agents/a/{EPOCH}/system",
        "subject": "web-1",
        "time": f"2026-11-21T10:00:{number:02}Z",
        "sequence": number,
        "data": {"samples": [{"name": "x", "unit": "1", "value": float(number), "labels": {"a": "b"}}]},
    }
    return Seen("infra.metrics", 3, number - 1, 0, b"web-1", json.dumps(event).encode(), (), event)


def log(*records: Seen) -> dict[str, list[Seen]]:
    return {topic: [] for topic in TOPICS} | {"infra.metrics": list(records)}


WHOLE = tuple(metric(number) for number in range(1, 6))


def test_a_whole_log_passes() -> None:
    again = log(*WHOLE, *WHOLE[2:])
    assert oracle.sequences_whole(again) == oracle.order_kept(again) == []
    assert oracle.spool_reached_kafka([one.event for one in WHOLE if one.event], again) == []


def test_a_lost_event_is_a_hole_and_missing() -> None:
    broken = log(*WHOLE[:2], *WHOLE[3:])
    assert "first missing 3" in oracle.sequences_whole(broken)[0]
    assert "4 came after 2" in oracle.order_kept(broken)[0]
    assert WHOLE[2].id in oracle.spool_reached_kafka([one.event for one in WHOLE if one.event], broken)[0]


def test_a_number_given_twice_is_seen() -> None:
    other = replace(WHOLE[2], event={**(WHOLE[2].event or {}), "id": "another"})
    assert "a number for two events" in oracle.sequences_whole(log(*WHOLE, other))[0]


def test_derived_events_are_compared_by_id_and_content() -> None:
    derived = {one.id: one.event or {} for one in WHOLE}
    changed = replace(WHOLE[0], event={**derived[WHOLE[0].id], "subject": "web-2"})
    assert oracle.same_events("t", derived, list(WHOLE)) == []
    assert "not in the topic" in oracle.same_events("t", derived, list(WHOLE[1:]))[0]
    assert "not derived again" in oracle.same_events("t", {WHOLE[0].id: derived[WHOLE[0].id]}, list(WHOLE))[0]
    assert "different" in oracle.same_events("t", derived, [changed, *WHOLE[1:]])[0]


@pytest.mark.postgres
def test_what_is_stored_is_compared_row_by_row(postgres: TestDatabase) -> None:
    run(("db", "migrate"), {"INFRASTRUCTOR_DATABASE__URL": postgres.url})
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO metric_series (identity, device_id, name, unit, labels)"
            " VALUES (gen_random_uuid(), 'web-1', 'x', '1', '{\"a\": \"b\"}')"
        )
        for one in WHOLE:
            assert one.event is not None
            connection.execute(
                "INSERT INTO events (time, id, type, subject, source, topic, partition, kafka_offset, appended_at)"
                " VALUES (%(time)s, %(id)s, %(type)s, %(subject)s, %(source)s, 'infra.metrics', 3, 1, %(time)s)",
                one.event,
            )
            connection.execute(
                "INSERT INTO metric_samples (series_id, time, value) SELECT series_id, %s, %s FROM metric_series",
                (one.event["time"], one.event["data"]["samples"][0]["value"]),
            )
        whole = log(*WHOLE)
        assert oracle.stored_once(whole, postgres.url) == oracle.samples_once(whole, postgres.url) == []

        assert "not in Kafka" in oracle.stored_once(log(*WHOLE[1:]), postgres.url)[0]
        assert "a row that no event has" in oracle.samples_once(log(*WHOLE[1:]), postgres.url)[0]
        assert "not in events" in oracle.stored_once(log(*WHOLE, metric(6)), postgres.url)[0]
        connection.execute("UPDATE metric_samples SET value = 7 WHERE value = 2")
        assert "not stored with its value" in oracle.samples_once(whole, postgres.url)[0]
        connection.execute(
            "INSERT INTO events SELECT time + interval '1 s', id, type, subject, source, epoch, sequence,"
            " topic, partition, kafka_offset, correlation_id, causation_id, appended_at FROM events LIMIT 1"
        )
        assert "stored twice" in oracle.stored_once(whole, postgres.url)[0]
