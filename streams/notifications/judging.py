"""Why somebody is not told, in the order in which it is asked.

Acknowledged; silenced; maintenance; dependency; inhibited; quiet hours. The first that holds is the reason. Rate limits
come after all of them, where messages are made.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from streams.notifications import state
from streams.notifications.draft import Draft
from streams.notifications.matchers import concerns, matches, value_of
from streams.notifications.policy import Inhibition, PlannedMaintenance, QuietHours
from streams.notifications.state import Alert, Held, Known, Maintenance, Silence
from streams.notifications.text import when
from streams.notifications.times import hours_at, window_at, zone


@dataclass(frozen=True, slots=True)
class Reason:
    """Why not, and in words that name the thing."""

    held: Held
    detail: str


@dataclass(frozen=True, slots=True)
class _Sources:
    """The firing alerts that inhibit by one rule of inhibition: by the values that must be equal, the first of each."""

    inhibition: Inhibition
    by_values: Mapping[tuple[str, ...], Alert]


@dataclass(frozen=True, slots=True)
class _Now:
    """What holds at this moment."""

    silences: tuple[Silence, ...]
    maintenance: tuple[Maintenance, ...]
    planned: tuple[tuple[PlannedMaintenance, datetime], ...]
    quiet: tuple[tuple[QuietHours, datetime], ...]


class Judge:
    """Judges alerts at one tick. What it finds is kept for the tick: nothing that it looks at changes meanwhile."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._zone = zone(draft.policy.timezone)
        self._found: dict[UUID, Reason | None] = {}
        self._now = self._look()
        firing = [alert for alert in draft.alerts() if alert.firing and not alert.historical]
        self._down = self._find_down(firing)
        self._sources = [self._find_sources(one, firing) for one in draft.policy.inhibition]
        self._known: Mapping[str, Known] = draft.all(state.KNOWN)

    def why_not(self, alert: Alert, receiver: str) -> Reason | None:
        """Why a receiver is not told now that an alert holds; None: it is."""
        if alert.id not in self._found:
            self._found[alert.id] = self._why(alert)
        return self._found[alert.id] or self._quiet(alert, receiver)

    def why_not_over(self, alert: Alert, receiver: str) -> Reason | None:
        """Why a receiver is not told now that an alert is over. Nobody minds the end of what he has acknowledged."""
        return self._silenced(alert) or self._maintained(alert) or self._effect(alert) or self._quiet(alert, receiver)

    def _why(self, alert: Alert) -> Reason | None:
        return (
            self._acknowledged(alert)
            or self._silenced(alert)
            or self._maintained(alert)
            or self._effect(alert)
            or self._inhibited(alert)
        )

    def _acknowledged(self, alert: Alert) -> Reason | None:
        taken = alert.acknowledged
        if taken is None:
            return None
        detail = f"{taken.operator} acknowledged it at {self._when(taken.at)}"
        return Reason(Held("acknowledged", taken.operator), _commented(detail, taken.comment))

    def _silenced(self, alert: Alert) -> Reason | None:
        for one in self._now.silences:
            if concerns(one.subject, (), alert) and matches(one.matchers, alert):
                detail = f"silence {one.id} of {one.operator} until {self._when(one.ends_at)}"
                return Reason(Held("silenced", str(one.id)), _commented(detail, one.comment))
        return None

    def _maintained(self, alert: Alert) -> Reason | None:
        for one in self._now.maintenance:
            if concerns(one.subject, one.groups, alert) and matches(one.matchers, alert):
                until = "until it is ended" if one.ends_at is None else f"until {self._when(one.ends_at)}"
                detail = f"maintenance {one.id} of {one.operator} {until}"
                return Reason(Held("maintenance", str(one.id)), _commented(detail, one.comment))
        for planned, ends in self._now.planned:
            if concerns("_fleet", planned.groups, alert) and matches(planned.matchers, alert):
                detail = f"planned maintenance {planned.name!r} until {self._when(ends)}"
                return Reason(Held("maintenance", planned.name), detail)
        return None

    def _effect(self, alert: Alert) -> Reason | None:
        """Whether something that its device depends on is down, at any distance."""
        for parent in self._ancestors(alert.device, alert.parents):
            cause = self._down.get(parent)
            # Where devices depend on each other, neither is the cause: else nobody would be told of either.
            if cause is not None and alert.device not in self._ancestors(parent, cause.parents):
                detail = f"{parent}, on which {alert.device} depends, is down (alert {cause.id})"
                return Reason(Held("dependency", str(cause.id)), detail)
        return None

    def _inhibited(self, alert: Alert) -> Reason | None:
        for sources in self._sources:
            rule = sources.inhibition
            source = sources.by_values.get(_values(rule, alert)) if sources.by_values else None
            # What is a source itself is no target: two of them would silence each other.
            if source is None or not matches(rule.target, alert) or matches(rule.source, alert):
                continue
            detail = f"alert {source.id} ({source.rule} on {source.device}) inhibits it: {rule.name}"
            return Reason(Held("inhibited", str(source.id)), detail)
        return None

    def _quiet(self, alert: Alert, receiver: str) -> Reason | None:
        for hours, ends in self._now.quiet:
            if alert.severity in hours.severities and (not hours.receivers or receiver in hours.receivers):
                detail = f"{hours.name} until {self._when(ends)}"
                return Reason(Held("quiet_hours", hours.name), detail)
        return None

    def _ancestors(self, device: str, parents: tuple[str, ...]) -> Iterator[str]:
        """What a device depends on, the nearest first; each once, and never itself."""
        seen = {device}
        level = list(parents)
        while level:
            following: list[str] = []
            for parent in level:
                if parent not in seen:
                    seen.add(parent)
                    yield parent
                    following += self._parents_of(parent)
            level = following

    def _parents_of(self, device: str) -> tuple[str, ...]:
        known = self._known.get(device)
        return () if known is None else known.parents

    def _find_down(self, firing: list[Alert]) -> dict[str, Alert]:
        """By device the first alert that says that it is down."""
        found: dict[str, Alert] = {}
        for alert in firing:
            if any(matches(one, alert) for one in self._draft.policy.dependencies.down):
                found.setdefault(alert.device, alert)
        return found

    def _find_sources(self, inhibition: Inhibition, firing: list[Alert]) -> _Sources:
        found: dict[tuple[str, ...], Alert] = {}
        for alert in firing:
            if matches(inhibition.source, alert):
                found.setdefault(_values(inhibition, alert), alert)
        return _Sources(inhibition, found)

    def _look(self) -> _Now:
        draft, now = self._draft, self._draft.now
        silences = sorted(draft.all(state.SILENCE).values(), key=lambda one: (one.starts_at, one.id))
        maintenance = sorted(draft.all(state.MAINTENANCE).values(), key=lambda one: (one.starts_at, one.id))
        planned = ((one, self._planned_until(one)) for one in draft.policy.maintenance)
        quiet = ((one, self._quiet_until(one)) for one in draft.policy.quiet_hours)
        return _Now(
            silences=tuple(one for one in silences if one.starts_at <= now < one.ends_at),
            maintenance=tuple(
                one for one in maintenance if one.starts_at <= now and (one.ends_at is None or now < one.ends_at)
            ),
            planned=tuple((one, until) for one, until in planned if until is not None),
            quiet=tuple((one, until) for one, until in quiet if until is not None),
        )

    def _planned_until(self, one: PlannedMaintenance) -> datetime | None:
        found = window_at(
            self._draft.now,
            zone(one.timezone or self._draft.policy.timezone),
            start=one.start,
            duration=one.duration,
            weekdays=one.weekdays,
            dates=one.dates,
        )
        return None if found is None else found[1]

    def _quiet_until(self, one: QuietHours) -> datetime | None:
        place = zone(one.timezone or self._draft.policy.timezone)
        found = hours_at(self._draft.now, place, start=one.from_, end=one.to, weekdays=one.weekdays)
        return None if found is None else found[1]

    def _when(self, at: datetime) -> str:
        return when(at, self._zone)


def _values(inhibition: Inhibition, alert: Alert) -> tuple[str, ...]:
    return tuple(value_of(name, alert) for name in inhibition.equal)


def _commented(detail: str, comment: str | None) -> str:
    return f"{detail}: {comment}" if comment else detail
