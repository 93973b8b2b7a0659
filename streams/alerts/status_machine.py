"""The state machine of one instance over status events: nothing comes while a status lasts, so ticks do the rest.

`for`, `clear_for` and `lasts` are counted on the liveness clock, from the event on.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from streams.alerts.compiled import Compiled
from streams.alerts.conditions import StatusIs
from streams.alerts.draft import Draft
from streams.alerts.lengths import milliseconds
from streams.alerts.machine import clear_for
from streams.alerts.state import Instance
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
    now_ms, condition = draft.at.liveness_ms, compiled.rule.condition
    if instance.raised is None:
        if now_ms - instance.seen_ms >= compiled.for_ms:
            draft.raise_alert(key, instance, compiled.rule, labels=instance.labels or {})
        return
    begun_ms = instance.clearing_ms
    over = begun_ms is not None and now_ms - begun_ms >= clear_for(instance, compiled)
    if isinstance(condition, StatusIs) and condition.lasts is not None:
        over = over or now_ms - instance.seen_ms >= milliseconds(condition.lasts)
    if over:
        draft.resolve(key, instance, instance.raised, "cleared")


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
    if not compiled.for_ms:
        draft.raise_alert(key, instance, compiled.rule, labels=told.labels)


def _goes_on(draft: Draft, key: str, compiled: Compiled, *, instance: Instance, told: Told) -> None:
    condition = compiled.rule.condition
    # What happens in a moment lasts from its last time on, a status from its first.
    again = isinstance(condition, StatusIs) and condition.lasts is not None
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
    if instance.raised is None and draft.withholding and at.at - instance.since >= compiled.rule.for_:
        # In a backlog no ticks lie between: it held long enough, as its own times say.
        when = instance.since + timedelta(milliseconds=compiled.for_ms)
        instance = draft.raise_alert(key, instance, compiled.rule, labels=instance.labels or {}, when=when)
    if instance.raised is None:
        draft.instances.drop(key)
    elif not clear_for(instance, compiled):
        draft.resolve(key, instance, instance.raised, "cleared")
    elif instance.clearing_ms is None:
        draft.instances.put(key, replace(instance, clearing_since=at.at, clearing_ms=at.liveness_ms))
