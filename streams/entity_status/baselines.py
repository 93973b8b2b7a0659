"""Baselines that operators accepted: what is remembered of them, and what they change at once."""

from collections.abc import Mapping
from dataclasses import replace

from schemas.baseline import BaselineAcceptedData
from schemas.entity import EntityKind
from schemas.fields import Scalar
from streams.entity_status.change import Accepted, Compared, Sight
from streams.entity_status.drives import accept
from streams.entity_status.links import accept_link
from streams.entity_status.state import MOST_BASELINES, EntityState

_JUDGED = ("drive", "network")
"""The kinds of things that are compared with a baseline."""


def accepted_of(baselines: Mapping[str, dict[str, Scalar]], kind: EntityKind) -> Accepted:
    """The accepted values of one kind of things, by entity."""
    prefix = f"{kind} "
    return {key[len(prefix) :]: values for key, values in baselines.items() if key.startswith(prefix)}


def accept_baseline(state: EntityState, data: BaselineAcceptedData, sight: Sight) -> Compared[EntityState]:
    """Remember a baseline in place of the one before, the oldest forgotten above the limit."""
    if data.kind not in _JUDGED:
        return Compared(state)
    key = f"{data.kind} {data.entity}"
    baselines = {name: values for name, values in state.baselines.items() if name != key}
    baselines[key] = {name: value for name, value in data.values.items() if not isinstance(value, str)}
    if len(baselines) > MOST_BASELINES:
        del baselines[next(iter(baselines))]
    state = replace(state, baselines=baselines)
    if data.kind == "drive":
        sight = replace(sight, accepted=accepted_of(baselines, "drive"))
        drives = accept(state.drives, data.entity, sight, operator=data.operator)
        return Compared(replace(state, drives=drives.known), drives.changes)
    sight = replace(sight, accepted=accepted_of(baselines, "network"))
    links = accept_link(state.network.links, data.entity, sight, operator=data.operator)
    return Compared(replace(state, network=replace(state.network, links=links.known)), links.changes)
