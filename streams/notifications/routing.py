"""Where an alert leads: the routes that take it, the receivers behind them, and its group there."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from schemas.alert import Severity
from schemas.identity import derived_id
from streams.notifications.draft import Draft
from streams.notifications.matchers import matches, value_of
from streams.notifications.policy import DEFAULT_ROUTE, NotificationPolicy, Route
from streams.notifications.state import Alert, Held, Telling

RANK: Mapping[Severity, int] = {"info": 0, "warning": 1, "critical": 2}
_GROUPS = UUID("9d1c3c1e-52a7-5c5e-8f0e-6f6f3d7a9b10")
_NO_LONGER = Route(name=DEFAULT_ROUTE, repeat_after=None)


GroupKey = tuple[str, str, tuple[str, ...]]
"""Receiver, name of the route, and the values of what the route groups by."""


@dataclass(frozen=True, slots=True)
class Way:
    """The names of the routes that took an alert, and by receiver the first that leads there."""

    routes: tuple[str, ...]
    receivers: Mapping[str, str]


def way_of(policy: NotificationPolicy, alert: Alert) -> Way:
    """Where the policy leads an alert."""
    routes: list[str] = []
    receivers: dict[str, str] = {}
    for route in policy.all_routes:
        if not is_at_least(alert.severity, route.severity) or not matches(route.matchers, alert):
            continue
        routes.append(route.name)
        for receiver in route.receivers:
            receivers.setdefault(receiver, route.name)
        if not route.continue_:
            break
    return Way(tuple(routes), receivers)


def is_at_least(severity: Severity, least: Severity) -> bool:
    """Whether a severity is as high as another."""
    return RANK[severity] >= RANK[least]


def route_of(policy: NotificationPolicy, telling: Telling) -> Route:
    """The route by which a receiver is told; one that only ends things where the policy no longer has it."""
    return policy.routes_by_name.get(telling.route, _NO_LONGER)


def group_of(route: Route, receiver: str, alert: Alert) -> GroupKey:
    """An alert's group for a receiver: the values that its members share."""
    return receiver, route.name, tuple(value_of(name, alert) for name in route.group_by)


def group_name(key: GroupKey) -> str:
    """The name under which a group is kept: of one length, however long its values are."""
    receiver, route, values = key
    return derived_id(_GROUPS, receiver, route, *values).hex


def say_no_route(draft: Draft, alert: Alert, way: Way) -> None:
    """Say that an alert leads nowhere."""
    leads_nowhere = f"the route {way.routes[-1]!r} leads to no receiver" if way.routes else ""
    detail = leads_nowhere or "no route of the policy matches it"
    draft.suppress(alert, Held("no_route"), detail, receiver=None)


def route_again(draft: Draft, alert: Alert) -> None:
    """Find a firing alert's way anew after the policy was changed. What was told stays told."""
    policy = draft.policy
    way = way_of(policy, alert)
    tellings = {
        receiver: _led(alert.tellings.get(receiver), route, draft.now_ms) for receiver, route in way.receivers.items()
    }
    steps = [step for name in way.routes for step in policy.routes_by_name[name].escalation]
    further = {receiver for step in steps for receiver in step.receivers}
    for receiver, telling in alert.tellings.items():
        # Also of a receiver that is gone: should it come back, it is not told again.
        waits = telling.stage == "waiting" and not (telling.lane == "escalation" and receiver in further)
        if receiver not in tellings and not waits:
            tellings[receiver] = replace(telling, routed=receiver in further)
    if not way.receivers and any(one.routed for one in alert.tellings.values()):
        say_no_route(draft, alert, way)
    if tellings != alert.tellings or way.routes != alert.routes:
        draft.put_alert(replace(alert, tellings=tellings, routes=way.routes))


def _led(telling: Telling | None, route: str, now_ms: int) -> Telling:
    if telling is None:
        return Telling(route, start_ms=now_ms)
    lane = "group" if telling.lane == "escalation" else telling.lane
    return replace(telling, route=route, routed=True, lane=lane)
