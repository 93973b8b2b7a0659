"""`infrastructor alerts`: what fires, what is known of an alert, and why somebody was told of it or was not."""

import asyncio
import json

import click

from cli.alerts_said import ack, silence, silences, unack, unsilence
from cli.operators.alerts_shown import HEADER, STYLES, document, lines, row
from cli.operators.board import Alert, in_order
from cli.operators.context import as_json, since_option, story
from cli.operators.explaining import Entry, Progress, entries_of, stamp, verdict
from cli.operators.ids import short_ids
from cli.operators.picture import Picture, picture
from cli.operators.recurring import longest_wait, planned
from cli.operators.shown import harmless, reading, show_table
from replay.window import moment_ms
from runtime.clock import SystemClock
from runtime.settings import KafkaSettings, load
from streams.notifications.text import named


@click.group()
def alerts() -> None:
    """Show alerts, take them on, silence them, and learn why somebody was told or was not."""


for _command in (ack, unack, silence, unsilence, silences):
    alerts.add_command(_command)


@alerts.command(name="list")
@click.option("--severity", multiple=True, type=click.Choice(["critical", "warning", "info"]), help="Only these.")
@click.option("--device", multiple=True, help="Only of these devices.")
@click.option("--rule", multiple=True, help="Only of these rules.")
@click.option("--all", "all_", is_flag=True, help="Also what was resolved lately (--since).")
@click.option("--since", default="1d", show_default=True, help="With --all: resolved since an age (12h) or a time.")
@as_json
def list_command(
    *, severity: tuple[str, ...], device: tuple[str, ...], rule: tuple[str, ...], all_: bool, since: str, as_json: bool
) -> None:
    """List the alerts that fire, the worst first: since when, who has taken them on, and who was told."""
    clock = SystemClock()
    now_ms = clock.now_ms()
    lately_ms = now_ms - moment_ms(since, "--since", now_ms=now_ms) if all_ else 0
    with reading("reading alerts"):
        at = asyncio.run(picture(load(KafkaSettings), now_ms=now_ms, resolved_ms=lately_ms))
    wanted = [
        one
        for one in at.board.alerts.values()
        if (one.firing or (all_ and _ended_ms(one) >= now_ms - lately_ms))
        and (not severity or one.severity in severity)
        and (not device or one.device in device)
        and (not rule or one.rule in rule)
    ]
    _show_list(in_order(wanted), at, as_json=as_json)


def _ended_ms(alert: Alert) -> int:
    return 0 if alert.resolved_at is None else int(alert.resolved_at.timestamp() * 1000)


def _show_list(wanted: list[Alert], at: Picture, *, as_json: bool) -> None:
    now = SystemClock().now()
    windows = planned(at.policy, now)
    if as_json:
        found = [document(one, at.board, windows, now=now) for one in wanted]
        click.echo(json.dumps({"as_of": at.as_of(), "alerts": found}, ensure_ascii=False))
        return
    if wanted:
        short = short_ids(at.board.alerts)
        rows = [row(one, at.board, windows, short=short, now=now) for one in wanted]
        show_table(HEADER, rows, styles=[STYLES[one.severity] if one.firing else "dim" for one in wanted])
    count = sum(one.firing for one in wanted)
    click.echo(f"{'nothing fires' if not count else '1 fires' if count == 1 else f'{count} fire'}; {at.words()}")


@alerts.command(name="show")
@click.argument("alert_id", metavar="ID")
@since_option
@as_json
def show_command(*, alert_id: str, since: str, as_json: bool) -> None:
    """Show all that is known of one alert. ID may be its beginning, at least 8 characters."""
    with reading("reading the log"):
        found = asyncio.run(story(load(KafkaSettings), alert_id, since=since))
    now = SystemClock().now()
    windows = planned(found.picture.policy, now)
    entries = entries_of(found.history, found.alert)
    if as_json:
        shown = document(found.alert, found.picture.board, windows, now=now)
        said = {**shown, "as_of": found.picture.as_of(), "history": [one.document() for one in entries]}
        click.echo(json.dumps(said, ensure_ascii=False))
        return
    for line in lines(found.alert, found.picture.board, windows, now=now):
        click.echo(harmless(line))
    for one in entries:
        if one.what not in {"raised", "resolved"}:
            click.echo(harmless(f"{stamp(one.at)}  {one.text}"))


@alerts.command(name="explain")
@click.argument("alert_id", metavar="ID")
@since_option
@as_json
def explain_command(*, alert_id: str, since: str, as_json: bool) -> None:
    """Say why somebody was told of an alert, or was not: every decision in order of time, and what came of it.

    ID may be the beginning of it, at least 8 characters.
    """
    with reading("reading the log"):
        found = asyncio.run(story(load(KafkaSettings), alert_id, since=since))
    at = found.picture
    entries = entries_of(found.history, found.alert)
    answer = verdict(found.history, found.alert, Progress(at.applied, at.end, longest_wait(at.policy)))
    if as_json:
        said = {
            "alert": document(found.alert, at.board, planned(at.policy, SystemClock().now()), now=SystemClock().now()),
            "as_of": at.as_of(),
            "answer": answer,
            "entries": [one.document() for one in entries],
        }
        click.echo(json.dumps(said, ensure_ascii=False))
        return
    click.echo(harmless(f"{found.alert.id}  {found.alert.severity}  {named(found.alert.device, found.alert.summary)}"))
    for line in answer:
        click.echo(harmless(f"-> {line}"))
    for one in entries:
        for line in _entry_lines(one):
            click.echo(harmless(line))


def _entry_lines(entry: Entry) -> list[str]:
    place = f"  [{entry.place}]" if entry.place else ""
    return [f"{stamp(entry.at)}  {entry.text}{place}", *(f"{'':25}{line}" for line in entry.more)]
