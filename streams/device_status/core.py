"""The core of device_status: folds `infra.collections` into the status of each device.

A sign of life is a look that the device answered: `completed` with success, `failed` with an error of its own; not an
answer from the cache, a skipped look, a timeout, an unreachable device.

Who observes it says its groups and what it depends on; when those change, or what the status is about (its reason, the
collectors that fail, the agents that see one device), the same status is told again with them.

A status event has the time of its cause, but is always later than the status event before it: an agent's clock that is
behind, or a backlog, must not put `online` before the `offline` that it ends, for readers take the latest as current.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from schemas.collection import CollectionCompleted, CollectionFailed
from schemas.device import (
    DeviceRegistered,
    DeviceRetired,
    DeviceStatusChanged,
    DeviceStatusData,
    DeviceUpdated,
    FailingCollector,
    Status,
)
from schemas.registry import COLLECTIONS, STATUS
from schemas.rules import RulesKind
from streams.derivation import Moment, Output, Step
from streams.device_status.observers import (
    Described,
    Observers,
    Said,
    described,
    heard,
    together,
    without,
)
from streams.device_status.policy import StatusPolicy
from streams.device_status.state import Failing, StatusState
from streams.place import Place, place_of

MOST_FAILING = 64
"""How many failing collectors are remembered a device."""

MOST_EVIDENCE = 8
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Judgement:
    """A status, a code for the reason, a sentence, and what decided it."""

    status: Status
    reason: str
    summary: str
    places: tuple[Place, ...] = ()
    about: tuple[str, ...] = ()
    """Which collectors or agents it is about: with others it is news."""


class DeviceStatus:
    """The derivation `device_status`: reads `infra.collections`, writes `infra.status`."""

    name = "device_status"
    table = "device_status"
    source = "/streams/device_status"
    reads = COLLECTIONS
    writes = STATUS
    rules_kind: RulesKind = "status_policy"
    state_type = StatusState

    def initial(self) -> StatusState:
        """Nothing is known."""
        return StatusState()

    def read_policy(self, document: Mapping[str, Any] | None, digest: str) -> StatusPolicy:
        """The policy in a document; the default one without. Raises ValueError."""
        del digest
        return StatusPolicy.model_validate(document or {})

    def on_record(self, state: StatusState, device: str, at: Moment[StatusPolicy]) -> Step[StatusState]:
        """Fold one record of the device."""
        return _decide(_after(state, at), device, at, late=at.record.late)

    def on_tick(self, state: StatusState, device: str, at: Moment[StatusPolicy]) -> Step[StatusState]:
        """See whether the device has been silent for too long."""
        return _decide(state, device, at)

    def on_rules(self, state: StatusState, device: str, at: Moment[StatusPolicy]) -> Step[StatusState]:
        """Judge again by the new policy."""
        return _decide(state, device, at)


def _after(state: StatusState, at: Moment[StatusPolicy]) -> StatusState:
    """What is known after a record; of a retired device, nothing but its return counts."""
    event = at.record.event
    match event:
        case DeviceRegistered() | DeviceUpdated():
            if state.retired is not None:
                state = StatusState(state.status, state.judged, state.told_at, since=state.since)
            return _heard(state, event, at)
        case DeviceRetired():
            left = without(state.observers, event.source, liveness_ms=at.liveness_ms, within_ms=_silence_ms(state, at))
            # It goes from one agent to another: who retires it is not who watches it now.
            return replace(state, observers=left, retired=None if left else place_of(at.record))
        case CollectionCompleted() | CollectionFailed() if state.retired is None:
            return _looked(_heard(state, event, at), event, at)
        case _:
            # Gaps say nothing about the device, nor do looks at one that is retired.
            return state


def _heard(state: StatusState, event: Said, at: Moment[StatusPolicy]) -> StatusState:
    if at.record.late:
        # What comes from a backlog says who observed it then, not who does.
        return state
    within_ms = _silence_ms(state, at)
    place = place_of(at.record)
    return replace(
        state,
        observers=heard(state.observers, event, place=place, liveness_ms=at.liveness_ms, within_ms=within_ms),
    )


def _looked(state: StatusState, event: CollectionCompleted | CollectionFailed, at: Moment[StatusPolicy]) -> StatusState:
    match event:
        case CollectionCompleted() if event.data.status == "success":
            failing = tuple(one for one in state.failing if one.collector != event.data.collector)
            return _alive(replace(state, failing=failing), event, at)
        case CollectionFailed():
            return _failed(state, event, at)
        case _:
            # Answers from the cache and skipped looks say nothing about the device.
            return state


def _alive(state: StatusState, event: CollectionCompleted | CollectionFailed, at: Moment[StatusPolicy]) -> StatusState:
    place, skew = place_of(at.record), event.data.clock_skew_seconds
    return replace(
        state,
        alive_ms=at.liveness_ms,
        alive=place,
        interval_ms=int(event.data.shortest_interval_seconds * 1000),
        unreachable=None,
        skew_seconds=state.skew_seconds if skew is None else skew,
        skew=state.skew if skew is None else place,
    )


def _failed(state: StatusState, event: CollectionFailed, at: Moment[StatusPolicy]) -> StatusState:
    data = event.data
    if data.status == "unreachable":
        # Not this collector fails, the device is away; since the first of these looks.
        return replace(state, unreachable=state.unreachable or place_of(at.record))
    before = next((one for one in state.failing if one.collector == data.collector), None)
    others = tuple(one for one in state.failing if one.collector != data.collector)
    now = Failing(data.collector, event.time, data.error_code, place_of(at.record), at.liveness_ms)
    if before is not None:
        now = replace(now, since=before.since, place=before.place)
    state = replace(state, failing=(*others, now)[-MOST_FAILING:])
    return _alive(state, event, at) if data.status == "error" else state


def judge(state: StatusState, policy: StatusPolicy, *, liveness_ms: int, period_ms: int) -> Judgement:
    """The status that the looks say, at a moment of the liveness clock."""
    if state.retired is not None:
        return Judgement("retired", "retired", "retired: no longer watched", (state.retired,))
    if state.unreachable is not None:
        return Judgement("offline", "unreachable", "offline: it cannot be reached", (state.unreachable,))
    if state.alive_ms is None:
        return Judgement("unknown", "never_seen", "unknown: no look has succeeded yet")
    silent_ms, within_ms = liveness_ms - state.alive_ms, offline_after_ms(state.interval_ms, policy, period_ms)
    if silent_ms >= within_ms:
        summary = f"offline: no sign of life for {silent_ms / 1000:.0f} s"
        return Judgement("offline", "no_sign_of_life", summary, _known(state.alive))
    several = together(state.observers, liveness_ms=liveness_ms, within_ms=within_ms)
    return _seen_by_several(several) if several else _while_alive(state, policy)


def _seen_by_several(observers: Observers) -> Judgement:
    """One id that stands for two machines, or one machine that is watched twice."""
    machines = {one.machine_id for one in observers}
    known = len(machines) > 1 and None not in machines
    about = tuple(
        f"{one.agent} (machine-id {one.machine_id[:8]}…)" if known and one.machine_id else one.agent
        for one in observers
    )
    names, places = " and ".join(about), tuple(one.place for one in observers)
    if known:
        said = f"degraded: two machines have this id, told by {names}"
        return Judgement("degraded", "two_machines", said, places, about)
    return Judgement("degraded", "two_agents", f"degraded: it is watched twice, by {names}", places, about)


def _while_alive(state: StatusState, policy: StatusPolicy) -> Judgement:
    if state.failing:
        names = ", ".join(f"{one.collector} ({one.error_code})" for one in state.failing[:5])
        more = f" and {len(state.failing) - 5} more" if len(state.failing) > 5 else ""
        places = tuple(one.place for one in state.failing)
        about = tuple(sorted(one.collector for one in state.failing))
        return Judgement("degraded", "collectors_failing", f"degraded: {names}{more} failing", places, about)
    if state.skew_seconds is not None and abs(state.skew_seconds) > policy.most_skew_seconds:
        way = "behind" if state.skew_seconds > 0 else "ahead"
        summary = f"degraded: its clock is {abs(state.skew_seconds):.0f} s {way}"
        return Judgement("degraded", "clock_skew", summary, _known(state.skew))
    return Judgement("online", "looks_succeed", "online: its looks succeed", _known(state.alive))


def offline_after_ms(interval_ms: int, policy: StatusPolicy, period_ms: int) -> int:
    """How long a device may be silent, ms of liveness: not less than three ticks, for that is how it is counted."""
    by_interval = int(policy.offline_after_intervals * interval_ms)
    return max(by_interval, int(policy.offline_after_least_seconds * 1000), 3 * period_ms)


def _silence_ms(state: StatusState, at: Moment[StatusPolicy]) -> int:
    return offline_after_ms(state.interval_ms, at.policy, at.period_ms)


def _known(place: Place | None) -> tuple[Place, ...]:
    return () if place is None else (place,)


def _decide(state: StatusState, device: str, at: Moment[StatusPolicy], *, late: bool = False) -> Step[StatusState]:
    """Judge, damp, and tell when what is told changes."""
    policy = at.policy
    state = _without_forgotten(state, policy, liveness_ms=at.liveness_ms)
    found = judge(state, policy, liveness_ms=at.liveness_ms, period_ms=at.period_ms)
    if late and found.status != state.judged:
        # A backlog comes in a moment: how fast its status changed there says nothing of how fast it did.
        state = replace(state, judged=found.status, flapping=state.flapping and found.status != "retired")
    state = _damped(state, found.status, policy, liveness_ms=at.liveness_ms)
    if state.flapping and found.status != "retired":
        count = len(state.flips_ms)
        found = Judgement("degraded", "flapping", f"degraded: {count} changes of status in a short time", found.places)
    about = state.described
    if state.observers:
        about = described(state.observers, liveness_ms=at.liveness_ms, within_ms=_silence_ms(state, at))
    told = (state.status, state.reason, state.concerned, state.described)
    if found.status == state.status and (
        state.told_at is None or told == (found.status, found.reason, found.about, about)
    ):
        return Step(state)
    return _tell(state, found, device=device, about=about, at=at)


def _without_forgotten(state: StatusState, policy: StatusPolicy, *, liveness_ms: int) -> StatusState:
    """Drop collectors that failed and were not heard of again: they were switched off."""
    longest_ms = int(policy.forget_failing_after_seconds * 1000)
    if all(liveness_ms - one.seen_ms <= longest_ms for one in state.failing):
        return state
    return replace(state, failing=tuple(one for one in state.failing if liveness_ms - one.seen_ms <= longest_ms))


def _damped(state: StatusState, judged: Status, policy: StatusPolicy, *, liveness_ms: int) -> StatusState:
    """Count transitions within the window; `flapping` from the limit on, until it has been stable."""
    if judged != state.judged:
        window_ms = int(policy.flap_window_seconds * 1000)
        recent = [one for one in state.flips_ms if liveness_ms - one <= window_ms]
        flips = (*recent, liveness_ms)[-policy.flap_transitions :]
        flapping = state.flapping or len(flips) >= policy.flap_transitions
        return replace(state, judged=judged, flips_ms=flips, flapping=flapping and judged != "retired")
    if state.flapping and liveness_ms - state.flips_ms[-1] >= int(policy.flap_stable_seconds * 1000):
        return replace(state, flapping=False, flips_ms=())
    return state


def _tell(
    state: StatusState, found: Judgement, *, device: str, about: Described, at: Moment[StatusPolicy]
) -> Step[StatusState]:
    when = at.at if state.told_at is None else max(at.at, state.told_at + _TICK)
    since = when if state.since is None or found.status != state.status else state.since
    cause = at.evidence()
    before = tuple(place.evidence() for place in found.places if place.id != cause.id)
    data = DeviceStatusData(
        previous=state.status,
        status=found.status,
        reason=found.reason,
        summary=found.summary,
        since=since,
        failing=tuple(
            FailingCollector(collector=one.collector, since=one.since, error_code=one.error_code)
            for one in state.failing
        ),
        clock_skew_seconds=state.skew_seconds,
        groups=about.groups,
        parents=about.parents,
        evidence=(*before[: MOST_EVIDENCE - 1], cause),
    )
    output = Output(at.derive(device, "status"), DeviceStatusChanged, data, at=when)
    after = replace(
        state,
        status=found.status,
        reason=found.reason,
        concerned=found.about,
        told_at=when,
        described=about,
        since=since,
    )
    return Step(after, (output,))
