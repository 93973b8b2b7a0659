"""A device's state while one record is folded into it: copies what it changes once, and collects what follows.

What a backlog brings is withheld here: an alert raised is kept with what would have been said, and what ends is kept
as past; `streams.alerts.backlog` tells of both.
"""

from datetime import datetime
from typing import Any, Generic, TypeVar

from schemas.alert import AlertRaised, AlertResolved, ResolvedBecause
from streams.alerts.compiled import AlertPolicy
from streams.alerts.rules import Rule
from streams.alerts.state import (
    MOST_INSTANCES,
    MOST_PAST,
    MOST_RECENT,
    AlertState,
    Held,
    Instance,
    Memory,
    Past,
    Raised,
    Seen,
    Status,
)
from streams.alerts.telling import raised_data, raised_of, resolved_data
from streams.alerts.windows import Window
from streams.derivation import Moment, Output, Step

V = TypeVar("V")
TOO_MANY = "too_many_instances"
LEFT_OUT = "past_left_out"


class Edited(Generic[V]):
    """A dict that is copied with the first change."""

    __slots__ = ("before", "now")

    def __init__(self, before: dict[str, V]) -> None:
        self.before = self.now = before

    def put(self, key: str, value: V) -> None:
        """Set a value."""
        if self.now is self.before:
            self.now = dict(self.before)
        self.now[key] = value

    def drop(self, key: str) -> None:
        """Remove a value, if it is there."""
        if key in self.now:
            if self.now is self.before:
                self.now = dict(self.before)
            del self.now[key]

    def clear(self) -> None:
        """Remove all values."""
        if self.now:
            self.now = {}


class Draft:
    """A state being changed. One a record and device; `step` ends it."""

    def __init__(self, state: AlertState, device: str, at: Moment[AlertPolicy], *, withholding: bool) -> None:
        self.state = state
        self.device = device
        self.at = at
        self.withholding = withholding
        self.looks = state.looks
        self.seen: Edited[Seen] = Edited(state.seen)
        self.instances: Edited[Instance] = Edited(state.instances)
        memory = state.memory
        self.windows: Edited[Window] = Edited(memory.windows)
        self.held: Edited[dict[str, Held]] = Edited(memory.held)
        self.recent: Edited[tuple[datetime, ...]] = Edited(memory.recent)
        self.late_ms = memory.late_ms
        self.past = memory.past
        self.statuses: Edited[Status] = Edited(memory.statuses)
        self.about = memory.about
        self.raised: set[str] = set()
        self.outputs: list[Output] = []
        self.notes: list[str] = []

    def room(self) -> bool:
        """Whether one more instance may begin; if not, that is counted."""
        if len(self.instances.now) < MOST_INSTANCES:
            return True
        self.note(TOO_MANY)
        return False

    def note(self, what: str) -> None:
        """Count something, once a record."""
        if what not in self.notes:
            self.notes.append(what)

    def raise_alert(
        self,
        key: str,
        instance: Instance,
        rule: Rule,
        *,
        labels: dict[str, str],
        unit: str | None = None,
        threshold: float | None = None,
        when: datetime | None = None,
    ) -> Instance:
        """The instance as firing: told, or withheld."""
        at = self.at
        flapping = self._flaps(key, rule, when or at.at)
        alert_id = at.derive(self.device, "raised", key)
        data = raised_data(
            instance,
            rule,
            device=self.device,
            about=self.about,
            labels=labels,
            unit=unit,
            threshold=threshold,
            flapping=flapping,
            at=at,
        )
        withheld = data.model_dump(mode="json", exclude_defaults=True) if self.withholding else None
        instance = raised_of(instance, data, alert_id, when or at.at, withheld=withheld)
        self.raised.add(key)
        if not self.withholding:
            self.outputs.append(Output(alert_id, AlertRaised, data))
        self.instances.put(key, instance)
        return instance

    def resolve(
        self, key: str, instance: Instance, raised: Raised, reason: ResolvedBecause, *, when: datetime | None = None
    ) -> None:
        """End a firing instance: told, or withheld. An alert never ends before it began, whatever clocks say."""
        at = self.at
        ended = max(when or at.at, raised.at)
        data = resolved_data(instance, raised, reason, at)
        resolved_id = at.derive(self.device, "resolved", key, str(raised.alert_id))
        self.instances.drop(key)
        if not self.withholding and raised.withheld is None:
            self.outputs.append(Output(resolved_id, AlertResolved, data, at=None if ended == at.at else ended))
            return
        dumped = data.model_dump(mode="json", exclude_defaults=True)
        self._keep(Past(raised.alert_id, raised.at, raised.withheld, resolved_id, ended, dumped))

    def _keep(self, past: Past) -> None:
        kept = [*self.past, past]
        if len(kept) > MOST_PAST and (oldest := next((one for one in kept if one.raised is not None), None)):
            # Never the end of an alert that people were told of.
            kept.remove(oldest)
            self.note(LEFT_OUT)
        self.past = tuple(kept)

    def _flaps(self, key: str, rule: Rule, when: datetime) -> bool:
        bounds = rule.flapping
        if bounds is None:
            return False
        before = self.recent.now.get(key, ())
        if not before and len(self.recent.now) >= MOST_RECENT:
            return False
        recent = (*(one for one in before if when - one < bounds.within), when)[-bounds.raises :]
        self.recent.put(key, recent)
        return len(recent) >= bounds.raises

    def clear(self) -> None:
        """Forget all but what is known of the device itself."""
        self.looks, self.late_ms, self.past = {}, None, ()
        edited: tuple[Edited[Any], ...] = (
            self.seen,
            self.instances,
            self.windows,
            self.held,
            self.recent,
            self.statuses,
        )
        for one in edited:
            one.clear()

    def step(self) -> Step[AlertState]:
        """The state after, the same object if nothing changed, and what follows."""
        state, memory = self.state, self._memory()
        same = (
            self.looks is state.looks
            and self.seen.now is state.seen
            and self.instances.now is state.instances
            and memory is state.memory
        )
        after = state if same else AlertState(self.looks, self.seen.now, self.instances.now, memory)
        return Step(after, tuple(self.outputs), tuple(self.notes))

    def _memory(self) -> Memory:
        before = self.state.memory
        same = (
            self.windows.now is before.windows
            and self.held.now is before.held
            and self.recent.now is before.recent
            and self.late_ms == before.late_ms
            and self.past is before.past
            and self.statuses.now is before.statuses
            and self.about is before.about
        )
        if same:
            return before
        return Memory(
            self.windows.now,
            self.held.now,
            self.recent.now,
            self.late_ms,
            self.past,
            self.statuses.now,
            self.about,
        )
