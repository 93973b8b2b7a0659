"""The state machine of one instance over status events: nothing comes while a status lasts, so ticks do the rest.

`for`, `clear_for` and `lasts` are counted on the liveness clock, from the event on. In a backlog they are counted in
event time: nobody is told of the past as if it were now.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from streams.alerts.compiled import AlertPolicy, Compiled
from streams.alerts.conditions import StatusIs
from streams.alerts.draft import Draft
from streams.alerts.lengths import milliseconds
from streams.alerts.machine import clear_for
from streams.alerts.state import Instance
from streams.derivation import Moment
from streams.place import Place


@dataclass(frozen=True, slots=True)
class Told:
    """What an event says of an instance; between `holds` and `cleared` it goes on as it was."""

    holds: bool
    cleared: bool
    labels: dict[str, str]
    facts: dict[str, str]
    at: datetime
    place: Place


def hear(draft: Draft, key: str, compiled: Compiled, told: Told) -> None:
    """Fold an event into an instance."""
    instance = draft.instances.now.get(key)
    if instance is None:
        if told.holds and draft.room():
            _begin(draft, key, compiled, told)
    elif told.holds:
        _goes_on(draft, key, compiled, instance=instance, told=told)
    elif told.cleared:
        _cleared(draft, key, compiled, instance=instance)


def wait(draft: Draft, key: str, compiled: Compiled, instance: Instance) -> None:
    """See what time alone makes of an instance, at a tick."""
    now_ms = draft.at.liveness_ms
    if instance.raised is None:
        if now_ms - instance.seen_ms >= compiled.for_ms:
            draft.raise_alert(key, instance, compiled.rule, labels=instance.labels or {})
        return
    begun_ms, lasts_ms = instance.clearing_ms, _lasts_ms(instance, compiled)
    over = begun_ms is not None and now_ms - begun_ms >= clear_for(instance, compiled)
    if over or (lasts_ms is not None and now_ms - instance.seen_ms >= lasts_ms):
        draft.resolve(key, instance, instance.raised, "cleared")


def settle(draft: Draft, until: datetime) -> None:
    """See what time alone made of all instances in a backlog, whose events say when that was: by their times.

    Ticks say nothing there: those that lay between its events went by before it came.
    """
    for key, instance in list(draft.instances.now.items()):
        compiled = draft.at.policy.by_name.get(instance.rule)
        if compiled is not None:
            _settle_one(draft, key, compiled, instance=instance, until=until)


def _settle_one(draft: Draft, key: str, compiled: Compiled, *, instance: Instance, until: datetime) -> None:
    begins = instance.since + compiled.rule.for_
    if instance.raised is None and begins <= until:
        labels = instance.labels or {}
        instance = draft.raise_alert(key, instance, compiled.rule, labels=labels, when=begins)
    over = _over_at(instance, compiled)
    if instance.raised is not None and over is not None and over <= until:
        draft.resolve(key, instance, instance.raised, "cleared", when=over)


def go_on(draft: Draft) -> None:
    """After a backlog the liveness clock goes on from where its times leave what holds, is pending or clearing."""
    at = draft.at
    for key, instance in list(draft.instances.now.items()):
        compiled = at.policy.by_name.get(instance.rule)
        if compiled is None:
            continue
        begun = instance.since if _lasts_ms(instance, compiled) is None else instance.last
        clearing = instance.clearing_since
        clearing_ms = None if clearing is None else _liveness_of(clearing, at)
        draft.instances.put(key, replace(instance, seen_ms=_liveness_of(begun, at), clearing_ms=clearing_ms))


def _liveness_of(when: datetime, at: Moment[AlertPolicy]) -> int:
    """What the liveness clock would have shown; what a fast clock says of the future is now."""
    return at.liveness_ms - max(0, milliseconds(at.at - when))


def _lasts_ms(instance: Instance, compiled: Compiled) -> int | None:
    """How long after its last time it is over, ms: longer for what flaps; None where something else ends it."""
    condition = compiled.rule.condition
    if not isinstance(condition, StatusIs) or condition.lasts is None:
        return None
    flapping = instance.raised is not None and instance.raised.flapping
    return milliseconds(condition.lasts) + (compiled.quiet_ms if flapping else 0)


def _over_at(instance: Instance, compiled: Compiled) -> datetime | None:
    """When a firing instance is over if nothing comes between, in event time."""
    found: list[datetime] = []
    if instance.clearing_since is not None:
        found.append(instance.clearing_since + timedelta(milliseconds=clear_for(instance, compiled)))
    if (lasts_ms := _lasts_ms(instance, compiled)) is not None:
        found.append(instance.last + timedelta(milliseconds=lasts_ms))
    return min(found, default=None)


def _begin(draft: Draft, key: str, compiled: Compiled, told: Told) -> None:
    at = draft.at
    instance = Instance(
        rule=compiled.rule.name,
        meaning=compiled.meaning,
        since=told.at,
        last=told.at,
        value=None,
        first=told.place,
        seen_ms=at.liveness_ms,
        stale_ms=0,
        labels=told.labels,
        facts=told.facts,
    )
    draft.instances.put(key, instance)
    # Two alerts of one record and series would have one id: the second is raised by the next tick.
    if not compiled.for_ms and key not in draft.raised:
        draft.raise_alert(key, instance, compiled.rule, labels=told.labels)


def _goes_on(draft: Draft, key: str, compiled: Compiled, *, instance: Instance, told: Told) -> None:
    # What happens in a moment lasts from its last time on, a status from its first.
    again = _lasts_ms(instance, compiled) is not None
    seen_ms = draft.at.liveness_ms if again else instance.seen_ms
    draft.instances.put(
        key,
        replace(
            instance,
            last=max(instance.last, told.at),
            seen_ms=seen_ms,
            facts=told.facts,
            clearing_since=None,
            clearing_ms=None,
        ),
    )


def _cleared(draft: Draft, key: str, compiled: Compiled, *, instance: Instance) -> None:
    at = draft.at
    if instance.raised is None:
        draft.instances.drop(key)
    elif not clear_for(instance, compiled):
        draft.resolve(key, instance, instance.raised, "cleared")
    elif instance.clearing_ms is None:
        draft.instances.put(key, replace(instance, clearing_since=at.at, clearing_ms=at.liveness_ms))
