"""Properties: whatever is delivered again, wherever a batch is cut or a kill falls, the results are the same."""

import random
import re
from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import decode, encode
from schemas.record import RawRecord, RecordReader
from streams.alerts.core import MetricAlerts
from streams.alerts.status_core import StatusAlerts
from streams.batch import derive
from streams.derivation import Derivation
from streams.device_status.core import DeviceStatus
from streams.entity_status.core import EntityStatus
from streams.fold import PartitionFold
from tests.unit.streams.log_of_events import EPOCH, Collections, Log, Observations
from tests.unit.streams.random_alert_logs import DEVICES, again, metrics_log, status_log
from tests.unit.streams.random_looks import random_look

EPOCHS = (EPOCH, UUID("018f0000-0000-7000-8000-000000000002"))
SECOND: dict[str, Any] = {"agent": "agent-2", "epoch": EPOCHS[1]}
Fold = PartitionFold[Any, Any]


def collections_log(rng: random.Random, length: int) -> Log:
    """Looks of two agents that succeed and fail, devices that come and go, ticks, policies, repeated records."""
    log = Collections()
    for _ in range(length):
        log.wait(rng.choice([0, 1, 5]))
        kind, device = rng.random(), rng.choice(DEVICES)
        if kind < 0.35:
            log.tick(after=rng.choice([5.0, 5.0, 60.0]))
        elif kind < 0.4:
            policy = {"flap_transitions": rng.randint(2, 5), "flap_stable_seconds": 20}
            log.rules("status_policy", policy, rng.randint(1, 9))
        elif kind < 0.5 and log.records:
            log.append(again(log, rng))
        elif kind < 0.58:
            of: dict[str, Any] = rng.choice([{}, {}, SECOND])
            if rng.random() < 0.3:
                log.retired(device, **of)
            else:
                log.registered(device, groups=rng.choice([(), ("g",)]), machine_id=rng.choice("mn") * 8, **of)
        elif kind < 0.8:
            facts: dict[str, Any] = rng.choice([{}, {"groups": ("g",)}, SECOND])
            log.completed(device, clock_skew_seconds=rng.choice([None, 0.0, 900.0]), **facts)
        else:
            log.failed(device, status=rng.choice(["error", "timeout", "unreachable"]))
    return log


def observations_log(rng: random.Random, length: int) -> Log:
    """Looks at all kinds of things by two agents, whole and cut, baselines, policies that change, repeated records."""
    log = Observations()
    for _ in range(length):
        log.wait(rng.choice([1, 60, 600]))
        kind, device = rng.random(), rng.choice(DEVICES)
        if kind < 0.1:
            log.tick(after=5.0)
        elif kind < 0.15:
            log.rules("entity_policy", {"restart_loop_restarts": rng.randint(2, 5)}, rng.randint(1, 9))
        elif kind < 0.25 and log.records:
            log.append(again(log, rng))
        elif kind < 0.3:
            log.accept("drive", f"S{rng.randint(1, 3)}", device, reallocated_sectors=rng.randint(0, 9))
        else:
            look, data = random_look(rng)
            at_s = log.at_s - rng.choice([0, 0, 0, 3000])
            log.look(data, look, device=device, at_s=at_s, epoch=rng.choice(EPOCHS), run=rng.choice(EPOCHS))
    return log


CASES: list[tuple[Callable[[], Derivation[Any, Any]], Callable[[random.Random, int], Log]]] = [
    (MetricAlerts, metrics_log),
    (StatusAlerts, status_log),
    (DeviceStatus, collections_log),
    (EntityStatus, observations_log),
]
NAMES = ["alerts-metrics", "alerts-status", "device_status", "entity_status"]
both = pytest.mark.parametrize(("derivation", "make_log"), CASES, ids=NAMES)
seeds = st.integers(min_value=0, max_value=2**32)


def outputs_of(fold: Fold, raws: Iterable[RawRecord]) -> list[tuple[str, bytes]]:
    """What follows, as (id, bytes): equal means equal in every field. Read anew, as after a restart."""
    reader = RecordReader()
    found = []
    for raw in raws:
        applied = fold.apply(reader.read(raw))
        assert not [one for one in applied.problems if not one.reason.startswith("rules_")]
        found += [(str(one.event.id), encode(one.event)) for one in applied.outputs]
    return found


@both
@given(seed=seeds)
@settings(max_examples=60, deadline=None)
def test_a_kill_between_any_two_writes_changes_no_result(derivation: Any, make_log: Any, seed: int) -> None:
    rng = random.Random(seed)
    log = make_log(rng, 60)
    whole: Fold = PartitionFold(derivation(), 0)
    expected = outputs_of(whole, log.raws)
    store: dict[bytes, bytes] = {}
    topic: list[tuple[str, bytes]] = []
    at = 0
    while at < len(log.raws):
        fold: Fold = PartitionFold(derivation(), 0)
        fold.load(store.items())
        at = max(0, fold.next_offset - rng.randint(0, 10))  # Kafka's own offsets are only hints
        for _ in range(rng.randint(1, 4)):
            end = min(len(log.raws), at + rng.randint(1, 15))
            batch = outputs_of(fold, log.raws[at:end])
            at = end
            changes = fold.changes()
            if rng.random() < 0.4:
                # Killed: some of the outputs got out, or all of them and some of the states.
                topic += batch[: rng.randint(0, len(batch))] if rng.random() < 0.5 else batch
                if topic[len(topic) - len(batch) :] == batch and changes is not None:
                    store.update(dict(rng.sample(changes.states, rng.randint(0, len(changes.states)))))
                at = 0
                break
            topic += batch
            if changes is not None:
                store.update(dict([*changes.states, changes.partition]))
                for key in changes.forgotten:
                    store.pop(key, None)
    assert dict(topic) == dict(expected)
    assert all(dict(expected)[one] == value for one, value in topic)
    final: Fold = PartitionFold(derivation(), 0)
    final.load(store.items())
    assert final.devices == whole.devices
    assert final.rules == whole.rules
    assert final.liveness == whole.liveness


