"""The state machine of one instance over samples: inactive (None), pending, firing.

Flapping is firing that ends late: what came and went too often is over only after a calm.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from streams.alerts.compiled import Compiled
from streams.alerts.state import Instance
from streams.place import Place

Transition = Literal["raise", "resolve"]
DEFAULT_INTERVAL_S = 60.0
STALE_INTERVALS = 5


@dataclass(frozen=True, slots=True)
class Sampled:
    """What a look says of an instance, in event time and on the liveness clock.

    Between `holds` and `cleared` a firing instance goes on. `value` was judged; `current` is the sample where that was
    a window; `interval_s` is how often it is looked at.
    """

    value: float | None
    current: float | None
    holds: bool
    cleared: bool
    at: datetime
    place: Place
    seen_ms: int
    interval_s: float | None
    period_ms: int


def advance(
    instance: Instance | None, compiled: Compiled, sampled: Sampled
) -> tuple[Instance | None, Transition | None]:
    """The instance after a sample, and what follows. The caller turns `raise` into an alert."""
    if instance is None:
        return _pending(_begun(compiled, sampled), compiled, sampled) if sampled.holds else (None, None)
    stale_ms = stale_after_ms(compiled, sampled.interval_s, period_ms=sampled.period_ms)
    if instance.raised is None:
        if not sampled.holds:
            return None, None
        if sampled.at - instance.last > timedelta(milliseconds=stale_ms):
            # Nothing is known of the time between: it did not hold "for" that.
            return _pending(_begun(compiled, sampled), compiled, sampled)
    instance = replace(
        instance,
        last=max(sampled.at, instance.last),
        value=sampled.value,
        current=sampled.current,
        seen_ms=sampled.seen_ms,
        stale_ms=stale_ms,
    )
    if instance.raised is None:
        return _pending(instance, compiled, sampled)
    return _firing(instance, compiled, sampled)


def stale_after_ms(compiled: Compiled, interval_s: float | None, *, period_ms: int) -> int:
    """How long a series may be silent: as the rule says, else five intervals; not less than three ticks."""
    wanted = compiled.stale_ms
    if wanted is None:
        wanted = int((interval_s or DEFAULT_INTERVAL_S) * STALE_INTERVALS * 1000)
    return max(wanted, 3 * period_ms)


def clear_for(instance: Instance, compiled: Compiled) -> int:
    """How long it must be over, ms: longer for what flaps."""
    flapping = instance.raised is not None and instance.raised.flapping
    return max(compiled.clear_ms, compiled.quiet_ms) if flapping else compiled.clear_ms


def _begun(compiled: Compiled, sampled: Sampled) -> Instance:
    return Instance(
        rule=compiled.rule.name,
        meaning=compiled.meaning,
        since=sampled.at,
        last=sampled.at,
        value=sampled.value,
        first=sampled.place,
        seen_ms=sampled.seen_ms,
        stale_ms=stale_after_ms(compiled, sampled.interval_s, period_ms=sampled.period_ms),
        current=sampled.current,
    )


def _pending(instance: Instance, compiled: Compiled, sampled: Sampled) -> tuple[Instance, Transition | None]:
    held = sampled.at - instance.since >= compiled.rule.for_
    return instance, "raise" if held else None


def _firing(instance: Instance, compiled: Compiled, sampled: Sampled) -> tuple[Instance, Transition | None]:
    if not sampled.cleared:
        return replace(instance, clearing_since=None), None
    since = instance.clearing_since or sampled.at
    over = sampled.at - since >= timedelta(milliseconds=clear_for(instance, compiled))
    return replace(instance, clearing_since=since), "resolve" if over else None
