"""Whether a worker that finds no state, or an old one, has lost it."""

import pytest

from runtime.clock import ManualClock
from runtime.errors import KafkaRefused, KafkaUnavailable
from runtime.kafka.producer import Acknowledged, Outgoing, SendFailed
from schemas.registry import ALERTS, COLLECTIONS, STATUS
from streams.alerts.core import MetricAlerts
from streams.derivations import all_derivations
from streams.device_status.core import DeviceStatus
from streams.fold import PartitionFold
from streams.origin import Origin, output_partition
from streams.stored import device_key
from streams.worker.evidence import Evidence, StateLost, Verdict, require_states
from streams.worker.owned import Ownership, Recovered
from streams.worker.writing import SILENT_S, PatientSender
from tests.unit.streams.log_of_events import Collections

WHOLE_LOG, CUT_LOG = 0, 400


@pytest.mark.parametrize(
    ("begin", "committed", "told", "next_offset", "verdict"),
    [
        # The first start of all, and of a derivation that is new on an old log.
        (WHOLE_LOG, None, False, 0, "whole"),
        (CUT_LOG, None, False, 0, "whole"),
        # Killed, or its partition taken away, before the first state was stored: all is kept, it is done again.
        (WHOLE_LOG, None, True, 0, "whole"),
        (WHOLE_LOG, 100, True, 0, "whole"),
        # States are stored before Kafka is told: with so much committed there was one.
        (WHOLE_LOG, 101, True, 0, "lost"),
        (CUT_LOG, 500, False, 0, "lost"),
        # What is committed expires once a group was away for a week.
        (CUT_LOG, None, True, 0, "lost"),
        (WHOLE_LOG, 500, True, 500, "whole"),
        (WHOLE_LOG, 500, True, 700, "whole"),
        # A worker that stood still wrote an old state over a newer one.
        (WHOLE_LOG, 500, True, 450, "behind"),
        (CUT_LOG, 500, True, 400, "behind"),
        (CUT_LOG, 500, True, 399, "lost"),
        # It was off for longer than the log is kept: records are lost, which is told, but no state is.
        (CUT_LOG, 300, True, 300, "whole"),
    ],
)
def test_verdicts(begin: int, committed: int | None, told: bool, next_offset: int, verdict: Verdict) -> None:
    evidence = Evidence(begin, 1000, committed, told, first_batch=100)
    assert evidence.verdict(next_offset) == verdict


def test_what_is_lost_is_named_with_the_command_and_what_went_back_is_told() -> None:
    derivations = {one.reads: one for one in all_derivations()}
    evidence = {(COLLECTIONS, partition): Evidence(0, 90, 80) for partition in range(7)}
    positions = {(COLLECTIONS, partition): 0 for partition in range(7)} | {(ALERTS, 0): 0}
    with pytest.raises(StateLost) as raised:
        require_states(positions, evidence, derivations)
    assert "infra.collections/0 (up to offset 80)" in raised.value.message
    assert "and 2 more partitions" in raised.value.message
    assert raised.value.message.endswith("run `infrastructor streams rebuild --derivation device_status`")
    assert require_states({(COLLECTIONS, 3): 79}, evidence, derivations) == [(COLLECTIONS, 3)]


def test_nothing_is_owned_of_what_is_lost() -> None:
    ownership = Ownership([DeviceStatus()])
    ownership.evidence = {(COLLECTIONS, 3): Evidence(0, 90, 80)}
    with pytest.raises(StateLost):
        ownership.take([(COLLECTIONS, 3)], {"device_status": Recovered()}, generation=1)
    assert list(ownership) == []