@both
@given(seed=seeds)
@settings(max_examples=40, deadline=None)
def test_what_is_sent_twice_is_seen_once_by_readers_that_go_by_sequence(
    derivation: Any, make_log: Any, seed: int
) -> None:
    rng = random.Random(seed)
    log = make_log(rng, 60)
    expected = outputs_of(PartitionFold(derivation(), 0), log.raws)
    sent = [encoded for _, encoded in expected]
    # A kill: everything from some place on is derived and sent again.
    again = sent + sent[rng.randint(0, len(sent)) :]
    newest: dict[str, int] = {}
    seen = []
    for encoded in again:
        event = decode(encoded)
        assert event.sequence is not None
        if event.sequence > newest.get(event.subject, 0):
            assert event.sequence == newest.get(event.subject, 0) + 1
            newest[event.subject] = event.sequence
            seen.append(encoded)
    assert seen == sent


@both
@given(seed=seeds)
@settings(max_examples=40, deadline=None)
def test_other_devices_change_nothing_for_one(derivation: Any, make_log: Any, seed: int) -> None:
    log = make_log(random.Random(seed), 60)
    expected = outputs_of(PartitionFold(derivation(), 0), log.raws)
    for device in DEVICES:
        key = device.encode()
        alone = [raw for raw in log.raws if raw.key == key or (raw.key or b"").startswith(b"_")]
        of_it = [one for one in expected if f'"subject":"{device}"'.encode() in one[1]]
        assert outputs_of(PartitionFold(derivation(), 0), alone) == of_it


@both
@given(seed=seeds)
@settings(max_examples=20, deadline=None)
def test_stored_states_are_read_back_as_they_were(derivation: Any, make_log: Any, seed: int) -> None:
    log = make_log(random.Random(seed), 60)
    fold: Fold = PartitionFold(derivation(), 0)
    outputs_of(fold, log.raws)
    changes = fold.changes()
    assert changes is not None
    again: Fold = PartitionFold(derivation(), 0)
    again.load([*changes.states, changes.partition])
    assert again.devices == fold.devices
    assert again.next_offset == fold.next_offset


@both
@given(seed=seeds)
@settings(max_examples=15, deadline=None)
def test_a_suffix_that_is_delivered_again_changes_nothing(derivation: Any, make_log: Any, seed: int) -> None:
    rng = random.Random(seed)
    log = make_log(rng, 60)
    fold: Fold = PartitionFold(derivation(), 0)
    expected = outputs_of(fold, log.raws)
    before, stored = fold.devices, fold.changes()
    assert outputs_of(fold, log.raws[rng.randrange(len(log.raws)) :]) == []
    assert (fold.devices, fold.changes()) == (before, None)
    assert stored is not None
    # Derived twice is derived once, and by the batch shell as by the worker's fold.
    assert outputs_of(PartitionFold(derivation(), 0), log.raws) == expected
    assert [(str(one.event.id), encode(one.event)) for one in derive(derivation(), log.raws)] == expected


@both
@given(seed=seeds)
@settings(max_examples=15, deadline=None)
def test_the_order_of_different_devices_changes_nothing(derivation: Any, make_log: Any, seed: int) -> None:
    rng = random.Random(seed)
    log = make_log(rng, 60)
    expected = outputs_of(PartitionFold(derivation(), 0), log.raws)
    found = outputs_of(PartitionFold(derivation(), 0), reordered(log.raws, rng))
    assert sorted(map(without_offsets, found)) == sorted(map(without_offsets, expected))


def reordered(raws: list[RawRecord], rng: random.Random) -> list[RawRecord]:
    """The same log with the devices in another order between what concerns all of them; each keeps its own."""
    order: list[RawRecord] = []
    between: list[RawRecord] = []
    for raw in [*raws, None]:
        # A cause without a sequence is known by its offset, so operators' events stay where they are.
        stays = raw is None or (raw.key or b"").startswith(b"_") or b'"/operators/' in (raw.value or b"")
        if raw is not None and not stays:
            between.append(raw)
            continue
        left = {key: [one for one in between if one.key == key] for key in dict.fromkeys(one.key for one in between)}
        while left:
            key = rng.choice(sorted(left, key=str))
            order.append(left[key].pop(0))
            left = {one: rest for one, rest in left.items() if rest}
        between = []
        if raw is not None:
            order.append(raw)
    return [raw._replace(offset=offset) for offset, raw in enumerate(order)]


def without_offsets(found: tuple[str, bytes]) -> str:
    """An event without the places of its evidence in the log, which are others in another order."""
    text = re.sub(rb'"offset":[0-9]+', b"", found[1]).decode()
    return f"{found[0]} {text}"
