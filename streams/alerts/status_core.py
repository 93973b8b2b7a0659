"""The core of alerts over status: the same rules, states and events as over metrics, judged by what happened.

A device that is retired ends all of its alerts here. Status comes only when something changes, so an event that is
older than the newest of its type reopens no decision.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from schemas.device import DeviceStatusChanged, DeviceStatusData
from schemas.registry import ALERTS, STATUS
from schemas.rules import RulesKind
from streams.alerts import backlog, silence
from streams.alerts.about import told
from streams.alerts.compiled import AlertPolicy, Compiled, Labels, Patterns, PolicyMemo
from streams.alerts.conditions import StatusIs
from streams.alerts.core import OUT_OF_ORDER, end_backlog, is_idle, with_newest
from streams.alerts.draft import Draft
from streams.alerts.grouping import group_key, held_leaves, hold, touched_groups
from streams.alerts.replaced import retire, take_about, take_rules
from streams.alerts.selectors import field_text
from streams.alerts.state import MOST_STATUSES, AlertState, Held, Status
from streams.alerts.status_machine import Told, hear, wait
from streams.alerts.templates import EVENT_FIELDS
from streams.derivation import Moment, Step
from streams.patterns import matches_whole
from streams.place import place_of

MOST_TEXT = 1024
"""What is kept of a text."""

UNKEPT = {"evidence": True, "differences": True, "diff": True, "failing": True}
GONE = frozenset({"removed", "gone", "closed"})
"""Statuses of what is not there any more."""


class StatusAlerts:
    """The derivation `alerts-status`: reads `infra.status`, writes `infra.alerts`."""

    name = "alerts-status"
    table = "alerts_status"
    source = "/streams/alerts-status"
    reads = STATUS
    writes = ALERTS
    rules_kind: RulesKind = "alert_rules"
    state_type = AlertState

    def __init__(self) -> None:
        self._policies = PolicyMemo()

    def initial(self) -> AlertState:
        """Nothing was seen."""
        return AlertState()

    def read_policy(self, document: Mapping[str, Any] | None, digest: str) -> AlertPolicy:
        """The rules of a document; none without one. Raises ValueError."""
        return self._policies.read(document, digest)

    def on_record(self, state: AlertState, device: str, at: Moment[AlertPolicy]) -> Step[AlertState]:
        """Fold one event."""
        event, late = at.record.event, at.record.late
        draft = Draft(state, device, at, withholding=late or state.memory.late_ms is not None)
        if late:
            draft.late_ms = at.liveness_ms
        newest = state.looks.get(event.type)
        retired_at = state.memory.about.retired_at
        if (newest is not None and event.time < newest) or (retired_at is not None and event.time <= retired_at):
            draft.note(OUT_OF_ORDER)
        else:
            draft.looks = with_newest(state.looks, event.type, event.time)
            if isinstance(event, DeviceStatusChanged) and event.data.status == "retired":
                retire(draft)
            else:
                if isinstance(event, DeviceStatusChanged):
                    _take_about(draft, event.data)
                status = _heard(event, at)
                _remember(draft, event.type, status)
                _judge(draft, event.type, status)
        if not late and draft.late_ms is not None:
            end_backlog(draft)
        return draft.step()

    def on_tick(self, state: AlertState, device: str, at: Moment[AlertPolicy]) -> Step[AlertState]:
        """See what has lasted long enough, and whether a backlog is over."""
        if is_idle(state):
            return Step(state)
        draft = Draft(state, device, at, withholding=state.memory.late_ms is not None)
        if draft.late_ms is not None and backlog.is_over(draft.late_ms, liveness_ms=at.liveness_ms):
            end_backlog(draft)
        for key, instance in list(draft.instances.now.items()):
            compiled = at.policy.by_name.get(instance.rule)
            if compiled is not None:
                wait(draft, key, compiled, instance)
        silence.forget(draft)
        return draft.step()

    def on_rules(self, state: AlertState, device: str, at: Moment[AlertPolicy]) -> Step[AlertState]:
        """End what was raised by rules that are gone or mean something else; judge what is known by the new ones.

        Other than samples, a status is not told again.
        """
        draft = Draft(state, device, at, withholding=state.memory.late_ms is not None)
        take_rules(draft)
        for key, status in state.memory.statuses.items():
            _judge(draft, key.partition("|")[0], status, again=True)
        return draft.step()


def _take_about(draft: Draft, data: DeviceStatusData) -> None:
    """Take in what the device is; rules that are about it from now on judge what was heard before, too."""
    before = draft.about
    take_about(draft, told(before, groups=data.groups, parents=data.parents, agent=None))
    if draft.about.groups != before.groups:
        for key, status in draft.statuses.now.items():
            _judge(draft, key.partition("|")[0], status, again=True)


def _heard(event: Any, at: Moment[AlertPolicy]) -> Status:
    data = event.data.model_dump(mode="json", exclude_none=True, exclude=UNKEPT)
    return Status(event.time, place_of(at.record), {name: _short(value) for name, value in data.items()})


def _short(value: Any) -> Any:
    return value[:MOST_TEXT] if isinstance(value, str) else value


def _remember(draft: Draft, type_: str, status: Status) -> None:
    """Keep the last that was heard of an entity that is still there."""
    key = f"{type_}|{field_text(status.data, 'entity')}"
    draft.statuses.drop(key)
    if status.data.get("status") in GONE:
        return
    if len(draft.statuses.now) >= MOST_STATUSES:
        draft.statuses.drop(next(iter(draft.statuses.now)))
    draft.statuses.put(key, status)


def _judge(draft: Draft, type_: str, status: Status, *, again: bool = False) -> None:
    """Judge what was heard; `again` when rules were replaced: what happened in a moment does not happen again."""
    data = status.data
    labels, facts = _labels(data), {name: text for name in EVENT_FIELDS if (text := field_text(data, name))}
    touched: list[tuple[Compiled, str]] = []
    for compiled, leaf in draft.at.policy.by_event.get(type_, ()):
        condition = leaf.condition
        if (
            not leaf.watches(draft.device, draft.about.groups)
            or not leaf.selects(labels)
            or not isinstance(condition, StatusIs)
        ):
            continue
        if again and condition.lasts is not None:
            continue
        holds = _matches(data, leaf.when)
        cleared = not holds and (condition.lasts is None if leaf.clear is None else _matches(data, leaf.clear))
        series = orjson.dumps(dict(labels)).decode() if labels else ""
        if compiled.combination is None:
            told = Told(holds, cleared, dict(labels), facts, status.at, status.place)
            hear(draft, compiled.instance_key(series), compiled, told)
        else:
            group = group_key(compiled.combination, labels)
            held, part = Held(draft.at.liveness_ms, 0, None), f"{leaf.number}|{series}"
            hold(draft, f"{compiled.meaning}|{group}", part, holds=holds, cleared=cleared, held=held)
            touched.append((compiled, group))
    for one in touched_groups(draft, touched):
        combination = one.compiled.combination
        if combination is not None:
            holds = combination.holds(held_leaves(draft, one.compiled, one.key).keys())
            told = Told(holds, not holds, one.labels, facts, status.at, status.place)
            hear(draft, one.compiled.instance_key(one.key), one.compiled, told)


def _matches(data: Mapping[str, Any], patterns: Patterns) -> bool:
    return all(matches_whole(pattern, field_text(data, field)) for field, pattern in patterns)


def _labels(data: Mapping[str, Any]) -> Labels:
    entity = field_text(data, "entity")
    return (("entity", entity[:MOST_TEXT]),) if entity else ()
