"""What all derivations have in common: skipping what was applied, rules, problems, stored states."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson
import pytest

from streams.applied import NOTHING, REPEATED
from streams.derivation import Moment, Step
from streams.device_status.core import DeviceStatus
from streams.fold import MOST_SCOPES, PartitionFold
from streams.stored import StateUnreadable, device_key, partition_key
from tests.unit.streams.log_of_events import Collections


def new_fold(derivation: DeviceStatus | None = None) -> PartitionFold[Any, Any]:
    return PartitionFold(derivation or DeviceStatus(), 0)


def entries(fold: PartitionFold[Any, Any]) -> dict[bytes, bytes]:
    changes = fold.changes()
    assert changes is not None
    return dict([*changes.states, changes.partition])


def test_a_record_that_was_applied_is_skipped() -> None:
    log, fold = Collections(), new_fold()
    record = log.completed()
    assert len(fold.apply(record).outputs) == 1
    assert fold.apply(record) is REPEATED
    assert fold.next_offset == 1


def test_a_sequence_that_is_not_newer_is_skipped_by_epoch() -> None:
    log, fold = Collections(), new_fold()
    other = UUID("018f0000-0000-7000-8000-000000000002")
    log.completed()
    log.completed()
    log.append(log.records[0].event)  # type: ignore[arg-type]
    log.completed(epoch=other)
    notes = [fold.apply(record).notes for record in log.records]
    assert notes == [(), (), ("repeated",), ()]


def test_the_epochs_remembered_are_bounded_to_the_most_recent() -> None:
    log, fold = Collections(), new_fold()
    for number in range(MOST_SCOPES + 4):
        log.completed(epoch=UUID(int=(7 << 76) + (2 << 62) + number))
    for record in log.records:
        fold.apply(record)
    scopes = orjson.loads(entries(fold)[device_key(0, "web-1")])["scopes"]
    assert len(scopes) == MOST_SCOPES
    assert list(scopes)[-1].endswith(f"{MOST_SCOPES + 3:02x}")


def test_only_what_changed_is_stored_and_the_partition_always() -> None:
    log, fold = Collections(), new_fold()
    log.tick()
    log.completed("a")
    log.completed("b")
    for record in log.records:
        fold.apply(record)
    assert set(entries(fold)) == {device_key(0, "a"), device_key(0, "b"), partition_key(0)}
    assert fold.changes() is None
    fold.apply(log.tick())
    assert set(entries(fold)) == {partition_key(0)}
    fold.apply(log.completed("b"))
    assert set(entries(fold)) == {device_key(0, "b"), partition_key(0)}


def test_rules_are_taken_by_revision_and_a_clash_is_a_problem() -> None:
    log, fold = Collections(), new_fold()
    policies: list[Mapping[str, Any]] = [{"flap_transitions": 3}, {"flap_transitions": 4}]
    assert fold.apply(log.rules("status_policy", policies[0], 5)) == NOTHING
    assert fold.apply(log.rules("status_policy", policies[0], 5)) == NOTHING
    assert fold.apply(log.rules("status_policy", policies[1], 5)).problems[0].reason == "rules_clash"
    assert fold.apply(log.rules("status_policy", policies[1], 4)).problems[0].reason == "rules_older"
    assert fold.apply(log.rules("status_policy", {"nonsense": 1}, 6)).problems[0].reason == "rules_invalid"
    assert fold.apply(log.rules("alert_rules", policies[1], 9)) == NOTHING
    assert fold.rules is not None
    assert fold.rules.revision == 5


def test_the_document_in_force_is_stored_once_and_loaded_again() -> None:
    log, fold = Collections(), new_fold()
    fold.apply(log.rules("status_policy", {"most_skew_seconds": 60}))
    stored = entries(fold)
    assert len(stored) == 2
    fold.apply(log.tick())
    assert set(entries(fold)) == {partition_key(0)}
    again = new_fold()
    again.load(stored.items())
    assert again.rules == fold.rules
    again.apply(log.completed(clock_skew_seconds=61.0))
    assert again.devices["web-1"].status == "degraded"


def test_documents_of_long_ago_are_forgotten() -> None:
    log, fold = Collections(), new_fold()
    forgotten: list[bytes] = []
    for revision in range(8):
        fold.apply(log.rules("status_policy", {"most_skew_seconds": 60 + revision}, revision))
        changes = fold.changes()
        assert changes is not None
        forgotten += changes.forgotten
    assert len(forgotten) == len(set(forgotten)) == 3


class Failing(DeviceStatus):
    """Fails for one device."""

    def on_record(self, state: Any, device: str, at: Moment[Any]) -> Step[Any]:
        if device == "bad":
            raise ZeroDivisionError("by a device")
        return super().on_record(state, device, at)

    def on_tick(self, state: Any, device: str, at: Moment[Any]) -> Step[Any]:
        if device == "worse" and at.liveness_ms > 0:
            raise KeyError("gone")
        return super().on_tick(state, device, at)


def test_a_step_that_fails_is_a_problem_with_its_place_and_its_neighbours_go_on() -> None:
    log, fold = Collections(), new_fold(Failing())
    log.tick()
    log.completed("bad")
    log.completed("good")
    log.completed("worse")
    log.ticks(60)
    outcomes = [fold.apply(record) for record in log.records]
    (problem,) = outcomes[1].problems
    assert problem.reason == "core_failed"
    assert problem.device == "bad"
    assert problem.message.startswith("ZeroDivisionError at test_fold.py:")
    assert "bad" not in fold.devices
    assert fold.devices["good"].status == "offline"
    assert fold.devices["worse"].status == "online"
    assert outcomes[-1].problems[0].device == "worse"


def test_a_redriven_record_passes_the_sequence_check_of_its_consumer_only() -> None:
    log, fold = Collections(), new_fold()
    first = log.completed()
    second = log.completed()
    fold.apply(first)
    fold.apply(second)
    again = first._replace(offset=2, redrive_for="timescale")
    assert fold.apply(again) is NOTHING
    assert fold.apply(first._replace(offset=3, redrive_for="device_status")) == NOTHING
    assert fold.devices["web-1"].alive.offset == 3


def test_damaged_and_newer_states_are_refused() -> None:
    with pytest.raises(StateUnreadable, match="damaged"):
        new_fold().load([(partition_key(0), b"{")])
    with pytest.raises(StateUnreadable, match="version 99"):
        new_fold().load([(partition_key(0), b'{"v":99}')])
    new_fold().load([(partition_key(7), b"{")])


def test_rules_that_this_version_does_not_take_are_a_state_that_it_cannot_read() -> None:
    log, fold = Collections(), new_fold()
    fold.apply(log.rules("status_policy", {"most_skew_seconds": 60}))
    stored = [
        (key, value.replace(b'"most_skew_seconds":60', b'"most_skew_seconds":-1'))
        for key, value in entries(fold).items()
    ]
    with pytest.raises(
        StateUnreadable, match=r"(?s)are none to this version: .*most_skew_seconds.*greater than 0.*rebuild"
    ):
        new_fold().load(stored)
