"""The policy of notifications: data, carried by `rules.loaded` of the kind `notification_policy`.

Each field is described in docs/notifications.md.
"""

from collections.abc import Iterable
from datetime import timedelta
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from schemas.alert import Severity
from schemas.fields import Name
from streams.alerts.lengths import WrittenLength as Length
from streams.alerts.selectors import Model
from streams.notifications.matchers import Matchers
from streams.notifications.times import Date, TimeOfDay, Weekday, ZoneName

REPEAT_AFTER = timedelta(hours=12)

MOST = 100
"""How many routes, windows and the like a policy may have."""

RouteName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9 _.-]{0,63}$")]
Receivers = Annotated[tuple[Name, ...], Field(max_length=32)]


class RateLimit(Model):
    """So many messages `per` a time, as a bucket of tokens that fills evenly; what is above waits for a digest."""

    messages: Annotated[int, Field(ge=1, le=10_000)] = 60
    per: Annotated[Length, Field(gt=timedelta(0))] = timedelta(hours=1)


class ReceiverPolicy(Model):
    """Whom the sink of that name tells."""

    resolved: bool = Field(default=True, description="Whether it is told that an alert is over, of which it was told.")
    rate_limit: RateLimit | None = RateLimit()


class EscalationStep(Model):
    """Who is told when nobody acknowledged for so long after the alert was told first."""

    after: Length
    receivers: Annotated[Receivers, Field(min_length=1)]
    severity: Severity = Field(default="info", description="Only alerts of at least this severity.")


class Route(Model):
    """Which alerts go to which receivers, and in which rhythm. The first route that matches takes an alert."""

    name: RouteName
    matchers: Matchers = Field(default_factory=dict)
    severity: Severity = Field(default="info", description="Only alerts of at least this severity.")
    receivers: Receivers = Field(default=(), description="None: these alerts are told to nobody.")
    continue_: bool = Field(default=False, alias="continue", description="Whether later routes are looked at, too.")
    group_by: Annotated[tuple[Name, ...], Field(max_length=8)] = ("device",)
    group_wait: Length = timedelta(seconds=30)
    group_interval: Length = timedelta(minutes=5)
    repeat_after: Length | dict[Severity, Length | None] | None = Field(
        default=REPEAT_AFTER, description="For all or by severity; null: never again."
    )
    escalation: Annotated[tuple[EscalationStep, ...], Field(max_length=8)] = ()

    def repeat_of(self, severity: Severity) -> timedelta | None:
        """After how long an alert is told again; None: never."""
        if isinstance(self.repeat_after, dict):
            return self.repeat_after.get(severity, REPEAT_AFTER)
        return self.repeat_after

    @field_validator("repeat_after")
    @classmethod
    def _is_a_length_or_never(
        cls, value: timedelta | dict[Severity, timedelta | None] | None
    ) -> timedelta | dict[Severity, timedelta | None] | None:
        if timedelta(0) in (value.values() if isinstance(value, dict) else (value,)):
            raise ValueError("to repeat after no time is to repeat at every tick; null is never")
        return value

    @model_validator(mode="after")
    def _steps_in_order(self) -> Self:
        times = [step.after for step in self.escalation]
        if times != sorted(times):
            raise ValueError(f"the steps of escalation of the route {self.name} must be in order of `after`")
        return self


class Inhibition(Model):
    """While an alert that `source` matches fires, those that `target` matches with equal labels are not told."""

    name: RouteName
    source: Annotated[Matchers, Field(min_length=1)]
    target: Matchers = Field(default_factory=dict)
    equal: Annotated[tuple[Name, ...], Field(max_length=8)] = ("device",)


class Dependencies(Model):
    """Which alerts mean that a device is down, so that what hangs on it is an effect."""

    down: Annotated[tuple[Annotated[Matchers, Field(min_length=1)], ...], Field(max_length=16)] = (
        {"rule": "device_offline"},
    )


class PlannedMaintenance(Model):
    """Maintenance that comes again: on days of the week or on dates, from a time of day on, for so long."""

    name: RouteName
    weekdays: tuple[Weekday, ...] = ()
    dates: Annotated[tuple[Date, ...], Field(max_length=MOST)] = ()
    start: TimeOfDay
    duration: Annotated[Length, Field(gt=timedelta(0), le=timedelta(days=31))]
    timezone: ZoneName | None = None
    groups: Receivers = ()
    matchers: Matchers = Field(default_factory=dict)


