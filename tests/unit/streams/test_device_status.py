"""The core of device_status, over logs written by hand."""

from typing import Any
from uuid import UUID

from schemas.device import DeviceStatusChanged
from streams.device_status.core import DeviceStatus
from streams.fold import PartitionFold
from tests.unit.streams.log_of_events import EPOCH, Collections, Log


def derived(log: Log) -> list[DeviceStatusChanged]:
    fold: PartitionFold[Any, Any] = PartitionFold(DeviceStatus(), log.partition)
    found = []
    for record in log.records:
        applied = fold.apply(record)
        assert applied.problems == ()
        found += [one.event for one in applied.outputs]
    assert all(isinstance(event, DeviceStatusChanged) for event in found)
    return found  # type: ignore[return-value]


def told(log: Log) -> list[tuple[str, str]]:
    return [(event.data.status, event.data.reason) for event in derived(log)]


def test_a_first_success_makes_it_online() -> None:
    log = Collections()
    record = log.completed()
    (event,) = derived(log)
    assert (event.data.previous, event.data.status, event.data.reason) == ("unknown", "online", "looks_succeed")
    assert event.time == record.event.time
    assert event.causationid == record.event.id
    assert event.sequence == 1
    assert event.source == "/streams/device_status"
    assert [one.offset for one in event.data.evidence] == [record.offset]


def test_silence_makes_it_offline_after_three_intervals_of_ticks_and_not_before() -> None:
    log = Collections()
    log.tick()
    log.completed()
    log.ticks(25)
    assert told(log) == [("online", "looks_succeed")]
    tick = log.tick()
    assert told(log) == [("online", "looks_succeed"), ("offline", "no_sign_of_life")]
    event = derived(log)[-1]
    assert event.time.timestamp() * 1000 == tick.appended_ms
    assert "30 s" in event.data.summary
    assert [one.offset for one in event.data.evidence] == [1, tick.offset]


def test_a_pause_of_broker_or_workers_is_nobodys_silence() -> None:
    log = Collections()
    log.tick()
    log.completed()
    log.tick(after=7200.0)
    assert told(log) == [("online", "looks_succeed")]


def test_a_short_interval_is_not_below_the_grain_of_the_ticks() -> None:
    log = Collections()
    log.tick()
    for _ in range(5):
        log.completed(shortest_interval_seconds=1.0)
        log.tick()
    assert told(log) == [("online", "looks_succeed")]


def test_cached_skipped_and_timeouts_are_no_sign_of_life() -> None:
    log = Collections()
    log.tick()
    log.completed()
    for _ in range(6):
        log.completed(status="cached", age_seconds=3.0)
        log.completed(status="skipped", reason="circuit open")
        log.failed(status="timeout", error_code="timeout")
        log.tick()
    assert told(log)[-1] == ("offline", "no_sign_of_life")


def test_errors_are_a_sign_of_life() -> None:
    log = Collections()
    log.tick()
    log.completed()
    for _ in range(10):
        log.failed()
        log.tick()
    assert told(log) == [("online", "looks_succeed"), ("degraded", "collectors_failing")]
    event = derived(log)[-1]
    assert [(one.collector, one.error_code) for one in event.data.failing] == [("drive", "no_smart")]
    assert "drive (no_smart)" in event.data.summary


def test_a_collector_that_succeeds_again_is_no_longer_failing() -> None:
    log = Collections()
    log.failed()
    log.completed(collector="drive")
    assert told(log) == [("degraded", "collectors_failing"), ("online", "looks_succeed")]


def test_a_collector_that_was_switched_off_is_forgotten() -> None:
    log = Collections()
    log.rules("status_policy", {"forget_failing_after_seconds": 60})
    log.tick()
    log.failed()
    for _ in range(14):
        log.completed()
        log.tick()
    assert told(log) == [("degraded", "collectors_failing"), ("online", "looks_succeed")]


def test_unreachable_is_offline_at_once_and_a_success_ends_it() -> None:
    log = Collections()
    log.completed()
    log.failed(status="unreachable", error_code="ssh_unreachable")
    log.failed(status="unreachable", error_code="ssh_unreachable")
    log.completed()
    assert told(log) == [("online", "looks_succeed"), ("offline", "unreachable"), ("online", "looks_succeed")]


def test_a_wrong_clock_is_degraded() -> None:
    log = Collections()
    log.completed(clock_skew_seconds=599.0)
    log.completed(clock_skew_seconds=-601.0)
    log.completed()
    log.completed(clock_skew_seconds=1.0)
    assert told(log) == [("online", "looks_succeed"), ("degraded", "clock_skew"), ("online", "looks_succeed")]
    assert "601 s ahead" in derived(log)[1].data.summary


def test_status_events_of_a_device_go_forward_in_time_even_when_its_clock_does_not() -> None:
    log = Collections()
    log.tick()
    log.completed()
    log.ticks(60)
    log.completed(at_s=-3600)
    log.completed(at_s=-3599)
    events = derived(log)
    assert [event.data.status for event in events] == ["online", "offline", "online"]
    assert events[2].time > events[1].time
    assert events[2].data.since == events[2].time


def test_retired_until_registered_again() -> None:
    log = Collections()
    log.completed()
    log.retired()
    log.completed()
    log.registered()
    log.completed()
    assert [status for status, _ in told(log)] == ["online", "retired", "unknown", "online"]