def test_a_table_that_still_holds_partitions_that_went_away_gives_none_of_their_states() -> None:
    """After a rebalance Faust's table in memory keeps the keys of partitions that another worker has now."""
    log, entries = Collections(3), {}
    fold = PartitionFold(DeviceStatus(), 3)
    log.completed("web-1")
    fold.apply(log.records[0])
    changes = fold.changes()
    assert changes is not None
    for key, value in (*changes.states, changes.partition):
        entries[key] = value
        entries[key.replace(b"3|", b"5|")] = value
    ownership = Ownership([DeviceStatus()])
    ownership.take([(COLLECTIONS, 3), (COLLECTIONS, 4)], {"device_status": Recovered(entries)}, generation=1)
    by_partition = {owned.partition: owned.fold for owned in ownership}
    assert by_partition[3].next_offset == 1
    assert by_partition[4].next_offset == 0
    assert device_key(3, "web-1") in entries


def test_outputs_lead_back_to_the_partition_that_they_follow_from() -> None:
    log = Collections(3)
    log.completed("web-1")
    raw = log.raws[0]
    assert Origin(DeviceStatus(), range(12)).of(raw) == 3
    assert Origin(DeviceStatus(), range(12)).event(raw) is None
    assert (output_partition(STATUS, 3), output_partition(ALERTS, 3)) == (3, 0)
    alert = type(raw)(ALERTS, 0, 9, 0, b"web-1", b"{}")
    partition = Origin(MetricAlerts(), range(12)).of(alert)
    assert partition == Origin(MetricAlerts(), range(12)).of(alert)
    assert Origin(MetricAlerts(), [0]).of(alert) == 0


def test_numbers_go_on_after_those_in_the_topic() -> None:
    log, fold = Collections(3), PartitionFold(DeviceStatus(), 3)
    for device in ("known", "other"):
        log.completed(device)
    fold.apply(log.records[0])
    fold.continue_after({"known": 41, "other": 7})
    log.failed("known", status="unreachable")
    (status,) = fold.apply(log.records[2]).outputs
    assert status.event.sequence == 42
    fold = PartitionFold(DeviceStatus(), 3)
    fold.continue_after({"other": 7})
    log.tick()
    assert fold.apply(log.records[3]).outputs == ()
    changes = fold.changes()
    assert changes is not None
    assert [key for key, _ in changes.states] == [device_key(3, "other")]


class Slow:
    """A broker that answers when told to, or refuses."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.silent_s = 0.0
        self.refusal: SendFailed | None = None
        self.seen: list[str | None] = []
        self.sender: PatientSender | None = None

    async def send(self, records: object) -> list[Acknowledged]:
        await self.clock.advance(self.silent_s)
        assert self.sender is not None
        self.seen.append(self.sender.trouble())
        if self.refusal is not None:
            raise self.refusal
        return []

    async def close(self) -> None:
        pass


async def test_a_broker_that_acknowledges_nothing_is_trouble_until_it_does() -> None:
    clock = ManualClock()
    kafka = Slow(clock)
    sender = kafka.sender = PatientSender(kafka, clock, patience_s=0)
    record = [Outgoing("t", b"k", b"v")]
    await sender.send(record)
    kafka.silent_s = SILENT_S + 2
    await sender.send(record)
    assert kafka.seen == [None, "Kafka has acknowledged nothing for 7 s"]
    assert sender.trouble() is None


@pytest.mark.parametrize("cause", [KafkaRefused("no permission to write"), KafkaUnavailable("away")])
async def test_states_that_cannot_be_written_end_the_worker_and_a_refusal_at_once(
    cause: KafkaRefused | KafkaUnavailable,
) -> None:
    clock = ManualClock()
    kafka = Slow(clock)
    kafka.refusal = SendFailed(cause, acknowledged={}, refused={})
    # With patience for one more try, which a refusal does not get.
    sender = kafka.sender = PatientSender(kafka, clock, patience_s=0.3 if cause.retryable else 600)
    kafka.silent_s = 0.05
    with pytest.raises(SendFailed):
        await sender.send([Outgoing("t", b"k", b"v")])
    assert len(kafka.seen) == 1 or (cause.retryable and kafka.seen[1] == cause.message)
    assert sender.trouble() is None
