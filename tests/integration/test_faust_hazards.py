"""What Faust 0.15.3 was seen to do, and the test that would notice when it does not any more or when we rely on it.

| what Faust does | the test |
| --- | --- |
| works on this Kafka, tables and recovery included | test_streams_worker: a restart goes on with the states it had |
| commits past a message in flight with concurrency above 1 | here; unit/streams/test_worker_faust_app: concurrency 1 |
| its marker of what is committed advances although Kafka refused | positions are our states': test_worker_faust_app |
| an exception in an agent acknowledges the event, and the buffer of `take` | here; ours: test_worker_faust_app |
| does not flush its producer before it commits | unit/streams/test_batches: each acknowledged before the next |
| changelogs may be ahead of what is committed: applied twice | unit/streams/test_redelivery; test_streams_kill |
| `take_events` unsets the current event: a table cannot be written | here; we write changelogs with our own producer |
| a table in memory keeps the keys of partitions that went away | unit/streams/test_worker_evidence |
| topics of different partition counts in one app, shared by two workers | here; test_streams_kill: two workers |
| a missing topic is retried for ever | test_streams_missing_topics |
| recovery stalls on `compact,delete` and on unequal partition counts | test_worker_faust_app: the changelogs |
| exactly_once, windowed tables, producer_threaded | not used: test_worker_faust_app |
| a leader that knows no partitions, just after a broker's start, shares out none | unit/streams/test_worker_assigning |
| who lost a partition can still write to its changelog | unit/streams/test_entries; faults/test_streams_frozen |
| consumers that slowly die | unit/streams/test_worker_watchdog, test_batches: a partition that does not get on |
| kill -9: the next worker waits the session timeout | test_streams_kill; its length: test_worker_faust_app |
| `noack_take` leaves acknowledgements to the caller | here; with `stream_wait_empty`: test_worker_faust_app |
| speed | make bench |
"""

import json
import subprocess
import sys
from typing import Any

import pytest

from deploy.local.broker import Broker
from tests.integration.faust_facts import EVENTS
from tests.integration.streams_worker import ROOT

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def facts(broker: Broker) -> dict[str, Any]:
    """What one app, run once, did."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.integration.faust_facts", broker.bootstrap],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def test_an_exception_in_an_agent_acknowledges_the_event_and_the_buffer_of_take(facts: dict[str, Any]) -> None:
    assert facts["committed"]["failing"] > 0
    assert facts["committed"]["taking"] == EVENTS


def test_with_concurrency_above_one_a_message_in_flight_is_committed(facts: dict[str, Any]) -> None:
    assert facts["committed"]["overtaking"] > 0


def test_what_noack_take_gives_is_committed_by_nobody_else(facts: dict[str, Any]) -> None:
    assert facts["seen"]["unacknowledged"] == EVENTS
    assert "unacknowledged" not in facts["committed"]


def test_a_table_cannot_be_written_from_take_events(facts: dict[str, Any]) -> None:
    assert "outside of stream iteration" in facts["seen"]["writing"]
