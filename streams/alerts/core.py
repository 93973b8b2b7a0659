"""The core of alerts: folds looks into alerts by the rules in force.

Samples are judged in event time. A look that is not newer than the newest of its collector reopens no decision; that it
came is a sign that its series live. Absence and staleness are counted in liveness, at ticks.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from schemas.alert import ResolvedBecause
from schemas.metric_look import MetricLook
from schemas.registry import ALERTS, METRICS
from schemas.rules import RulesKind
from streams.alerts.compiled import AlertPolicy, Compiled, Memo, Plan, compile_rules, instance_key
from streams.alerts.conditions import Absent
from streams.alerts.lengths import milliseconds
from streams.alerts.machine import Sampled, advance
from streams.alerts.state import MOST_INSTANCES, MOST_LOOKS, AlertState, Instance, Seen
from streams.alerts.telling import raise_alert, resolve_alert, silent_since
from streams.derivation import Moment, Output, Step
from streams.place import place_of

Instances = dict[str, Instance]
OUT_OF_ORDER = "out_of_order"
TOO_MANY = "too_many_instances"


class MetricAlerts:
    """The derivation `alerts-metrics`: reads `infra.metrics`, writes `infra.alerts`."""

    name = "alerts-metrics"
    table = "alerts_metrics"
    source = "/streams/alerts-metrics"
    reads = METRICS
    writes = ALERTS
    rules_kind: RulesKind = "alert_rules"
    state_type = AlertState

    def __init__(self) -> None:
        self._memo = Memo()

    def initial(self) -> AlertState:
        """Nothing was seen."""
        return AlertState()

    def read_policy(self, document: Mapping[str, Any] | None, digest: str) -> AlertPolicy:
        """The rules of a document; none without one. Raises ValueError."""
        return compile_rules(document, digest)

    def on_record(self, state: AlertState, device: str, at: Moment[AlertPolicy]) -> Step[AlertState]:
        """Fold one look."""
        look = at.record.event
        if not isinstance(look, MetricLook):
            return Step(state)
        plan = self._memo.plan(at.policy, look)
        instances, notes = state.instances, tuple[str, ...]()
        outputs: list[Output] = []
        if plan.present:
            state, instances, outputs = _seen(state, plan, device=device, at=at)
        newest = state.looks.get(look.collector)
        if newest is not None and look.time <= newest:
            return Step(_alive(replace(state, instances=instances), plan, at), tuple(outputs), (OUT_OF_ORDER,))
        if plan.judged:
            instances, judged, notes = _judged(instances, look, plan=plan, device=device, at=at)
            outputs += judged
        return Step(AlertState(_with_look(state.looks, look), state.seen, instances), tuple(outputs), notes)

    def on_tick(self, state: AlertState, device: str, at: Moment[AlertPolicy]) -> Step[AlertState]:
        """See which series have gone silent."""
        if not state.instances and not state.seen:
            return Step(state)
        instances, stale = _without_stale(state.instances, device, at)
        instances, absent = _with_absent(instances, state.seen, device=device, at=at)
        if instances is state.instances:
            return Step(state)
        return Step(replace(state, instances=instances), (*stale, *absent))

    def on_rules(self, state: AlertState, device: str, at: Moment[AlertPolicy]) -> Step[AlertState]:
        """End what was raised by rules that are gone or mean something else; it is judged anew from here on."""
        by_name = at.policy.by_name
        instances: Instances = {}
        outputs: list[Output] = []
        for key, instance in state.instances.items():
            rule = by_name.get(instance.rule)
            if rule is not None and rule.meaning == instance.meaning:
                instances[key] = instance
            elif instance.raised is not None:
                reason: ResolvedBecause = "rule_removed" if rule is None else "rule_changed"
                outputs.append(resolve_alert(instance, instance.raised, reason, key=key, device=device, at=at))
        seen = {name: one for name, one in state.seen.items() if _is_absence(by_name.get(name))}
        if len(instances) == len(state.instances) and len(seen) == len(state.seen):
            return Step(state)
        return Step(AlertState(state.looks, seen, instances), tuple(outputs))


def _is_absence(compiled: Compiled | None) -> bool:
    return compiled is not None and isinstance(compiled.rule.condition, Absent)


def _with_look(looks: dict[str, Any], look: MetricLook) -> dict[str, Any]:
    """The looks with the newest one last, the oldest left out above the limit."""
    after = {name: at for name, at in looks.items() if name != look.collector}
    after[look.collector] = look.time
    if len(after) > MOST_LOOKS:
        del after[next(iter(after))]
    return after


def _seen(
    state: AlertState, plan: Plan, *, device: str, at: Moment[AlertPolicy]
) -> tuple[AlertState, Instances, list[Output]]:
    """Remember that rules of absence saw their series; end the alerts that said they were gone."""
    seen, instances, outputs = state.seen, state.instances, []
    now = Seen(at.liveness_ms, at.record.event.time, place_of(at.record))
    for compiled in plan.present:
        name = compiled.rule.name
        before = seen.get(name)
        if before is None or before.seen_ms != now.seen_ms:
            # Within one tick of liveness the first is as good as the last, and nothing has to be written.
            seen = {**seen, name: now}
        key = instance_key(name, "")
        instance = instances.get(key)
        if instance is not None and instance.raised is not None:
            outputs.append(resolve_alert(instance, instance.raised, "cleared", key=key, device=device, at=at))
            instances = {other: one for other, one in instances.items() if other != key}
    return state if seen is state.seen else replace(state, seen=seen), instances, outputs


def _judged(
    instances: Instances, look: MetricLook, *, plan: Plan, device: str, at: Moment[AlertPolicy]
) -> tuple[Instances, list[Output], tuple[str, ...]]:
    """Judge the samples of a look."""
    outputs: list[Output] = []
    notes: tuple[str, ...] = ()
    values, before = look.values, instances
    for selected in plan.judged:
        value, key = values[selected.index], selected.key
        instance = instances.get(key)
        if instance is None:
            if not selected.condition.holds(value):
                continue
            if len(instances) >= MOST_INSTANCES:
                notes = (TOO_MANY,)
                continue
        sampled = Sampled(value, look.time, place_of(at.record), at.liveness_ms, look.interval_seconds, at.period_ms)
        after, transition = advance(instance, selected, sampled)
        if transition == "raise" and after is not None:
            after, output = raise_alert(
                after,
                selected.compiled.rule,
                key=key,
                device=device,
                labels=dict(selected.series.labels),
                unit=selected.series.unit,
                threshold=selected.condition.threshold(value),
                at=at,
            )
            outputs.append(output)
        elif transition == "resolve" and after is not None and after.raised is not None:
            outputs.append(resolve_alert(after, after.raised, "cleared", key=key, device=device, at=at))
            after = None
        if instances is before:
            instances = dict(before)
        if after is None:
            instances.pop(key, None)
        else:
            instances[key] = after
    return instances, outputs, notes


def _alive(state: AlertState, plan: Plan, at: Moment[AlertPolicy]) -> AlertState:
    """The series of a look that is not in order are alive, whatever their values."""
    keys = [one.key for one in plan.judged if one.key in state.instances]
    if not keys:
        return state
    alive = {key: replace(state.instances[key], seen_ms=at.liveness_ms) for key in keys}
    return replace(state, instances={**state.instances, **alive})


def _without_stale(instances: Instances, device: str, at: Moment[AlertPolicy]) -> tuple[Instances, list[Output]]:
    """Drop what has had no sample for too long: what is pending in silence, what is firing as `no_data`."""
    outputs: list[Output] = []
    gone: list[str] = []
    for key, instance in instances.items():
        # Instances of absence (without a bound) end when their series come back.
        if not instance.stale_ms or at.liveness_ms - instance.seen_ms < instance.stale_ms:
            continue
        if instance.raised is None:
            gone.append(key)
        elif (rule := at.policy.by_name.get(instance.rule)) is None or rule.rule.no_data == "resolve":
            gone.append(key)
            outputs.append(resolve_alert(instance, instance.raised, "no_data", key=key, device=device, at=at))
    if not gone:
        return instances, outputs
    return {key: one for key, one in instances.items() if key not in gone}, outputs


def _with_absent(
    instances: Instances, seen: Mapping[str, Seen], *, device: str, at: Moment[AlertPolicy]
) -> tuple[Instances, list[Output]]:
    """Raise what rules of absence say of series that were seen before."""
    outputs: list[Output] = []
    for name, one in seen.items():
        compiled, key = at.policy.by_name.get(name), instance_key(name, "")
        condition = None if compiled is None else compiled.rule.condition
        if compiled is None or key in instances or not isinstance(condition, Absent):
            continue
        after_ms = max(milliseconds(condition.after), 3 * at.period_ms)
        if at.liveness_ms - one.seen_ms < after_ms or len(instances) >= MOST_INSTANCES:
            continue
        silent = silent_since(one.at, one.place, rule=name, meaning=compiled.meaning, seen_ms=one.seen_ms)
        labels = dict(compiled.rule.select.labels)
        firing, output = raise_alert(
            silent, compiled.rule, key=key, device=device, labels=labels, unit=None, threshold=None, at=at
        )
        instances = {**instances, key: firing}
        outputs.append(output)
    return instances, outputs
