"""What a record says: alerts and operators' words go into the state. What follows is decided at the ticks."""

from dataclasses import replace

from schemas.alert import (
    AlertAcknowledged,
    AlertRaised,
    AlertResolved,
    AlertSilenced,
    AlertUnacknowledged,
    AlertUnsilenced,
)
from schemas.maintenance import MaintenanceEnded, MaintenanceStarted
from streams.alerts.lengths import milliseconds
from streams.notifications import state
from streams.notifications.draft import Draft
from streams.notifications.matchers import check
from streams.notifications.routing import say_no_route, way_of
from streams.notifications.state import (
    Acknowledged,
    Alert,
    Backlog,
    Held,
    Known,
    Maintenance,
    Resolved,
    Silence,
    Telling,
)

MOST_ALERTS = 10_000
"""How many alerts are kept at once; above, a new one is told to nobody, and said to be so."""

MOST_ORDERS = 1000
"""How many silences are kept at once, and how many maintenances."""


def hear(draft: Draft) -> None:
    """Take in one event of `infra.alerts`. Raises ValueError for a matcher that is no regular expression."""
    event = draft.at.record.event
    match event:
        case AlertRaised():
            _raised(draft, event)
        case AlertResolved():
            _resolved(draft, event)
        case AlertAcknowledged() | AlertUnacknowledged():
            _remarked(draft, event)
        case AlertSilenced():
            _silenced(draft, event)
        case AlertUnsilenced():
            _ended(draft, state.SILENCE, str(event.data.silence_id))
        case MaintenanceStarted():
            _maintenance(draft, event)
        case MaintenanceEnded():
            _ended(draft, state.MAINTENANCE, str(event.data.maintenance_id))
        case _:
            pass


def _raised(draft: Draft, event: AlertRaised) -> None:
    if draft.alert(event.id) is not None:
        draft.note("alert_known")
        return
    data = event.data
    alert = Alert(
        id=event.id,
        device=event.subject,
        rule=data.rule,
        severity=data.severity,
        since=data.since,
        raised_at=event.time,
        summary=data.summary,
        offset=draft.at.record.offset,
        raised_ms=draft.now_ms,
        labels=dict(data.labels),
        groups=data.groups,
        parents=data.parents,
        value=data.value,
        unit=data.unit,
        description=data.description,
        runbook=data.runbook,
        historical=data.historical,
        late=data.historical or _is_late(draft),
    )
    if draft.count(state.ALERT) >= MOST_ALERTS:
        draft.suppress(alert, Held("rate_limited"), f"{MOST_ALERTS} alerts are kept already", receiver=None)
        return
    if draft.get(state.KNOWN, alert.device) != Known(alert.parents):
        draft.put(state.KNOWN, alert.device, Known(alert.parents))
    if alert.late:
        _lengthen_backlog(draft)
    _lead(draft, alert)


def _lead(draft: Draft, alert: Alert) -> None:
    way = way_of(draft.policy, alert)
    if not way.receivers:
        say_no_route(draft, alert, way)
    waiting = {
        receiver: Telling(route, start_ms=draft.now_ms, lane="backlog" if alert.late else "group")
        for receiver, route in way.receivers.items()
    }
    draft.put_alert(replace(alert, tellings=waiting, routes=way.routes))


def _resolved(draft: Draft, event: AlertResolved) -> None:
    data = event.data
    if data.reason == "device_retired" and draft.get(state.KNOWN, event.subject) is not None:
        draft.put(state.KNOWN, event.subject, None)
    alert = draft.alert(data.alert_id)
    if alert is None or not alert.firing:
        draft.note("alert_unknown")
        return
    late = data.historical or _is_late(draft)
    if late:
        _lengthen_backlog(draft)
    resolved = Resolved(data.reason, event.time, draft.now_ms, late=late, value=data.value)
    tellings = {receiver: _ending(one, draft.now_ms, late=late) for receiver, one in alert.tellings.items()}
    draft.put_alert(replace(alert, resolved=resolved, tellings=tellings))


def _ending(telling: Telling, now_ms: int, *, late: bool) -> Telling:
    """Who was told of the alert waits for its end with the group, or with the backlog."""
    if telling.stage != "told":
        return telling
    return replace(telling, start_ms=now_ms, lane="backlog" if late else "group", held=None)


def _is_late(draft: Draft) -> bool:
    record = draft.at.record
    late_after_ms = milliseconds(draft.policy.backlog.late_after)
    return record.cause_appended_ms is not None and record.appended_ms - record.cause_appended_ms > late_after_ms


def _lengthen_backlog(draft: Draft) -> None:
    known: Backlog | None = draft.get(state.BACKLOG, state.FLEET_NAME)
    first_ms = draft.now_ms if known is None else known.first_ms
    draft.put(state.BACKLOG, state.FLEET_NAME, Backlog(first_ms, draft.now_ms))


def _remarked(draft: Draft, event: AlertAcknowledged | AlertUnacknowledged) -> None:
    data = event.data
    alert = draft.alert(data.alert_id)
    if alert is None or not alert.firing:
        draft.note("alert_unknown")
        return
    taken = Acknowledged(data.operator, event.time, data.comment) if isinstance(event, AlertAcknowledged) else None
    draft.put_alert(replace(alert, acknowledged=taken))


def _silenced(draft: Draft, event: AlertSilenced) -> None:
    data = event.data
    check(data.matchers)
    name = str(data.silence_id)
    if _is_over(draft, name, over=data.ends_at <= draft.now, kind=state.SILENCE):
        return
    draft.put(state.SILENCE, name, Silence.of(event.subject, data))


def _maintenance(draft: Draft, event: MaintenanceStarted) -> None:
    data = event.data
    check(data.matchers)
    name = str(data.maintenance_id)
    over = data.ends_at is not None and data.ends_at <= draft.now
    if _is_over(draft, name, over=over, kind=state.MAINTENANCE):
        return
    draft.put(state.MAINTENANCE, name, Maintenance.of(event.subject, data))


def _is_over(draft: Draft, name: str, *, over: bool, kind: str) -> bool:
    """Whether an order needs no keeping: its time is over, or there are too many (then the dead letters tell of it)."""
    if over:
        draft.note(f"{kind}_over")
        return True
    if draft.get(kind, name) is None and draft.count(kind) >= MOST_ORDERS:
        raise ValueError(f"there are {MOST_ORDERS} of the kind {kind} already: end some, and say it again")
    return False


def _ended(draft: Draft, kind: str, name: str) -> None:
    if draft.get(kind, name) is None:
        draft.note(f"{kind}_unknown")
    else:
        draft.put(kind, name, None)
