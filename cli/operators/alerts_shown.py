"""Alerts as rows, as lines and as plain data. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from cli.operators.board import Alert, Board
from cli.operators.explaining import number, stamp
from cli.operators.matching import maintenance_of, silences_of
from cli.operators.recurring import Planned
from cli.operators.shown import ago, rfc3339
from streams.notifications.state import Maintenance, Silence
from streams.notifications.text import RESOLVED_BECAUSE

HEADER = ("ID", "SEVERITY", "DEVICE", "SINCE", "SUMMARY", "STATE", "TOLD")
STYLES = {"critical": "red", "warning": "yellow", "info": ""}


def row(
    alert: Alert, board: Board, planned: Sequence[Planned], *, short: Mapping[UUID, str], now: datetime
) -> list[str]:
    """An alert as one row of the list."""
    return [
        short[alert.id],
        alert.severity,
        alert.device,
        ago(alert.since, now),
        alert.summary,
        ", ".join(states(alert, board, planned, now=now)),
        " ".join(alert.told) or "-",
    ]


def states(alert: Alert, board: Board, planned: Sequence[Planned], *, now: datetime) -> list[str]:
    """What holds of an alert beside that it fires: resolved, or what holds it back from those who would be told."""
    if alert.resolved_at is not None:
        return [f"resolved {ago(alert.resolved_at, now)}"]
    found = [] if alert.acknowledged is None else [f"acknowledged by {alert.acknowledged.operator}"]
    found += [f"silenced by {one.operator}" for one in silences_of(alert, board, now)]
    found += [f"maintenance by {one.operator}" for one in maintenance_of(alert, board, now)]
    found += [f"maintenance {one.name}" for one in planned if one.means(alert)]
    return [*found, *dict.fromkeys(_held_back(alert, board))] or ["firing"]


def _held_back(alert: Alert, board: Board) -> Iterable[str]:
    """What the streams worker found besides, in words; a resolved alert or a silence is seen without it."""
    for one in alert.held:
        cause = next((board.alerts[by] for by in board.alerts if str(by) == one.thing), None)
        match one.reason:
            case "dependency":
                yield "hangs on what is down" if cause is None else f"hangs on {cause.device}"
            case "inhibited":
                yield "inhibited" if cause is None else f"inhibited by {cause.rule}"
            case "quiet_hours" | "rate_limited" | "no_route":
                yield one.reason.replace("_", " ")
            case _:
                pass


def document(alert: Alert, board: Board, planned: Sequence[Planned], *, now: datetime) -> dict[str, object]:
    """An alert as plain data."""
    remark = alert.acknowledged
    return {
        "id": str(alert.id),
        "state": "firing" if alert.firing else "resolved",
        "device": alert.device,
        "rule": alert.rule,
        "rule_revision": alert.rule_revision,
        "severity": alert.severity,
        "summary": alert.summary,
        "description": alert.description,
        "runbook": alert.runbook,
        "labels": alert.labels,
        "groups": list(alert.groups),
        "parents": list(alert.parents),
        "value": alert.value,
        "unit": alert.unit,
        "threshold": alert.threshold,
        "since": rfc3339(alert.since),
        "raised_at": rfc3339(alert.raised_at),
        "resolved_at": rfc3339(alert.resolved_at),
        "resolved_because": alert.resolved_because,
        "historical": alert.historical,
        "flapping": alert.flapping,
        "acknowledged": None
        if remark is None
        else {"operator": remark.operator, "at": rfc3339(remark.at), "comment": remark.comment},
        "silences": [str(one.id) for one in silences_of(alert, board, now)] if alert.firing else [],
        "maintenance": _maintenance(alert, board, planned, now=now) if alert.firing else [],
        "held_back": [{"reason": one.reason, "by": one.thing or None} for one in alert.held] if alert.firing else [],
        "told": list(alert.told),
        "evidence": [one.model_dump(mode="json") for one in alert.evidence],
    }


def _maintenance(alert: Alert, board: Board, planned: Sequence[Planned], *, now: datetime) -> list[str]:
    named = [str(one.id) for one in maintenance_of(alert, board, now)]
    return named + [one.name for one in planned if one.means(alert)]


def lines(alert: Alert, board: Board, planned: Sequence[Planned], *, now: datetime) -> Iterator[str]:
    """An alert whole."""
    yield f"{alert.severity}: {alert.summary}"
    yield f"id          {alert.id}"
    yield f"device      {alert.device}" + (f" in {', '.join(alert.groups)}" if alert.groups else "")
    if alert.parents:
        yield f"hangs on    {', '.join(alert.parents)}"
    yield f"rule        {alert.rule}" + (f", revision {alert.rule_revision}" if alert.rule_revision else "")
    if alert.labels:
        yield f"labels      {' '.join(f'{name}={value}' for name, value in sorted(alert.labels.items()))}"
    if alert.value is not None:
        against = f", threshold {number(alert.threshold, alert.unit)}" if alert.threshold is not None else ""
        yield f"value       {number(alert.value, alert.unit)}{against}"
    yield f"since       {stamp(alert.since)} ({ago(alert.since, now)})"
    yield f"raised      {stamp(alert.raised_at)}"
    if alert.resolved_at is not None:
        because = RESOLVED_BECAUSE.get(alert.resolved_because or "", alert.resolved_because or "")
        yield f"resolved    {stamp(alert.resolved_at)}: {because}"
    else:
        yield f"state       {', '.join(states(alert, board, planned, now=now))}"
    if alert.acknowledged is not None and alert.acknowledged.comment:
        yield f"comment     {alert.acknowledged.comment}"
    if alert.description:
        yield f"description {' '.join(alert.description.split())}"
    if alert.runbook:
        yield f"runbook     {alert.runbook}"
    for flag in ("historical", "flapping"):
        if getattr(alert, flag):
            yield f"            {flag}"
    for one in alert.evidence:
        yield f"evidence    {one.topic}/{one.partition}@{one.offset}, event {one.id}"


def silence_document(one: Silence, now: datetime) -> dict[str, object]:
    """A silence as plain data."""
    return {
        "id": str(one.id),
        "state": "active" if one.starts_at <= now else "planned",
        "subject": one.subject,
        "operator": one.operator,
        "matchers": one.matchers,
        "starts_at": rfc3339(one.starts_at),
        "ends_at": rfc3339(one.ends_at),
        "comment": one.comment,
    }


def maintenance_document(one: Maintenance, now: datetime) -> dict[str, object]:
    """Maintenance as plain data."""
    return {
        "id": str(one.id),
        "state": "active" if one.starts_at <= now else "planned",
        "subject": one.subject,
        "operator": one.operator,
        "groups": list(one.groups),
        "matchers": one.matchers,
        "starts_at": rfc3339(one.starts_at),
        "ends_at": rfc3339(one.ends_at),
        "comment": one.comment,
    }
