"""The core of alerts over status: the same rules, states and events as over metrics, judged by what happened.

A device that is retired ends all of its alerts here. Status comes only when something changes, so an event that is
older than the last of its entity reopens no decision.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from schemas.device import DeviceStatusChanged, DeviceStatusData
from schemas.registry import ALERTS, STATUS
from schemas.rules import RulesKind
from streams.alerts import backlog, silence
from streams.alerts.about import told
from streams.alerts.compiled import AlertPolicy, Compiled, Labels, Leaf, Patterns, PolicyMemo
from streams.alerts.conditions import StatusIs
from streams.alerts.core import OUT_OF_ORDER, end_backlog, is_idle, with_newest
from streams.alerts.draft import Draft
from streams.alerts.grouping import group_key, held_leaves, hold, touched_groups
from streams.alerts.replaced import retire, take_about, take_rules
from streams.alerts.selectors import UNKEPT, field_text
from streams.alerts.state import MOST_STATUSES, AlertState, Held, Status
from streams.alerts.status_machine import Told, go_on, hear, settle, wait
from streams.alerts.templates import EVENT_FIELDS
from streams.derivation import Moment, Step
from streams.patterns import matches_whole
from streams.place import place_of

MOST_TEXT = 1024
"""What is kept of a text."""

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
        if _is_old(state, event):
            draft.note(OUT_OF_ORDER)
        else:
            if draft.withholding:
                settle(draft, event.time)
            _fold(draft, event)
        if not late and draft.late_ms is not None:
            _end_backlog(draft)
        return draft.step()

    def on_tick(self, state: AlertState, device: str, at: Moment[AlertPolicy]) -> Step[AlertState]:
        """See what has lasted long enough, and whether a backlog is over."""
        if is_idle(state):
            return Step(state)
        draft = Draft(state, device, at, withholding=state.memory.late_ms is not None)
        if draft.late_ms is not None and backlog.is_over(draft.late_ms, liveness_ms=at.liveness_ms):
            _end_backlog(draft)
        if not draft.withholding:
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


def _is_old(state: AlertState, event: Any) -> bool:
    """Whether a later event of the same entity was heard, or the device was retired since."""
    known = state.memory.statuses.get(f"{event.type}|{getattr(event.data, 'entity', '')}")
    retired_at = state.memory.about.retired_at
    return (known is not None and event.time < known.at) or (retired_at is not None and event.time <= retired_at)


def _fold(draft: Draft, event: Any) -> None:
    newest = draft.looks.get(event.type)
    if newest is None or event.time > newest:
        draft.looks = with_newest(draft.looks, event.type, event.time)
    if isinstance(event, DeviceStatusChanged) and event.data.status == "retired":
        retire(draft)
        return
    status = _heard(event, draft.at)
    if isinstance(event, DeviceStatusChanged):
        _take_about(draft, event.data)
        status = _since_before(draft, event.type, status)
    _remember(draft, event.type, status)
    _judge(draft, event.type, status)


def _end_backlog(draft: Draft) -> None:
    """See what was over by now, tell what was withheld, and go on with the clock of liveness."""
    settle(draft, draft.at.at)
    end_backlog(draft)
    go_on(draft)


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


def _since_before(draft: Draft, type_: str, status: Status) -> Status:
    """A status that is told again, with another reason or other groups, still follows on what was before it."""
    before = draft.statuses.now.get(f"{type_}|")
    if before is None or not status.data["previous"] == status.data["status"] == before.data["status"]:
        return status
    return replace(status, data={**status.data, "previous": before.data["previous"]})


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
        cleared = not holds and _has_cleared(data, leaf, lasts=condition.lasts is not None)
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


def _has_cleared(data: Mapping[str, Any], leaf: Leaf, *, lasts: bool) -> bool:
    """Whether what does not hold is over; nothing more will come of what is not there any more."""
    if leaf.clear is None:
        return not lasts
    return _matches(data, leaf.clear) or data.get("status") in GONE


def _matches(data: Mapping[str, Any], patterns: Patterns) -> bool:
    return all(matches_whole(pattern, field_text(data, field)) for field, pattern in patterns)


def _labels(data: Mapping[str, Any]) -> Labels:
    entity = field_text(data, "entity")
    return (("entity", entity[:MOST_TEXT]),) if entity else ()
