"""The kill test: everything is killed with SIGKILL at random moments under load; nothing is lost or stored twice."""

import json
import os
import random
import time
from typing import Any

import pytest

from schemas.codec import encode
from schemas.record import RawRecord
from streams.batch import derive
from streams.derivations import all_derivations
from tests.faults import oracle
from tests.faults.load_agent import committed, committed_count
from tests.faults.oracle import Seen
from tests.faults.pipeline import Pipeline, wait_until

pytestmark = [pytest.mark.faults, pytest.mark.kafka, pytest.mark.postgres, pytest.mark.timeout(600)]

EVENTS = 20_000
KILLS_EACH = 2
TARGETS = ("agent", "streams", "sink", "gotify", "broker")


def derived_again(topics: dict[str, list[Seen]]) -> dict[str, dict[str, dict[str, Any]]]:
    """By topic and id: what the pure cores make of the topics."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for derivation in all_derivations():
        raws = [
            RawRecord(s.topic, s.partition, s.offset, s.appended_ms, s.key, s.value, s.headers)
            for s in topics[derivation.reads]
        ]
        events = [json.loads(encode(derived.event)) for derived in derive(derivation, raws)]
        found.setdefault(derivation.writes, {}).update({event["id"]: event for event in events})
    return found


def from_streams(records: list[Seen]) -> list[Seen]:
    return [
        one
        for one in records
        if one.event
        and str(one.event["source"]).startswith("/streams/")
        and "/clock" not in str(one.event["source"])
        and "/rules" not in str(one.event["source"])
    ]


def derived_is_there(pipeline: Pipeline) -> list[str]:
    """Outputs were derived from the inputs, and what follows from the inputs arrives within a while."""
    outputs_before, inputs = pipeline.topics(), pipeline.topics()
    derived = derived_again(inputs)
    extra = [
        sentence
        for topic, events in derived.items()
        for sentence in oracle.same_events(topic, events, from_streams(outputs_before[topic]))
        if "not in the topic" not in sentence
    ]
    if extra:
        return extra
    deadline = time.monotonic() + 90
    while True:
        outputs = pipeline.topics()
        missing = [
            sentence
            for topic, events in derived.items()
            for sentence in oracle.same_events(topic, events, from_streams(outputs[topic]))
            if "in the topic, not derived" not in sentence
        ]
        if not missing or time.monotonic() > deadline:
            return missing
        pipeline.streams.tend()
        time.sleep(1)


def test_nothing_is_lost_and_nothing_is_stored_twice(pipeline: Pipeline) -> None:
    seed = int(os.environ.get("INFRASTRUCTOR_TEST_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"seed {seed} (repeat with INFRASTRUCTOR_TEST_SEED={seed})")
    random.seed(seed)
    for one in pipeline.roles:
        one.start()
    wait_until("the first events", lambda: committed_count(pipeline.folder) > 1000, timeout=60, roles=pipeline.roles)

    for target in (target for _ in range(KILLS_EACH) for target in random.sample(TARGETS, len(TARGETS))):
        time.sleep(random.uniform(0.5, 7))
        print(f"{time.strftime('%H:%M:%S')} kill {target} at {committed_count(pipeline.folder)} events")
        pipeline.strike(target)
    # Some more than there are: whoever was killed last is up again, and knows what to do with a signal.
    enough = max(EVENTS, committed_count(pipeline.folder) + 500)
    wait_until(
        f"{enough} events", lambda: committed_count(pipeline.folder) >= enough, timeout=180, roles=pipeline.roles
    )
    assert pipeline.agent.stop(60) == 0, pipeline.agent.tail()

    problems = derived_is_there(pipeline)
    assert problems == [], "\n".join([*problems, pipeline.streams.tail()])
    assert pipeline.streams.stop(20) == 0, pipeline.streams.tail()
    judge(pipeline)


def judge(pipeline: Pipeline) -> None:
    """Everything that must hold once the log is at rest."""
    deadline = time.monotonic() + 90
    while True:
        topics = pipeline.topics()
        problems = oracle.stored_once(topics, pipeline.database) + oracle.samples_once(topics, pipeline.database)
        if not problems or time.monotonic() > deadline:
            break
        pipeline.sink.tend()
        pipeline.gotify.tend()
        time.sleep(1)
    events = [json.loads(value) for value in committed(pipeline.folder)]
    problems += oracle.spool_reached_kafka(events, topics)
    problems += oracle.sequences_whole(topics) + oracle.order_kept(topics)
    problems += oracle.current_state(topics, pipeline.database)
    assert problems == [], "\n".join([*problems, pipeline.sink.tail()])
    assert pipeline.sink.stop(20) == 0, pipeline.sink.tail()
    assert pipeline.gotify.stop(20) == 0, pipeline.gotify.tail()
    assert len(events) >= EVENTS
    kinds = {one.type for one in oracle.events_of(topics)}
    assert {"infrastructor.device.status_changed.v1", "infrastructor.alert.raised.v1"} <= kinds
    assert {"infrastructor.alert.resolved.v1", "infrastructor.notification.suppressed.v1"} <= kinds
    distinct = len({one.id for one in oracle.events_of(topics)})
    kills = {one.name: one.kills for one in pipeline.roles} | {"broker": pipeline.broker_kills}
    print(f"killed {kills}; {len(events)} events committed, {distinct} distinct in Kafka")
