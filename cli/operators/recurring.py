"""Maintenance that recurs by the policy of notifications: which there is, and when."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cli.operators.board import Alert
from cli.operators.matching import concerns
from runtime.durations import written
from streams.notifications.matchers import FLEET
from streams.notifications.policy import NotificationPolicy, PlannedMaintenance
from streams.notifications.times import window_at, zone


@dataclass(frozen=True, slots=True)
class Planned:
    """One of the policy's windows: its name, when it recurs in words, and until when it holds if it holds now."""

    name: str
    when: str
    groups: tuple[str, ...] = ()
    matchers: dict[str, str] = field(default_factory=dict)
    active_until: datetime | None = None

    def means(self, alert: Alert) -> bool:
        """Whether it holds now, and for this alert."""
        return self.active_until is not None and concerns(alert, FLEET, self.matchers, groups=self.groups)

    def document(self) -> dict[str, object]:
        """The window as plain data."""
        until = None if self.active_until is None else self.active_until.isoformat().replace("+00:00", "Z")
        return {
            "name": self.name,
            "when": self.when,
            "groups": list(self.groups),
            "matchers": self.matchers,
            "active_until": until,
        }


def planned(policy: NotificationPolicy, now: datetime) -> tuple[Planned, ...]:
    """The windows that a policy has."""
    return tuple(_one(window, window.timezone or policy.timezone, now) for window in policy.maintenance)


def longest_wait(policy: NotificationPolicy) -> timedelta:
    """How long an alert waits at most for others of its group."""
    return max((route.group_wait for route in policy.all_routes), default=timedelta(0))


def _one(window: PlannedMaintenance, place: str, now: datetime) -> Planned:
    found = window_at(
        now,
        zone(place),
        start=window.start,
        duration=window.duration,
        weekdays=window.weekdays,
        dates=window.dates,
    )
    days = [*window.weekdays, *(f"{day:%Y-%m-%d}" for day in window.dates)]
    return Planned(
        name=window.name,
        when=f"{' '.join(days)} {window.start:%H:%M} {place} for {written(window.duration)}",
        groups=window.groups,
        matchers=dict(window.matchers),
        active_until=None if found is None else found[1],
    )
