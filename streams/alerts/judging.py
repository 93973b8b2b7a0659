"""Judges the samples of a look: last values, windows, and combinations of both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from schemas.metric_look import MetricLook
from streams.alerts.compiled import Compiled
from streams.alerts.conditions import Above, Below, Outside
from streams.alerts.draft import Draft
from streams.alerts.grouping import Touched, held_leaves, hold, touched_groups
from streams.alerts.machine import Sampled, advance, stale_after_ms
from streams.alerts.plans import Plan, Selected
from streams.alerts.state import MOST_WINDOWS, Held, Instance
from streams.alerts.windows import added, entry_of
from streams.place import place_of

TOO_MANY_WINDOWS = "too_many_windows"
Numbers = Mapping[str, float | None]


def enter(draft: Draft, look: MetricLook, plan: Plan) -> None:
    """Let the samples of a look enter their windows."""
    for one in plan.windows:
        before = draft.windows.now.get(one.key)
        if before is None and len(draft.windows.now) >= MOST_WINDOWS:
            draft.note(TOO_MANY_WINDOWS)
            continue
        value = look.values[one.index]
        entry = entry_of(look.time, value, one.reduction.counts(value))
        window = added(
            before,
            entry,
            length_ms=one.reduction.window_ms,
            merge=one.reduction.merged,
            seen_ms=draft.at.liveness_ms,
        )
        draft.windows.put(one.key, window)


def judge(draft: Draft, look: MetricLook, plan: Plan) -> None:
    """Judge the samples of a look that is in order."""
    numbers: dict[str, float | None] = {}
    if plan.windows:
        enter(draft, look, plan)
        for one in plan.windows:
            window = draft.windows.now.get(one.key)
            numbers[one.key] = None if window is None else one.reduction.taken(window)
    _judge_series(draft, look, plan.judged, numbers=numbers)
    for group in plan.groups:
        for selected in group.selected:
            _hold(draft, look, selected, group=group.key, numbers=numbers)
    for touched in touched_groups(draft, ((one.compiled, one.key) for one in plan.groups)):
        _judge_group(draft, look, touched)


def _judge_series(draft: Draft, look: MetricLook, judged: Sequence[Selected], *, numbers: Numbers) -> None:
    at, values = draft.at, look.values
    for selected in judged:
        current, key, condition = values[selected.index], selected.key, selected.condition
        value = current if selected.window is None else numbers[selected.window]
        if value is None:
            continue
        instance = draft.instances.now.get(key)
        holds = condition.holds(value)
        if instance is None and (not holds or not draft.room()):
            continue
        sampled = Sampled(
            value,
            None if selected.window is None else current,
            holds,
            condition.cleared(value),
            look.time,
            place_of(at.record),
            at.liveness_ms,
            look.interval_seconds,
            at.period_ms,
        )
        said = Said(dict(selected.series.labels), _unit(selected), condition.threshold(value))
        _advance(draft, key, instance, compiled=selected.compiled, sampled=sampled, said=said)


def _unit(selected: Selected) -> str | None:
    """The unit of the sample, unless what was judged is another quantity."""
    reduction = selected.condition.of
    return None if reduction is not None and reduction.take in {"rate", "count"} else selected.series.unit


def _hold(draft: Draft, look: MetricLook, selected: Selected, *, group: str, numbers: Numbers) -> None:
    """Remember whether a part of a combination holds; between its levels it stays as it was."""
    value = look.values[selected.index] if selected.window is None else numbers[selected.window]
    if value is None:
        return
    condition, at = selected.condition, draft.at
    stale_ms = stale_after_ms(selected.compiled, look.interval_seconds, period_ms=at.period_ms)
    hold(
        draft,
        f"{selected.compiled.meaning}|{group}",
        selected.key,
        holds=condition.holds(value),
        cleared=condition.cleared(value),
        held=Held(at.liveness_ms, stale_ms, value),
    )


def _judge_group(draft: Draft, look: MetricLook, group: Touched) -> None:
    compiled, at = group.compiled, draft.at
    if compiled.combination is None:
        return
    key = compiled.instance_key(group.key)
    leaves = held_leaves(draft, compiled, group.key)
    holds = compiled.combination.holds(leaves.keys())
    instance = draft.instances.now.get(key)
    if instance is None and (not holds or not draft.room()):
        return
    first = min(leaves, default=None)
    value = None if first is None else leaves[first].value
    sampled = Sampled(
        instance.value if value is None and instance is not None else value,
        None,
        holds,
        not holds,
        look.time,
        place_of(at.record),
        at.liveness_ms,
        look.interval_seconds,
        at.period_ms,
    )
    said = Said(group.labels, None, _threshold(compiled, first, value))
    _advance(draft, key, instance, compiled=compiled, sampled=sampled, said=said)


def _threshold(compiled: Compiled, leaf: int | None, value: float | None) -> float | None:
    condition = None if leaf is None else compiled.leaves[leaf].condition
    return condition.threshold(value) if value is not None and isinstance(condition, Above | Below | Outside) else None


def _advance(
    draft: Draft, key: str, instance: Instance | None, *, compiled: Compiled, sampled: Sampled, said: "Said"
) -> None:
    after, transition = advance(instance, compiled, sampled)
    if after is None:
        draft.instances.drop(key)
    elif transition == "raise":
        draft.raise_alert(key, after, compiled.rule, labels=said.labels, unit=said.unit, threshold=said.threshold)
    elif transition == "resolve" and after.raised is not None:
        draft.resolve(key, after, after.raised, "cleared")
    else:
        draft.instances.put(key, after)


@dataclass(frozen=True, slots=True)
class Said:
    """What an alert says besides its instance."""

    labels: dict[str, str]
    unit: str | None
    threshold: float | None
