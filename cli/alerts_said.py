"""What operators say about alerts: `ack`, `unack`, `silence`, `unsilence`. Each ends when Kafka has acknowledged."""

import asyncio
import json
from collections.abc import Callable
from uuid import UUID

import click

from cli.operators import said
from cli.operators.alerts_shown import silence_document
from cli.operators.board import Alert, Board
from cli.operators.context import as_json, current, speaking
from cli.operators.ids import chosen, short_ids
from cli.operators.matchers import read_matchers, scope
from cli.operators.matching import concerns
from cli.operators.picture import picture
from cli.operators.publishing import publish
from cli.operators.shown import ago, at_minute, show_table
from cli.operators.speaker import Speaker, speaker
from cli.operators.times import ending
from runtime.clock import SystemClock
from runtime.errors import InputInvalid
from runtime.settings import KafkaSettings, load
from schemas.envelope import Envelope
from schemas.registry import ALERTS

Remark = Callable[[Speaker, Alert, Board], Envelope]


@click.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@speaking
@as_json
def ack(*, ids: tuple[str, ...], operator: str | None, comment: str | None, as_json: bool) -> None:
    """Take alerts on: until they are over, nobody is reminded of them. ID may be the beginning of one."""

    def remark(by: Speaker, alert: Alert, _: Board) -> Envelope:
        return said.acknowledged(by, alert.id, alert.device, comment=comment)

    _remark(ids, remark, operator=operator, verb="acknowledged", as_json=as_json)


@click.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@speaking
@as_json
def unack(*, ids: tuple[str, ...], operator: str | None, comment: str | None, as_json: bool) -> None:
    """Give alerts back that were acknowledged. ID may be the beginning of one."""

    def remark(by: Speaker, alert: Alert, _: Board) -> Envelope:
        if alert.acknowledged is None:
            raise InputInvalid(f"alert {alert.id} is not acknowledged", operation="unacknowledge")
        return said.unacknowledged(by, alert.id, alert.device, comment=comment)

    _remark(ids, remark, operator=operator, verb="no longer acknowledged", as_json=as_json)


def _remark(ids: tuple[str, ...], remark: Remark, *, operator: str | None, verb: str, as_json: bool) -> None:
    by, kafka = speaker(operator), load(KafkaSettings)
    # Also what was resolved within the last day, to say so.
    at = asyncio.run(picture(kafka, now_ms=SystemClock().now_ms(), resolved_ms=_LATELY_MS))
    named = current(at)
    found = list(dict.fromkeys(chosen(one, named, what="alert") for one in ids))
    meant = [_still_firing(at.board.alerts[one]) for one in found]
    events = [remark(by, alert, at.board) for alert in meant]
    asyncio.run(publish(kafka, ALERTS, events))
    if as_json:
        pairs = zip(meant, events, strict=True)
        click.echo(json.dumps({"said": [{"alert": str(one.id), "event": str(event.id)} for one, event in pairs]}))
        return
    for alert in meant:
        click.echo(f"{alert.id} {verb} by {by.name}: {alert.rule} on {alert.device}")


_LATELY_MS = 86_400_000


def _still_firing(alert: Alert) -> Alert:
    if alert.resolved_at is not None:
        raise InputInvalid(
            f"alert {alert.id} ({alert.rule} on {alert.device}) is over since {at_minute(alert.resolved_at)}: there is "
            "nothing to take on",
            operation="acknowledge",
        )
    return alert


@click.command()
@click.argument("matchers", metavar="[NAME=REGEX]...", nargs=-1)
@click.option("--device", help="Only alerts of this device.")
@click.option("--rule", help="Only alerts of this rule.")
@click.option("--for", "for_", help="For so long from now on: 30m, 2h, 7d.")
@click.option("--until", help="Until a time: 2026-11-20T22:00:00Z, '2026-11-20 22:00 local'.")
@speaking
@as_json
def silence(
    *,
    matchers: tuple[str, ...],
    device: str | None,
    rule: str | None,
    for_: str | None,
    until: str | None,
    operator: str | None,
    comment: str | None,
    as_json: bool,
) -> None:
    """Tell nobody of alerts that match, until a time; prints the id of the silence.

    NAME is a label, or device, rule, severity or group; REGEX is a regular expression over the whole value. All must
    match. For example: infrastructor alerts silence severity='warning|info' --device nas --for 2h -c "moving disks"
    """
    by = speaker(operator)
    wanted = read_matchers(matchers, rule=rule)
    if not wanted and device is None:
        raise InputInvalid(
            "a silence of everything is not wanted by mistake: name a --device, a --rule or a matcher; severity=.* "
            "means all",
            operation="silence",
        )
    ends_at = ending(for_, until, starts_at=by.at, now=by.at)
    if ends_at is None:
        raise InputInvalid("a silence has an end: give --for 2h or --until TIME", operation="silence")
    kafka = load(KafkaSettings)
    event = said.silenced(by, device, wanted, ends_at=ends_at, comment=comment)
    asyncio.run(publish(kafka, ALERTS, [event]))
    board = asyncio.run(picture(kafka, now_ms=SystemClock().now_ms())).board
    hit = [one for one in board.firing() if concerns(one, event.subject, wanted)]
    if as_json:
        click.echo(json.dumps({"id": str(event.id), "firing_matched": [str(one.id) for one in hit]}))
        return
    click.echo(f"{event.id} silences {scope(event.subject, wanted)} until {at_minute(ends_at)}")
    click.echo(f"of what fires now it matches {len(hit)}{':' if hit else ''}")
    for one in hit:
        click.echo(f"  {one.severity} {one.rule} on {one.device}: {one.summary}")


@click.command()
@click.argument("silence_id", metavar="ID")
@speaking
@as_json
def unsilence(*, silence_id: str, operator: str | None, comment: str | None, as_json: bool) -> None:
    """End a silence before its time. ID may be the beginning of one, as `alerts silences` shows it."""
    by, kafka = speaker(operator), load(KafkaSettings)
    board = asyncio.run(picture(kafka, now_ms=SystemClock().now_ms())).board
    held: dict[UUID, str] = {
        one.id: f"{scope(one.subject, one.matchers)} (by {one.operator})"
        for one in board.silences.values()
        if one.ends_at > by.at
    }
    found = chosen(silence_id, held, what="silence")
    event = said.unsilenced(by, found, board.silences[found].subject, comment=comment)
    asyncio.run(publish(kafka, ALERTS, [event]))
    if as_json:
        click.echo(json.dumps({"id": str(found), "event": str(event.id)}))
        return
    click.echo(f"{found} ended: {held[found]}")


@click.command()
@as_json
def silences(*, as_json: bool) -> None:
    """List the silences that hold."""
    at = asyncio.run(picture(load(KafkaSettings), now_ms=SystemClock().now_ms()))
    now = SystemClock().now()
    held = sorted((one for one in at.board.silences.values() if one.ends_at > now), key=lambda one: one.ends_at)
    if as_json:
        found = [silence_document(one, now) for one in held]
        click.echo(json.dumps({"as_of": at.as_of(), "silences": found}, ensure_ascii=False))
        return
    short = short_ids(one.id for one in held)
    rows = [
        (short[one.id], scope(one.subject, one.matchers), one.operator, ago(one.ends_at, now), one.comment or "")
        for one in held
    ]
    if rows:
        show_table(("ID", "SILENCES", "BY", "ENDS", "COMMENT"), rows)
    click.echo(f"{len(rows) or 'no'} silence{'' if len(rows) == 1 else 's'}; {at.words()}")
