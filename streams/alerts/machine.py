"""The state machine of one instance of a threshold rule: inactive (None), pending, firing."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from streams.alerts.compiled import Selected
from streams.alerts.state import Instance
from streams.place import Place

Transition = Literal["raise", "resolve"]
DEFAULT_INTERVAL_S = 60.0
STALE_INTERVALS = 5


@dataclass(frozen=True, slots=True)
class Sampled:
    """A value of a series, in event time and on the liveness clock; `interval_s` is how often it is looked at."""

    value: float
    at: datetime
    place: Place
    seen_ms: int
    interval_s: float | None
    period_ms: int


def advance(
    instance: Instance | None, selected: Selected, sampled: Sampled
) -> tuple[Instance | None, Transition | None]:
    """The instance after a sample, and what follows. The caller turns `raise` into an alert."""
    if instance is None:
        if not selected.condition.holds(sampled.value):
            return None, None
        return _pending(_begun(selected, sampled), selected, sampled)
    stale_ms = stale_after_ms(selected, sampled)
    if instance.raised is None:
        if not selected.condition.holds(sampled.value):
            return None, None
        if sampled.at - instance.last > timedelta(milliseconds=stale_ms):
            # Nothing is known of the time between: it did not hold "for" that.
            return _pending(_begun(selected, sampled), selected, sampled)
    instance = replace(instance, last=sampled.at, value=sampled.value, seen_ms=sampled.seen_ms, stale_ms=stale_ms)
    if instance.raised is None:
        return _pending(instance, selected, sampled)
    return _firing(instance, selected, sampled)


def stale_after_ms(selected: Selected, sampled: Sampled) -> int:
    """How long a series may be silent: as the rule says, else five intervals; not less than three ticks."""
    wanted = selected.compiled.stale_ms
    if wanted is None:
        wanted = int((sampled.interval_s or DEFAULT_INTERVAL_S) * STALE_INTERVALS * 1000)
    return max(wanted, 3 * sampled.period_ms)


def _begun(selected: Selected, sampled: Sampled) -> Instance:
    return Instance(
        rule=selected.compiled.rule.name,
        meaning=selected.compiled.meaning,
        since=sampled.at,
        last=sampled.at,
        value=sampled.value,
        first=sampled.place,
        seen_ms=sampled.seen_ms,
        stale_ms=stale_after_ms(selected, sampled),
    )


def _pending(instance: Instance, selected: Selected, sampled: Sampled) -> tuple[Instance, Transition | None]:
    held = sampled.at - instance.since >= selected.compiled.rule.for_
    return instance, "raise" if held else None


def _firing(instance: Instance, selected: Selected, sampled: Sampled) -> tuple[Instance, Transition | None]:
    if not selected.condition.cleared(sampled.value):
        return replace(instance, clearing_since=None), None
    since = instance.clearing_since or sampled.at
    over = sampled.at - since >= selected.compiled.rule.clear_for
    return replace(instance, clearing_since=since), "resolve" if over else None
