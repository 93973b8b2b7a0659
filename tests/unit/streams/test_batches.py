"""The shell around the fold: the order of writes, what is not acknowledged, what is put aside, when it stops."""

import re
from collections.abc import Sequence
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from runtime.clock import ManualClock
from runtime.errors import KafkaUnavailable, Poisoned
from runtime.kafka.catalog import load_catalog
from runtime.kafka.dead_letters import from_record
from runtime.kafka.producer import Acknowledged, Outgoing, SendFailed
from runtime.metrics import KafkaMetrics
from runtime.process import Stop
from runtime.settings import KafkaSettings
from schemas.headers import REDRIVE_FOR
from schemas.record import RawRecord
from schemas.registry import COLLECTIONS, DEAD_LETTERS, STATUS
from streams.derivation import Moment, Step
from streams.derivations import all_derivations
from streams.device_status.core import DeviceStatus
from streams.entries import Entries
from streams.fold import PartitionFold
from streams.stored import device_key, partition_key
from streams.worker.batches import Batches, Tools
from streams.worker.limit import Limit, Tally
from streams.worker.metrics import StreamsMetrics
from streams.worker.owned import MOST_REREADS, Owned, Ownership, Recovered
from streams.worker.pulse import Paused, Pulse
from streams.worker.writing import PatientSender
from tests.contract.memory_log import MemoryLog
from tests.unit.streams.log_of_events import Collections

CHANGELOG = "changelog"


class Recording:
    """Passes on to the log in memory, remembers each call, and fails when told to."""

    def __init__(self) -> None:
        self.log = MemoryLog({STATUS: 12, DEAD_LETTERS: 1, CHANGELOG: 12})
        self.calls: list[list[Outgoing]] = []
        self.fail_from: int | None = None

    async def send(self, records: Sequence[Outgoing]) -> list[Acknowledged]:
        if self.fail_from is not None and len(self.calls) >= self.fail_from:
            raise SendFailed(KafkaUnavailable("away"), acknowledged={}, refused={})
        self.calls.append(list(records))
        return await self.log.send(records)

    async def close(self) -> None:
        await self.log.close()


class Shell:
    """One derivation with partition 3, a clock that stands, and limits of choice."""

    def __init__(self, *, limit: Limit | None = None, core: DeviceStatus | None = None) -> None:
        self.kafka = Recording()
        self.clock = ManualClock()
        self.ownership = Ownership([core or DeviceStatus()])
        self.generation = 0
        self.take()
        self.pulse = Pulse(self.clock, most_s=5)
        registry = CollectorRegistry()
        self.metrics = StreamsMetrics.on(registry)
        tools = Tools(
            PatientSender(self.kafka, self.clock, patience_s=0),
            self.clock,
            self.metrics,
            KafkaMetrics.on(registry),
            limit or Limit(in_a_row=10, share=0.5, minimum=10),
            self.pulse,
            self.reread,
        )
        self.set_back: list[int] = []
        self.batches = Batches("device_status", CHANGELOG, ownership=self.ownership, tools=tools)

    def take(self) -> None:
        """Own partition 3 with the states that are in the changelog, as after recovery."""
        self.generation += 1
        entries = Entries()
        for raw in self.kafka.log.records(CHANGELOG):
            entries.take(raw)
        tables = {"device_status": Recovered(entries.values, entries.partitions)}
        self.ownership.take([(COLLECTIONS, 3), ("other", 1)], tables, generation=self.generation)

    async def reread(self, partitions: Sequence[Owned]) -> None:
        self.set_back += [owned.fold.next_offset for owned in partitions]

    @property
    def topics(self) -> list[set[str]]:
        return [{record.topic for record in call} for call in self.kafka.calls]


def devices_of(owned: Owned) -> dict[str, Any]:
    assert isinstance(owned.fold, PartitionFold)
    return owned.fold.devices


async def test_outputs_then_states_then_the_partitions_own_each_acknowledged_before_the_next() -> None:
    shell, log = Shell(), Collections(3)
    log.completed("a")
    log.completed("b")
    log.tick()
    await shell.batches.work_off(log.raws)
    assert shell.topics == [{STATUS}, {CHANGELOG}, {CHANGELOG}]
    outputs, states, partition = shell.kafka.calls
    assert {one.partition for one in [*outputs, *states, *partition]} == {3}
    assert [one.key for one in states] == [device_key(3, "a"), device_key(3, "b")]
    assert [one.key for one in partition] == [partition_key(3)]
    headers = dict(outputs[0].headers)
    assert headers["cause-appended"] == b"%d" % log.raws[0].appended_ms
    assert headers["content-type"] == b"application/cloudevents+json"