class QuietHours(Model):
    """When these severities are held back; what still holds is told at the end, in one message."""

    name: RouteName = "quiet hours"
    severities: tuple[Severity, ...] = ("info", "warning")
    from_: TimeOfDay = Field(alias="from")
    to: TimeOfDay
    weekdays: tuple[Weekday, ...] = Field(default=(), description="On which they begin; none: on all.")
    timezone: ZoneName | None = None
    receivers: Receivers = Field(default=(), description="None: all.")

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        if self.from_ == self.to:
            raise ValueError("`from` and `to` are the same: these hours would never begin or never end")
        return self


class Burst(Model):
    """More than so many alerts for a receiver within the window become one digest."""

    alerts: Annotated[int, Field(ge=1, le=1000)] = 20
    window: Annotated[Length, Field(gt=timedelta(0))] = timedelta(minutes=1)


class BacklogPolicy(Model):
    """What is done with alerts that were derived long after they happened."""

    late_after: Length = timedelta(minutes=1)
    settle: Length = Field(default=timedelta(seconds=30), description="It is over after so long without a late alert.")
    at_most: Length = Field(default=timedelta(minutes=10), description="And is told then at the latest.")
    past: Literal["digest", "suppress"] = Field(
        default="digest", description="Whether what is over already is told in one digest, or to nobody."
    )


DEFAULT_ROUTE = "default"


class NotificationPolicy(Model):
    """Who is told what, when, how often."""

    timezone: ZoneName = "UTC"
    receivers: Annotated[dict[Name, ReceiverPolicy], Field(max_length=32)] = Field(
        default_factory=lambda: {"gotify": ReceiverPolicy()},
        description="By the names of their sinks; a list of names is enough.",
    )
    routes: Annotated[tuple[Route, ...], Field(max_length=MOST)] | None = Field(
        default=None, description="Without any, every alert goes to every receiver."
    )
    inhibition: Annotated[tuple[Inhibition, ...], Field(max_length=MOST)] = (
        Inhibition(name="the device is offline", source={"rule": "device_offline"}),
    )
    dependencies: Dependencies = Dependencies()
    maintenance: Annotated[tuple[PlannedMaintenance, ...], Field(max_length=MOST)] = ()
    quiet_hours: Annotated[tuple[QuietHours, ...], Field(max_length=MOST)] = ()
    burst: Burst | None = Burst()
    backlog: BacklogPolicy = BacklogPolicy()

    @field_validator("receivers", mode="before")
    @classmethod
    def _names_are_enough(cls, value: Any) -> Any:
        if isinstance(value, list | tuple):
            return {name: {} for name in value}
        if isinstance(value, dict):
            return {name: {} if one is None else one for name, one in value.items()}
        return value

    @model_validator(mode="after")
    def _names_once(self) -> Self:
        for what, names in (
            ("routes", [one.name for one in self.all_routes]),
            ("inhibitions", [one.name for one in self.inhibition]),
            ("windows of maintenance", [one.name for one in self.maintenance]),
        ):
            for name in names:
                if names.count(name) > 1:
                    raise ValueError(f"there are two {what} named {name!r}")
        return self

    @model_validator(mode="after")
    def _receivers_known(self) -> Self:
        for where, names in self._named():
            for name in names:
                if name not in self.receivers:
                    known = ", ".join(sorted(self.receivers)) or "there are none"
                    raise ValueError(f"{where} names the receiver {name!r}, which is not in `receivers` ({known})")
        return self

    @model_validator(mode="after")
    def _days_said(self) -> Self:
        for window in self.maintenance:
            if not window.weekdays and not window.dates:
                raise ValueError(f"the maintenance {window.name!r} says neither `weekdays` nor `dates`")
        return self

    @cached_property
    def all_routes(self) -> tuple[Route, ...]:
        """The routes; without any, one that leads everything everywhere."""
        if self.routes is not None:
            return self.routes
        return (Route(name=DEFAULT_ROUTE, receivers=tuple(self.receivers)),)

    @cached_property
    def routes_by_name(self) -> dict[str, Route]:
        """The same by their names."""
        return {route.name: route for route in self.all_routes}

    def _named(self) -> Iterable[tuple[str, tuple[str, ...]]]:
        for route in self.all_routes:
            yield f"the route {route.name!r}", route.receivers
            for step in route.escalation:
                yield f"the escalation of the route {route.name!r}", step.receivers
        for hours in self.quiet_hours:
            yield f"quiet_hours {hours.name!r}", hours.receivers
