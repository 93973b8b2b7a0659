"""`infrastructor gaps`: what is missing, of which stream, since when, and what is known of it."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import click

from cli.operators.shown import harmless
from replay.window import moment_ms
from runtime.clock import SystemClock
from runtime.engines import driver, querying
from runtime.errors import InputInvalid
from runtime.settings import PostgresSettings, load
from sinks.timescale.gap_report import (
    MOST,
    Account,
    Conflict,
    Explained,
    Gap,
    Letter,
    Report,
    by_subject,
    explained,
    known,
    listed,
)
from sinks.timescale.tables import sink_statements
from sinks.timescale.tier import Connection

_APPLICATION = "infrastructor-gaps"

_CALLED = {
    "infra.metrics": "metric events",
    "infra.observations": "observations",
    "infra.collections": "collections",
    "infra.status": "status changes",
    "infra.alerts": "alert events",
    "infra.notifications": "notifications",
}


@click.group(name="gaps")
def gaps() -> None:
    """Show what is missing: holes in the sequences of events, when they were told, and whether they closed."""


@gaps.command(name="list")
@click.option("--device", help="Only those of this device.")
@click.option("--since", help="Only those told since a time (2026-11-20T12:00:00Z) or an age (2h).")
@click.option("--all", "closed", is_flag=True, help="Also those that are whole again.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="The newest so many.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_gaps(*, device: str | None, since: str | None, closed: bool, limit: int, as_json: bool) -> None:
    """List the gaps that are open, the newest first, with holes that were noticed and may still close."""
    from_ = None if since is None else _time(since)
    with (
        querying(load(PostgresSettings), _APPLICATION, operation="list gaps") as engine,
        engine.connect() as connection,
    ):
        _require_known(driver(connection), device)
        found = listed(driver(connection), sink_statements(), subject=device, since=from_, closed=closed, most=limit)
    for line in (map(_json, found)) if as_json else list_lines(found):
        click.echo(line)


@gaps.command(name="explain")
@click.argument("device", required=False)
@click.option("--since", default="1d", show_default=True, help="Since a time (2026-11-20T12:00:00Z) or an age (2h).")
@click.option("--topic", help="Only events of this topic.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def explain(*, device: str | None, since: str, topic: str | None, as_json: bool) -> None:
    """Say how many events were lost, of a DEVICE or of all, exactly which, and why as far as it is known.

    Dead letters of the database sink and samples that two events claim are named too. What is younger than the grace
    time of the sink may still come.
    """
    with querying(load(PostgresSettings), _APPLICATION, operation="explain gaps") as engine, engine.connect() as found:
        _require_known(driver(found), device)
        told = explained(driver(found), sink_statements(), subject=device, topic=topic, since=_time(since))
    if as_json:
        click.echo(_json(told))
        return
    for line in explain_lines(told, device):
        click.echo(line)


def _require_known(connection: Connection, device: str | None) -> None:
    """Raise InputInvalid for a device that there is not: of it nothing is lost, and that would sound like good news."""
    if device is not None and not known(connection, sink_statements(), device):
        raise InputInvalid(
            f"nothing was ever stored of a device {device!r}: check its name, device_overview lists them",
            operation="read arguments",
        )


def _time(text: str) -> datetime:
    return datetime.fromtimestamp(moment_ms(text, "--since", now_ms=SystemClock().now_ms()) / 1000, UTC)


def list_lines(found: Iterable[Gap]) -> Iterator[str]:
    """Gaps for people."""
    empty = True
    for gap in found:
        empty = False
        if gap.gap_id is None:
            state = f"noticed {_at(gap.told_at)}, not told yet"
        elif gap.closed_at is not None:
            state = f"told {_at(gap.told_at)}, whole again {_at(gap.closed_at)}"
        else:
            state = f"told {_at(gap.told_at)}, {_events(gap.missing)} missing"
        counted = "offsets" if gap.counted_by == "offset" else "sequences"
        yield f"{gap.subject}  {gap.topic}  {counted} {_span(gap.first, gap.last)}  {gap.reason or 'missing'}  {state}"
        yield f"    {gap.gap_id or 'no id yet'}  scope {gap.scope}" + (f"  {gap.detail}" if gap.detail else "")
    if empty:
        yield "no gaps"


def explain_lines(told: Explained, device: str | None) -> Iterator[str]:
    """The sentences: for one device each topic, for all of them those that lost something, then the sum."""
    whole = lost = 0
    subjects = set()
    for subject, topic, accounts in by_subject(told.accounts):
        missing, expected = sum(one.lost.count for one in accounts), sum(one.expected for one in accounts)
        whole, lost = whole + expected, lost + missing
        subjects.add(subject)
        dead = sum(one.dead.count for one in accounts)
        if device is None and not missing and not dead:
            continue
        what = _CALLED.get(topic, f"events in {topic}")
        aside = f", {dead:,} dead letter{'s' if dead != 1 else ''}" if dead else ""
        yield f"lost {missing:,} of {expected:,} {what} of {subject} since {_at(told.since)}{aside}"
        for one in accounts:
            yield from _account_lines(one)
    if device is None or len(subjects) != 1:
        yield f"lost {lost:,} of {whole:,} events of {_counted(len(subjects), 'subject')} since {_at(told.since)}"
    yield from _letter_lines(told.letters)
    yield from _conflict_lines(told.conflicts)


def _account_lines(one: Account) -> Iterator[str]:
    scope = one.stream[2]
    for start, end in one.lost.spans:
        why = [report for report in one.reports if report.first < end and start <= report.last]
        yield f"    sequence {_span(start, end - 1)} of {scope}: " + (
            "; ".join(map(_why, why)) or "nobody said why (yet)"
        )
    for start, end in one.dead.spans:
        yield f"    sequence {_span(start, end - 1)} of {scope}: dead letters, not lost"


def _why(report: Report) -> str:
    detail = f": {report.detail}" if report.detail else ""
    return f"{report.reason}, told {_at(report.detected_at)} by {report.source} ({report.gap_id}){detail}"


def _letter_lines(letters: tuple[Letter, ...]) -> Iterator[str]:
    if letters:
        yield f"dead letters of the database sink{_most(letters)} (infrastructor dead-letters show PLACE):"
    for one in letters:
        why = f"{one.reason} ({one.field})" if one.field else one.reason
        place = f"{one.topic}/{one.partition}@{one.offset}"
        yield harmless(f"    {place}  {one.subject or ''}  {why}: {one.message}")


def _conflict_lines(conflicts: tuple[Conflict, ...]) -> Iterator[str]:
    if conflicts:
        yield f"samples that another event had claimed{_most(conflicts)}:"
    for one in conflicts:
        labels = ",".join(f'{name}="{value}"' for name, value in sorted(one.labels.items()))
        series = f"{one.name}{{{labels}}}" if labels else one.name
        yield harmless(
            f"    {one.device}  {series}  {one.time.isoformat()}: {one.value:g} of event {one.event_id}, stored is "
            + ("nothing any more" if one.stored_value is None else f"{one.stored_value:g}")
        )


def _most(found: tuple[object, ...]) -> str:
    return f", the first {MOST}" if len(found) == MOST else ""


def _span(first: int, last: int) -> str:
    return f"{first}" if first == last else f"{first} to {last}"


def _events(count: int) -> str:
    return _counted(count, "event")


def _counted(count: int, what: str) -> str:
    return f"1 {what}" if count == 1 else f"{count:,} {what}s"


def _at(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"


def _json(found: Gap | Explained) -> str:
    return json.dumps(asdict(found), default=_plain, ensure_ascii=False)


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
