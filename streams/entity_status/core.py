"""The core of entity_status: folds `infra.observations` into what happened to the things on each device.

A look is compared with the one before of its kind (its engine, package manager, file). The first one establishes the
state, silently but for what is wrong already; a whole one says of what it lacks that it is gone; no look says nothing.
Of one agent the later look is the later one, whatever its clock says; a look of another agent, or one that is driven
again, that is not newer is passed over, and counted.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, assert_never
from uuid import UUID

from schemas.baseline import BaselineAccepted
from schemas.config import ConfigObserved
from schemas.container import ContainerObserved
from schemas.drive import DriveObserved
from schemas.entity import EntityKind
from schemas.envelope import Envelope
from schemas.fields import Evidence
from schemas.identity import sequence_scope
from schemas.network import NetworkObserved
from schemas.packages import PackagesObserved
from schemas.pool import PoolObserved
from schemas.registry import OBSERVATIONS, STATUS
from schemas.rules import RulesKind
from schemas.service import ServiceObserved
from streams.derivation import Moment, Output, Step
from streams.entity_status.baselines import accept_baseline, accepted_of
from streams.entity_status.change import TOO_MANY, Change, Compared, Sight
from streams.entity_status.config import compare_config
from streams.entity_status.containers import compare_containers
from streams.entity_status.drives import compare_drives
from streams.entity_status.network import compare_network
from streams.entity_status.packages import compare_packages
from streams.entity_status.policy import EntityPolicy
from streams.entity_status.pools import compare_pools
from streams.entity_status.services import compare_services
from streams.entity_status.state import EntityState, Looked
from streams.place import Place

OUT_OF_ORDER = "out_of_order"
_LATER = timedelta(microseconds=1)
_MOST_KINDS = 16
"""Kinds of configuration files whose first run is remembered."""

Observed = (
    ContainerObserved
    | DriveObserved
    | PoolObserved
    | ServiceObserved
    | NetworkObserved
    | PackagesObserved
    | ConfigObserved
)

_KINDS: dict[type[Envelope], EntityKind] = {
    ContainerObserved: "container",
    DriveObserved: "drive",
    PoolObserved: "pool",
    ServiceObserved: "service",
    NetworkObserved: "network",
    PackagesObserved: "packages",
    ConfigObserved: "config",
}


class EntityStatus:
    """The derivation `entity_status`: reads `infra.observations`, writes `infra.status`."""

    name = "entity_status"
    table = "entity_status"
    source = "/streams/entity_status"
    reads = OBSERVATIONS
    writes = STATUS
    rules_kind: RulesKind = "entity_policy"
    state_type = EntityState

    def initial(self) -> EntityState:
        """Nothing was seen."""
        return EntityState()

    def read_policy(self, document: Mapping[str, Any] | None, digest: str) -> EntityPolicy:
        """The policy in a document; the default one without. Raises ValueError."""
        del digest
        return EntityPolicy.model_validate(document or {})

    def on_record(self, state: EntityState, device: str, at: Moment[EntityPolicy]) -> Step[EntityState]:
        """Compare one look with the one before it, or take a baseline."""
        event = at.record.event
        if isinstance(event, BaselineAccepted):
            return _accepted(state, event, device=device, at=at)
        if not isinstance(event, Observed):
            return Step(state)
        key = _key(event)
        look = _looked(state.looks.get(key), at)
        if look is None:
            return Step(state, notes=(OUT_OF_ORDER,))
        before = state.looks.get(key)
        compared = _compared(state, event, _sight(state, event, before, look=look, at=at))
        settled = look.settled or (_is_whole(event) and TOO_MANY not in compared.notes)
        after = _with_look(compared.known, event, key, look=replace(look, settled=settled))
        return Step(after, _outputs(compared, device, look.at, at=at), compared.notes)

    def on_tick(self, state: EntityState, device: str, at: Moment[EntityPolicy]) -> Step[EntityState]:
        """Nothing is said without a look."""
        del device, at
        return Step(state)

    def on_rules(self, state: EntityState, device: str, at: Moment[EntityPolicy]) -> Step[EntityState]:
        """The next look is judged by the new policy."""
        del device, at
        return Step(state)


def _key(event: Observed) -> str:
    """What the look before must have been of to be compared with."""
    kind = _KINDS[type(event)]
    match event:
        case ContainerObserved():
            return f"{kind} {event.data.engine}"
        case PackagesObserved():
            return f"{kind} {event.data.manager}"
        case ConfigObserved():
            return f"{kind} {event.data.path}"
        case _:
            return kind


def _is_whole(event: Observed) -> bool:
    return event.data.complete if not isinstance(event, PackagesObserved | ConfigObserved) else True


def _looked(before: Looked | None, at: Moment[EntityPolicy]) -> Looked | None:
    """The look as it counts; None when it is not later than the one before: what is told goes forward in time."""
    record = at.record
    scope, when = sequence_scope(record.event.source), record.event.time
    settled = before is not None and before.settled
    if before is not None and when <= before.at:
        if scope != before.scope or record.redrive_for is not None:
            return None
        when = before.at + _LATER
    return Looked(when, scope, record.offset, record.event.id, settled)


def _sight(
    state: EntityState, event: Observed, before: Looked | None, *, look: Looked, at: Moment[EntityPolicy]
) -> Sight:
    record, now = at.record, at.evidence()
    evidence: tuple[Evidence, ...] = (now,)
    if before is not None:
        evidence = (Place(record.topic, record.partition, before.offset, before.id).evidence(), now)
    return Sight(
        look.at,
        before.at if before else None,
        settled=look.settled,
        evidence=evidence,
        policy=at.policy,
        accepted=accepted_of(state.baselines, _KINDS[type(event)]),
    )


def _compared(state: EntityState, event: Observed, sight: Sight) -> Compared[EntityState]:
    """The state after a look, and what happened."""
    found: Compared[Any]
    parts: dict[str, Any]
    match event:
        case ContainerObserved():
            engine = event.data.engine
            found = compare_containers(state.containers.get(engine, {}), event.data, sight)
            parts = {"containers": {**state.containers, engine: found.known}}
        case DriveObserved():
            found = compare_drives(state.drives, event.data, sight)
            parts = {"drives": found.known}
        case PoolObserved():
            found = compare_pools(state.pools, event.data, sight)
            parts = {"pools": found.known}
        case ServiceObserved():
            found = compare_services(state.services, event.data, sight)
            parts = {"services": found.known}
        case NetworkObserved():
            found = compare_network(state.network, event.data, sight)
            parts = {"network": found.known}
        case PackagesObserved():
            found = compare_packages(state.packages, event.data, sight)
            parts = {"packages": found.known}
        case ConfigObserved():
            runs = _first_runs(state.first_runs, event)
            first = runs.get(event.data.kind)
            found = compare_config(state.files, event.data, sight, run=event.correlationid, first_run=first)
            parts = {"files": found.known, "first_runs": runs}
        case _:
            assert_never(event)
    return Compared(replace(state, **parts), found.changes, found.notes)


def _first_runs(runs: dict[str, UUID], event: ConfigObserved) -> dict[str, UUID]:
    """With the collection run that told of files of this kind first."""
    kind, run = event.data.kind, event.correlationid
    return runs if kind in runs or run is None or len(runs) >= _MOST_KINDS else {**runs, kind: run}


def _with_look(state: EntityState, event: Observed, key: str, *, look: Looked) -> EntityState:
    """Remember the look; of a file only while the file itself is remembered."""
    looks = {name: one for name, one in state.looks.items() if name != key}
    if not isinstance(event, ConfigObserved) or event.data.path in state.files:
        looks[key] = look
    return replace(state, looks=looks)


def _outputs(
    compared: Compared[EntityState], device: str, when: datetime, *, at: Moment[EntityPolicy]
) -> tuple[Output, ...]:
    return tuple(_output(one, device, when, at=at) for one in compared.changes)


def _output(one: Change, device: str, when: datetime, *, at: Moment[EntityPolicy]) -> Output:
    return Output(at.derive(device, one.event.TYPE, one.data.what, *one.key), one.event, one.data, at=when)


def _accepted(
    state: EntityState, event: BaselineAccepted, *, device: str, at: Moment[EntityPolicy]
) -> Step[EntityState]:
    """Remember a baseline, and judge by it what is known."""
    look = state.looks.get(event.data.kind)
    when = at.at if look is None else max(at.at, look.at + _LATER)
    evidence: tuple[Evidence, ...] = (at.evidence(),)
    if look is not None:
        evidence = (Place(at.record.topic, at.record.partition, look.offset, look.id).evidence(), *evidence)
    sight = Sight(when, look.at if look else None, settled=True, evidence=evidence, policy=at.policy)
    compared = accept_baseline(state, event.data, sight)
    after = compared.known
    if look is not None and compared.changes:
        # What the next look tells must be later than this.
        after = replace(after, looks={**after.looks, event.data.kind: replace(look, at=when)})
    return Step(after, _outputs(compared, device, when, at=at), compared.notes)