@pytest.mark.parametrize("calls", [0, 1, 2])
async def test_what_cannot_be_sent_is_raised_and_done_again_from_the_stored_states(calls: int) -> None:
    shell, log = Shell(), Collections(3)
    log.completed("a")
    log.failed("a", status="unreachable")
    shell.kafka.fail_from = calls
    with pytest.raises(SendFailed):
        await shell.batches.work_off(log.raws)
    shell.kafka.fail_from = None
    shell.take()
    await shell.batches.work_off(log.raws)
    sent = [one.value for call in shell.kafka.calls for one in call if one.topic == STATUS]
    assert len(set(sent)) == 2
    (owned,) = shell.ownership
    assert owned.stored == 2
    assert devices_of(owned)["a"].status == "offline"


async def test_records_of_partitions_that_are_not_ours_are_left_to_their_owner() -> None:
    shell, log = Shell(), Collections(4)
    log.completed("a")
    await shell.batches.work_off(log.raws)
    assert shell.kafka.calls == []


async def test_no_state_is_written_for_a_partition_lost_while_the_outputs_were_sent() -> None:
    shell, log = Shell(), Collections(3)
    log.completed("a")
    send = shell.kafka.send

    async def losing(records: Sequence[Outgoing]) -> list[Acknowledged]:
        shell.ownership.lose_all()
        return await send(records)

    shell.kafka.send = losing  # type: ignore[method-assign]
    await shell.batches.work_off(log.raws)
    assert shell.topics == [{STATUS}]


async def test_a_worker_that_stood_still_writes_no_state_and_ends() -> None:
    shell, log = Shell(), Collections(3)
    log.completed("a")
    await shell.clock.advance(6)
    with pytest.raises(Paused):
        await shell.batches.work_off(log.raws)
    assert CHANGELOG not in set().union(*shell.topics)
    with pytest.raises(Paused):
        # A pause is not forgotten when the loop goes round again.
        await shell.pulse.beat(Stop())


async def test_poison_is_put_aside_with_its_origin_and_not_again_after_a_repetition() -> None:
    shell, log = Shell(), Collections(3)
    log.completed("a")
    log.completed("a")
    raws = [log.raws[0]._replace(value=b"{"), log.raws[1]]
    await shell.batches.work_off(raws)
    await shell.batches.work_off(raws)
    (raw,) = shell.kafka.log.records(DEAD_LETTERS)
    letter = from_record(raw)
    assert letter is not None
    assert letter.identity == ("device_status", COLLECTIONS, 3, 0)
    assert (letter.reason, letter.origin.value) == ("not_json", b"{")


async def test_too_much_poison_stops_the_worker_and_nothing_is_written() -> None:
    shell = Shell(limit=Limit(in_a_row=3, share=0.01, minimum=1000))
    raws = [RawRecord(COLLECTIONS, 3, offset, 0, b"a", b"{") for offset in range(3)]
    with pytest.raises(Poisoned, match="3 records in a row"):
        await shell.batches.work_off(raws)
    assert shell.kafka.calls == []


def test_the_share_of_failures_counts_from_a_minimum_on() -> None:
    limit = Limit(in_a_row=1000, share=0.01, minimum=5)
    tally = Tally()
    for number in range(400):
        tally = tally.after(failed=number % 80 == 0)
    assert tally.failed == 5
    assert tally.exceeded(limit) == "5 of the last 400 records could not be processed"
    for _ in range(101):
        tally = tally.after(failed=False)
    assert tally.exceeded(limit) is None


async def test_a_partition_is_read_from_what_its_own_state_has_not_applied() -> None:
    shell, log = Shell(), Collections(3)
    log.completed("a")
    log.completed("b")
    assert shell.ownership.positions() == {(COLLECTIONS, 3): 0}
    await shell.batches.work_off(log.raws)
    shell.ownership.lose_all()
    assert shell.ownership.positions() == {}
    shell.take()
    assert shell.ownership.positions() == {(COLLECTIONS, 3): 2}


def test_the_tables_are_those_of_topics_yaml() -> None:
    tables = {one.name for one in load_catalog(KafkaSettings()).changelogs.tables}
    assert {one.table for one in all_derivations()} == tables


