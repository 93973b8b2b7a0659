"""What the operators' commands share: options, and the board or the history of an alert, read."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import click

from cli.operators.board import Alert
from cli.operators.explaining import known_alert
from cli.operators.history import History
from cli.operators.ids import checked, chosen
from cli.operators.log import Wants, decoded, extent
from cli.operators.picture import Picture, picture
from replay.window import moment_ms
from runtime.clock import SystemClock
from runtime.errors import InputInvalid
from runtime.settings import KafkaSettings
from schemas.alert import AlertRaised, AlertResolved
from schemas.notification import NotificationRequested, NotificationSuppressed
from schemas.record import RawRecord
from schemas.registry import ALERTS, NOTIFICATIONS

F = TypeVar("F", bound=Callable[..., Any])

_SKEW_MS = 600_000
"""A record is appended at most so long before its own time."""

_AROUND_MS = 3_600_000
"""Alerts are decided about within this time, and what is read around a decision."""

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
since_option = click.option(
    "--since", default="30d", show_default=True, help="How far back the log is read: an age (12h), or a time."
)


def speaking(command: F) -> F:
    """The options of a command that says something: by whom, and why."""
    command = click.option("--comment", "-c", help="Why, for those who read it later.")(command)
    return click.option("--operator", help="Who speaks; else INFRASTRUCTOR_OPERATOR, else the login name.")(command)


@dataclass(frozen=True, slots=True)
class Story:
    """One alert with all that the log has about it, and the board as it stands."""

    alert: Alert
    history: History
    picture: Picture


def current(at: Picture) -> dict[UUID, str]:
    """The alerts that an id may mean, in a few words each."""
    return {one.id: f"{one.severity} {one.rule} on {one.device}" for one in at.board.alerts.values()}


async def story(settings: KafkaSettings, prefix: str, *, since: str) -> Story:
    """Everything about the alert whose id begins so. Raises InputInvalid when there is none since then."""
    now_ms = SystemClock().now_ms()
    since_ms = moment_ms(since, "--since", now_ms=now_ms)
    start = checked(prefix, what="alert")
    at = await picture(settings, now_ms=now_ms)
    known = None
    if any(str(one).startswith(start) for one in at.board.alerts):
        known = at.board.alerts[chosen(start, current(at), what="alert")]
        history = History(known.id)
        # It may be older than what is read by default, but nothing about it is.
        await _take(settings, history, since_ms=max(since_ms, int(known.raised_at.timestamp() * 1000) - _SKEW_MS))
    else:
        history = await _over(settings, start, since_ms=since_ms)
    alert = known_alert(history, known)
    if alert is None:
        message = f"the log has no alert {history.alert} since then: --since reads further back"
        raise InputInvalid(message, operation="find alert")
    return Story(alert, history, at)


async def _over(settings: KafkaSettings, start: str, *, since_ms: int) -> History:
    """What the log has about an alert that is not on the board: it is over. Raises InputInvalid.

    `infra.alerts` has ticks between its events, so it is read around the times of the alert's notifications only.
    """
    decided = await _decided(settings, start, since_ms=since_ms)
    if not decided:
        history = History(await _raised(settings, start, since_ms=since_ms))
        await _take(settings, history, since_ms=since_ms)
        return history
    found = chosen(start, dict.fromkeys(decided, "decided about"), what="alert")
    first_ms, last_ms = decided[found]
    history = History(found)
    await _take(settings, history, since_ms=max(since_ms, first_ms - _AROUND_MS), until_ms=last_ms + _AROUND_MS)
    if history.raised() is None:
        await _take(settings, history, since_ms=since_ms, until_ms=first_ms - _AROUND_MS)
    if history.resolved() is None:
        await _take(settings, history, since_ms=last_ms + _AROUND_MS)
    return history


async def _take(settings: KafkaSettings, history: History, *, since_ms: int, until_ms: int | None = None) -> None:
    far = await extent(settings, [ALERTS, NOTIFICATIONS], since_ms=since_ms, until_ms=until_ms)
    async for record in decoded(settings, [*far.since(ALERTS), *far.since(NOTIFICATIONS)]):
        history.take(record)


async def _decided(settings: KafkaSettings, start: str, *, since_ms: int) -> dict[UUID, tuple[int, int]]:
    """The alerts of such ids that anything was decided about: when first and when last, in ms since 1970."""
    far = await extent(settings, [NOTIFICATIONS], since_ms=since_ms)
    found: dict[UUID, tuple[int, int]] = {}
    async for record in decoded(settings, far.since(NOTIFICATIONS), wants=_naming(start)):
        event = record.event
        if isinstance(event, NotificationRequested | NotificationSuppressed):
            for alert in event.data.alert_ids:
                if str(alert).startswith(start):
                    found[alert] = (found.get(alert, (record.appended_ms, 0))[0], record.appended_ms)
    return found


async def _raised(settings: KafkaSettings, start: str, *, since_ms: int) -> UUID:
    """The alert of such an id. Raises InputInvalid when there is none, or several."""
    far = await extent(settings, [ALERTS], since_ms=since_ms)
    found: dict[UUID, str] = {}
    async for record in decoded(settings, far.since(ALERTS), wants=_naming(start)):
        event = record.event
        match event:
            case AlertRaised():
                found[event.id] = f"{event.data.severity} {event.data.rule} on {event.subject}"
            case AlertResolved():
                found[event.data.alert_id] = f"{event.data.severity} {event.data.rule} on {event.subject}"
            case _:
                pass
    return chosen(start, found, what="alert")


def _naming(start: str) -> Wants:
    """Whether a record may name an id that begins so, told by its bytes."""
    wanted = start.encode()

    def may_name_it(raw: RawRecord) -> bool:
        return raw.value is not None and wanted in raw.value

    return may_name_it