def test_flapping_is_damped_until_it_has_been_stable() -> None:
    log = Collections()
    log.rules("status_policy", {"flap_transitions": 4, "flap_window_seconds": 60, "flap_stable_seconds": 30})
    log.tick()
    for _ in range(10):
        log.completed()
        log.failed(status="unreachable", error_code="ssh_unreachable")
    assert told(log)[3:] == [("degraded", "flapping")]
    log.completed()
    for _ in range(5):
        log.tick()
        log.completed()
    assert told(log)[3:] == [("degraded", "flapping")]
    log.tick()
    assert told(log)[3:] == [("degraded", "flapping"), ("online", "looks_succeed")]


def test_a_new_policy_judges_at_its_place_in_the_log() -> None:
    log = Collections()
    log.completed(clock_skew_seconds=120.0)
    log.wait(1)
    record = log.rules("status_policy", {"most_skew_seconds": 60})
    event = derived(log)[-1]
    assert event.data.reason == "clock_skew"
    assert event.causationid == record.event.id
    assert event.time == log.now()


def test_the_ids_of_one_tick_differ_by_device() -> None:
    log = Collections()
    log.tick()
    log.completed("a")
    log.completed("b")
    log.ticks(60)
    offline = [event for event in derived(log) if event.data.status == "offline"]
    assert {event.subject for event in offline} == {"a", "b"}
    assert len({event.id for event in offline}) == 2
    assert len({event.causationid for event in offline}) == 1


# Who observes a device, and what they say of it.

OTHER = UUID("018f0000-0000-7000-8000-000000000002")
SECOND: dict[str, Any] = {"agent": "agent-2", "epoch": OTHER}


def test_a_status_names_the_groups_and_the_parents_of_the_device() -> None:
    log = Collections()
    log.completed(groups=("nas",), parents=("switch-1",))
    (event,) = derived(log)
    assert (event.data.groups, event.data.parents) == (("nas",), ("switch-1",))
    log.retired()
    assert derived(log)[-1].data.groups == ("nas",)


def test_groups_that_change_are_told_with_the_same_status_since_when_it_began() -> None:
    log = Collections()
    first = log.completed(groups=("nas",))
    log.wait(10)
    log.completed(groups=("nas",))
    log.wait(10)
    log.failed(status="timeout", error_code="timeout", groups=("nas", "new"))
    assert told(log) == [("online", "looks_succeed"), ("degraded", "collectors_failing")]
    log.wait(10)
    changed = log.completed(collector="drive", groups=("nas", "new"))
    log.wait(10)
    log.completed(groups=("new",))
    log.wait(10)
    log.completed(groups=("new",))
    events = derived(log)
    assert told(log)[2:] == [("online", "looks_succeed")] * 2
    assert (events[-1].data.previous, events[-1].data.groups) == ("online", ("new",))
    assert events[-1].data.since == events[-2].data.since == changed.event.time > first.event.time


def test_a_device_that_two_agents_watch_is_told_of_until_one_stops() -> None:
    log = Collections()
    log.tick()
    for _ in range(3):
        log.completed(groups=("a",))
        log.tick()
        log.completed(**SECOND, groups=("b",))
        log.tick()
    assert told(log) == [("online", "looks_succeed"), ("online", "looks_succeed"), ("degraded", "two_agents")]
    event = derived(log)[-1]
    assert event.data.summary == "degraded: it is watched twice, by agent-1 and agent-2"
    assert event.data.groups == ("a", "b")
    assert len({one.id for one in event.data.evidence}) == 2
    for _ in range(7):
        log.completed(**SECOND, groups=("b",))
        log.tick()
    assert told(log)[3:] == [("online", "looks_succeed")]
    assert derived(log)[-1].data.groups == ("b",)


def test_one_id_from_two_machines_is_told_of() -> None:
    log = Collections()
    log.tick()
    log.registered(machine_id="1111111122223333", epoch=EPOCH)
    log.registered(machine_id="4444444455556666", epoch=OTHER)
    for _ in range(3):
        log.completed()
        log.tick()
        log.completed(epoch=OTHER)
        log.tick()
    event = derived(log)[-1]
    assert (event.data.status, event.data.reason) == ("degraded", "two_machines")
    assert "agent-1 (machine-id 11111111…) and agent-1 (machine-id 44444444…)" in event.data.summary


def test_an_agent_that_takes_over_from_another_is_no_second_one() -> None:
    log = Collections()
    log.tick()
    for of in ({}, SECOND, {}):
        for _ in range(9):
            log.completed(**of)
            log.tick()
    assert told(log) == [("online", "looks_succeed")]


def test_looks_of_a_backlog_are_no_second_agents() -> None:
    log = Collections()
    log.tick()
    log.completed()
    log.tick()
    for _ in range(4):
        log.completed(**SECOND)
        log.completed(sent_s=log.at_s + 100)
        log.tick()
    assert told(log) == [("online", "looks_succeed")]


def test_an_agent_that_retires_a_device_does_not_end_it_for_the_one_that_watches_it_now() -> None:
    log = Collections()
    log.tick()
    log.completed()
    log.tick()
    log.completed(**SECOND)
    log.retired()
    assert told(log) == [("online", "looks_succeed")]
    log.retired(**SECOND)
    assert told(log) == [("online", "looks_succeed"), ("retired", "retired")]