async def test_a_record_that_comes_too_early_waits_for_those_before_it() -> None:
    shell, log = Shell(), Collections(3)
    for device in ("a", "b", "c", "d"):
        log.completed(device)
    first, second, third, fourth = log.raws
    await shell.batches.work_off([first, third, fourth])
    assert shell.set_back == [1]
    await shell.batches.work_off([second, third, fourth])
    (owned,) = shell.ownership
    assert set(devices_of(owned)) == {"a", "b", "c", "d"}
    assert shell.set_back == [1]


async def test_a_hole_of_the_log_itself_is_passed_after_some_tries() -> None:
    shell, log = Shell(), Collections(3)
    for device in ("a", "b", "c"):
        log.completed(device)
    for _ in range(MOST_REREADS + 1):
        await shell.batches.work_off(log.raws[::2])
    (owned,) = shell.ownership
    assert set(devices_of(owned)) == {"a", "c"}
    assert shell.set_back == [1] * MOST_REREADS


async def test_a_partition_that_does_not_get_on_is_seen() -> None:
    shell, log = Shell(), Collections(3)
    (owned,) = shell.ownership
    assert shell.ownership.stalled_s(100.0) == 0
    owned.end = 2
    assert shell.ownership.stalled_s(130.0) == 30
    log.completed("a")
    log.completed("b")
    await shell.batches.work_off(log.raws[:1])
    assert shell.ownership.stalled_s(140.0) == 0
    assert shell.ownership.stalled_s(150.0) == 10
    await shell.batches.work_off(log.raws[1:])
    assert shell.ownership.stalled_s(200.0) == 0


async def test_what_was_put_back_for_another_consumer_is_not_even_read() -> None:
    shell, log = Shell(), Collections(3)
    log.completed("a")
    poison = RawRecord(COLLECTIONS, 3, 1, 0, b"a", b"not json", ((REDRIVE_FOR, b"timescale"),))
    await shell.batches.work_off([log.raws[0], poison])
    assert list(shell.kafka.log.records(DEAD_LETTERS)) == []
    await shell.batches.work_off([poison._replace(offset=2, headers=((REDRIVE_FOR, b"device_status"),))])
    assert len(list(shell.kafka.log.records(DEAD_LETTERS))) == 1


class FailingTicks(DeviceStatus):
    """Fails at every tick."""

    def on_tick(self, state: Any, device: str, at: Moment[Any]) -> Step[Any]:
        raise ZeroDivisionError(f"at {device}")


async def test_of_devices_that_fail_in_one_tick_each_is_named_and_the_record_is_put_aside_once() -> None:
    shell, log = Shell(core=FailingTicks()), Collections(3)
    for device in ("a", "b", "c"):
        log.completed(device)
    log.tick()
    with capture_logs() as said:
        await shell.batches.work_off(log.raws)
    assert len(list(shell.kafka.log.records(DEAD_LETTERS))) == 1
    warned = [(one["event"], one.get("device"), one["why"].rpartition(": ")[2]) for one in said]
    assert warned == [("put aside", None, "at a"), ("failed besides", "b", "at b"), ("failed besides", "c", "at c")]


class Failing(DeviceStatus):
    """Fails for one device."""

    def on_record(self, state: Any, device: str, at: Moment[Any]) -> Step[Any]:
        if device == "bad":
            raise ZeroDivisionError("by a device")
        return super().on_record(state, device, at)


async def test_an_exception_in_a_core_is_put_aside_before_the_states_and_its_neighbours_go_on() -> None:
    shell, log = Shell(core=Failing()), Collections(3)
    for device in ("good", "bad", "better"):
        log.completed(device)
    await shell.batches.work_off(log.raws)
    # With the outputs: acknowledged before any state says that the record is dealt with.
    assert shell.topics == [{STATUS, DEAD_LETTERS}, {CHANGELOG}, {CHANGELOG}]
    (raw,) = shell.kafka.log.records(DEAD_LETTERS)
    letter = from_record(raw)
    assert letter is not None
    assert (letter.identity, letter.reason) == (("device_status", COLLECTIONS, 3, 1), "core_failed")
    assert re.match(r"ZeroDivisionError at test_batches.py:\d+: by a device", letter.message)
    assert letter.origin.value == log.raws[1].value
    (owned,) = shell.ownership
    assert set(devices_of(owned)) == {"good", "better"}
    assert owned.stored == 3
