"""The core of alerts over metrics: folds looks into alerts by the rules in force.

What a device is (its groups, what it depends on), that it is retired, and which values of it were accepted stand in
the same topic, so that they have their place among its looks.

Samples are judged in event time. A look that is not newer than the newest of its collector enters its windows and
reopens no decision; that it came is a sign that its series live. Absence and staleness are counted in liveness, at
ticks. Late input builds state and withholds transitions (`streams.alerts.backlog`).
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from schemas.baseline import BaselineAccepted
from schemas.device import DeviceRegistered, DeviceRetired, DeviceUpdated
from schemas.identity import agent_of
from schemas.metric_look import MetricLook
from schemas.registry import ALERTS, METRICS
from schemas.rules import RulesKind
from streams.alerts import backlog, silence
from streams.alerts.about import accepted, told, watched_by_another
from streams.alerts.compiled import AlertPolicy, PolicyMemo
from streams.alerts.draft import LEFT_OUT, TOO_MANY, Draft
from streams.alerts.judging import enter, judge
from streams.alerts.plans import Memo, Plan
from streams.alerts.replaced import retire, take_about, take_rules
from streams.alerts.state import MOST_LOOKS, AlertState
from streams.derivation import Moment, Step

OUT_OF_ORDER = "out_of_order"

__all__ = ["LEFT_OUT", "OUT_OF_ORDER", "TOO_MANY", "MetricAlerts"]


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
        self._policies = PolicyMemo()

    def initial(self) -> AlertState:
        """Nothing was seen."""
        return AlertState()

    def read_policy(self, document: Mapping[str, Any] | None, digest: str) -> AlertPolicy:
        """The rules of a document; none without one. Raises ValueError."""
        return self._policies.read(document, digest)

    def on_record(self, state: AlertState, device: str, at: Moment[AlertPolicy]) -> Step[AlertState]:
        """Fold one look."""
        look, record, memory = at.record.event, at.record, state.memory
        if not isinstance(look, MetricLook):
            return _heard(state, device, at)
        plan = self._memo.plan(at.policy, look, memory.about)
        late = record.sent_ms is not None and record.late
        newest = state.looks.get(look.collector)
        in_order = newest is not None and look.time > newest
        if not in_order:
            retired_at = memory.about.retired_at
            if retired_at is not None and look.time <= retired_at:
                return Step(state)
            in_order = newest is None
        if plan.plain and not late and memory.late_ms is None and not _matters(state, look, plan, in_order=in_order):
            if not in_order:
                return Step(state, (), (OUT_OF_ORDER,))
            looks = with_newest(state.looks, look.collector, look.time)
            return Step(AlertState(looks, state.seen, state.instances, memory))
        draft = Draft(state, device, at, withholding=late or memory.late_ms is not None)
        if late:
            draft.late_ms = at.liveness_ms
        silence.saw(draft, plan)
        if in_order:
            draft.looks = with_newest(state.looks, look.collector, look.time)
            judge(draft, look, plan)
        else:
            draft.note(OUT_OF_ORDER)
            enter(draft, look, plan)
            _keep_alive(draft, plan)
        if not late and draft.late_ms is not None:
            end_backlog(draft)
        return draft.step()

    def on_tick(self, state: AlertState, device: str, at: Moment[AlertPolicy]) -> Step[AlertState]:
        """See which series have gone silent, and whether a backlog is over."""
        if is_idle(state) and not state.seen:
            return Step(state)
        draft = Draft(state, device, at, withholding=state.memory.late_ms is not None)
        if draft.late_ms is not None and backlog.is_over(draft.late_ms, liveness_ms=at.liveness_ms):
            end_backlog(draft)
        if not draft.withholding:
            silence.end_stale(draft)
            silence.raise_absent(draft)
        silence.forget(draft)
        return draft.step()

    def on_rules(self, state: AlertState, device: str, at: Moment[AlertPolicy]) -> Step[AlertState]:
        """End what was raised by rules that are gone or mean something else; it is judged anew from here on."""
        draft = Draft(state, device, at, withholding=state.memory.late_ms is not None)
        take_rules(draft)
        return draft.step()


def _heard(state: AlertState, device: str, at: Moment[AlertPolicy]) -> Step[AlertState]:
    """Take in what is said of the device itself, or accepted of its series."""
    event = at.record.event
    if isinstance(event, BaselineAccepted):
        # An operator's: it says nothing of how late the device is.
        draft = Draft(state, device, at, withholding=state.memory.late_ms is not None)
        take_about(draft, accepted(draft.about, event.data))
        return draft.step()
    late = at.record.late
    draft = Draft(state, device, at, withholding=late or state.memory.late_ms is not None)
    if late:
        draft.late_ms = at.liveness_ms
    if isinstance(event, DeviceRegistered | DeviceUpdated):
        data = event.data
        take_about(draft, told(draft.about, groups=data.groups, parents=data.parents, agent=agent_of(event.source)))
    elif isinstance(event, DeviceRetired) and not watched_by_another(draft.about, event.source):
        retire(draft)
    if not late and draft.late_ms is not None:
        end_backlog(draft)
    return draft.step()


def is_idle(state: AlertState) -> bool:
    """Whether nothing in a state waits for time to go on."""
    memory = state.memory
    return not (state.instances or memory.windows or memory.held or memory.recent) and memory.late_ms is None


def end_backlog(draft: Draft) -> None:
    """Tell what was withheld, and end the absences that it ended."""
    backlog.tell(draft)
    silence.settle_absences(draft)


def with_newest(looks: dict[str, datetime], name: str, at: datetime) -> dict[str, datetime]:
    """The looks with the newest one last, the oldest left out above the limit."""
    if len(looks) <= 1 and name in looks:
        return {name: at}
    after = {one: when for one, when in looks.items() if one != name}
    after[name] = at
    if len(after) > MOST_LOOKS:
        del after[next(iter(after))]
    return after


def _matters(state: AlertState, look: MetricLook, plan: Plan, *, in_order: bool) -> bool:
    """Whether a look can change anything but the time of the newest: something holds, is pending or fires."""
    values, instances = look.values, state.instances
    # Not any(): a generator would cost a tenth of the whole step.
    for one in plan.judged:  # noqa: SIM110
        if one.key in instances or (in_order and one.condition.holds(values[one.index])):
            return True
    return False


def _keep_alive(draft: Draft, plan: Plan) -> None:
    """The series of a look that is not in order are alive, whatever their values."""
    for one in plan.judged:
        instance = draft.instances.now.get(one.key)
        if instance is not None:
            draft.instances.put(one.key, replace(instance, seen_ms=draft.at.liveness_ms))
