"""`infrastructor maintenance`: times in which alerts are expected, announced by operators or by the policy."""

import asyncio
import json
from uuid import UUID

import click

from cli.operators import said
from cli.operators.alerts_shown import maintenance_document
from cli.operators.context import as_json, speaking
from cli.operators.ids import chosen, short_ids
from cli.operators.matchers import read_matchers, scope
from cli.operators.picture import picture
from cli.operators.publishing import publish
from cli.operators.recurring import Planned, planned
from cli.operators.shown import at_minute, show_table
from cli.operators.speaker import speaker
from cli.operators.times import ending, moment
from runtime.clock import SystemClock
from runtime.errors import InputInvalid
from runtime.settings import KafkaSettings, load
from schemas.maintenance import MaintenanceStarted
from schemas.registry import ALERTS
from streams.notifications.matchers import FLEET
from streams.notifications.state import Maintenance


@click.group()
def maintenance() -> None:
    """Announce times in which alerts are expected, so that nobody is told."""


@maintenance.command(name="start")
@click.argument("devices", metavar="[DEVICE]...", nargs=-1)
@click.option("--group", "groups", multiple=True, help="All devices of this group; may be given several times.")
@click.option("--all", "all_", is_flag=True, help="All devices.")
@click.option("--match", "matchers", metavar="NAME=REGEX", multiple=True, help="Only alerts that match.")
@click.option("--from", "from_", help="From a time on, with its zone; from now on when not given.")
@click.option("--for", "for_", help="For so long: 30m, 2h, 7d.")
@click.option("--until", help="Until a time: 2026-11-20T22:00:00Z, '2026-11-20 22:00 local'.")
@speaking
@as_json
def start_command(  # noqa: PLR0913 - one an option
    *,
    devices: tuple[str, ...],
    groups: tuple[str, ...],
    all_: bool,
    matchers: tuple[str, ...],
    from_: str | None,
    for_: str | None,
    until: str | None,
    operator: str | None,
    comment: str | None,
    as_json: bool,
) -> None:
    """Announce maintenance of devices, of groups or of all; prints an id for each.

    Without --for and --until it lasts until `maintenance end`.
    """
    if sum((bool(devices), bool(groups), all_)) != 1:
        raise InputInvalid(
            "say what is in maintenance, in one of three ways: devices, --group, or --all",
            operation="start maintenance",
        )
    by = speaker(operator)
    starts_at = by.at if from_ is None else moment(from_, "--from")
    ends_at = ending(for_, until, starts_at=starts_at, now=by.at)
    wanted = read_matchers(matchers)
    subjects: tuple[str | None, ...] = tuple(dict.fromkeys(devices)) or (None,)
    events = [
        said.maintenance_started(
            by, one, starts_at=starts_at, ends_at=ends_at, groups=groups, matchers=wanted, comment=comment
        )
        for one in subjects
    ]
    asyncio.run(publish(load(KafkaSettings), ALERTS, events))
    if as_json:
        click.echo(json.dumps({"started": [{"id": str(one.id), "subject": one.subject} for one in events]}))
        return
    for event in events:
        click.echo(_started(event, begins_later=starts_at > by.at))


def _started(event: MaintenanceStarted, *, begins_later: bool) -> str:
    data = event.data
    begin = f"from {at_minute(data.starts_at)} " if begins_later else ""
    end = "until it is ended" if data.ends_at is None else f"until {at_minute(data.ends_at)}"
    return f"{event.id} maintenance of {scope(event.subject, data.matchers, data.groups)} {begin}{end}"


@maintenance.command(name="list")
@as_json
def list_command(*, as_json: bool) -> None:
    """List the maintenance that holds, that is planned, and that recurs by the policy."""
    at = asyncio.run(picture(load(KafkaSettings), now_ms=SystemClock().now_ms()))
    now = SystemClock().now()
    held = sorted(
        (one for one in at.board.maintenance.values() if one.ends_at is None or one.ends_at > now),
        key=lambda one: one.starts_at,
    )
    recurring = planned(at.policy, now)
    if as_json:
        found = {
            "as_of": at.as_of(),
            "maintenance": [maintenance_document(one, now) for one in held],
            "recurring": [one.document() for one in recurring],
        }
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    short = short_ids(one.id for one in held)
    rows = [_row(one, short, active=one.starts_at <= now) for one in held] + [_recurring(one) for one in recurring]
    if rows:
        show_table(("ID", "STATE", "OF", "FROM", "UNTIL", "BY", "COMMENT"), rows)
    active = sum(one.starts_at <= now for one in held) + sum(one.active_until is not None for one in recurring)
    click.echo(f"{active or 'none'} active; {at.words()}")


def _row(one: Maintenance, short: dict[UUID, str], *, active: bool) -> tuple[str, ...]:
    return (
        short[one.id],
        "active" if active else "planned",
        scope(one.subject, one.matchers, one.groups),
        at_minute(one.starts_at),
        "it is ended" if one.ends_at is None else at_minute(one.ends_at),
        one.operator,
        one.comment or "",
    )


def _recurring(one: Planned) -> tuple[str, ...]:
    until = "" if one.active_until is None else at_minute(one.active_until)
    state = "recurring" if one.active_until is None else "active"
    return (one.name, state, scope(FLEET, one.matchers, one.groups), one.when, until, "policy", "")


@maintenance.command(name="end")
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@speaking
@as_json
def end_command(*, ids: tuple[str, ...], operator: str | None, comment: str | None, as_json: bool) -> None:
    """End maintenance, also what is only planned. ID may be the beginning of one, as `list` shows it."""
    by, kafka = speaker(operator), load(KafkaSettings)
    board = asyncio.run(picture(kafka, now_ms=SystemClock().now_ms())).board
    held = {
        one.id: f"{scope(one.subject, one.matchers, one.groups)} (by {one.operator})"
        for one in board.maintenance.values()
        if one.ends_at is None or one.ends_at > by.at
    }
    found = list(dict.fromkeys(chosen(one, held, what="maintenance") for one in ids))
    events = [said.maintenance_ended(by, one, board.maintenance[one].subject, comment=comment) for one in found]
    asyncio.run(publish(kafka, ALERTS, events))
    if as_json:
        click.echo(json.dumps({"ended": [str(one) for one in found]}))
        return
    for one in found:
        click.echo(f"{one} ended: {held[one]}")
