"""`infrastructor baseline`: accept how a thing is, so that only what differs from it counts."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing

import click

from cli.operators import said
from cli.operators.accepting import KINDS, Kind, Others, Thing, found_in, kind_of, overridden, wanted_series
from cli.operators.context import as_json, speaking
from cli.operators.observed import STEPS_MS, Accepted, accepted, newest
from cli.operators.publishing import publish
from cli.operators.shown import reading, show_table
from cli.operators.speaker import speaker
from replay.window import moment_ms
from runtime.clock import SystemClock
from runtime.errors import InputInvalid
from runtime.settings import KafkaSettings, load
from schemas.baseline import METRIC_VALUE, BaselineAccepted
from schemas.record import AnyRead
from schemas.registry import METRICS, OBSERVATIONS

_METRIC_STEPS_MS = STEPS_MS[:1]
"""Metrics come often and are many: further back only when asked (--since)."""

_MOST_NAMED = 8


@click.group()
def baseline() -> None:
    """Accept how a thing is, so that only what differs from it counts."""


@baseline.command(name="accept")
@click.argument("device")
@click.argument("entity")
@click.option("--kind", type=click.Choice(KINDS), help="What ENTITY is, where its name does not tell.")
@click.option("--value", "values", metavar="NAME=X", multiple=True, help="Accept this value, not the one observed.")
@click.option("--since", help="How far back observations are looked for: an age (12h) or a time.")
@click.option("--dry-run", is_flag=True, help="Show what would be accepted, and say nothing.")
@speaking
@as_json
def accept_command(
    *,
    device: str,
    entity: str,
    kind: Kind | None,
    values: tuple[str, ...],
    since: str | None,
    dry_run: bool,
    operator: str | None,
    comment: str | None,
    as_json: bool,
) -> None:
    """Accept what was observed last of ENTITY on DEVICE, in place of what was accepted of it before.

    ENTITY is a drive (its serial number, or a path such as /dev/sda): its counts of errors, wear and spare; a link such
    as eth0: its speed; or a metric such as 'system.filesystem.utilization{mountpoint="/"}', for rules that deviate.
    """
    by, kafka = speaker(operator), load(KafkaSettings)
    thing = asyncio.run(_thing(kafka, device, entity, kind=kind_of(entity, kind), values=values, since=since))
    event = said.baseline_accepted(
        by,
        device,
        kind=thing.kind,
        entity=thing.entity,
        values=overridden(thing.values, values),
        observation=thing.observation,
        comment=comment,
    )
    if not dry_run:
        asyncio.run(publish(kafka, METRICS if thing.kind == "metric" else OBSERVATIONS, [event]))
    for line in _said(event, dry_run=dry_run, as_json=as_json):
        click.echo(line)


def _said(event: BaselineAccepted, *, dry_run: bool, as_json: bool) -> list[str]:
    data = event.data
    if as_json:
        found = {"device": event.subject, "kind": data.kind, "entity": data.entity, "values": data.values}
        return [json.dumps({"id": None if dry_run else str(event.id), **found}, ensure_ascii=False)]
    verb = "would be accepted" if dry_run else f"{event.id} accepted"
    return [f"{verb}: {data.kind} {data.entity} of {event.subject}: {_in_words(data.values)}"]


def _in_words(values: object) -> str:
    pairs = values.items() if isinstance(values, dict) else ()
    return ", ".join(f"{name}={value}" for name, value in sorted(pairs))


async def _thing(
    kafka: KafkaSettings, device: str, entity: str, *, kind: Kind | None, values: tuple[str, ...], since: str | None
) -> Thing:
    """The thing as it was observed last. Raises InputInvalid, which names what there is instead."""
    if kind == "metric" and "{" not in entity and f"{METRIC_VALUE}=" in "".join(values):
        # All series of the metric: no observation has one value of them.
        return Thing("metric", entity, {}, None)
    if kind == "metric":
        wanted_series(entity)
    now_ms = SystemClock().now_ms()
    topic, steps = (METRICS, _METRIC_STEPS_MS) if kind == "metric" else (OBSERVATIONS, STEPS_MS)
    if since is not None:
        steps = (max(0, now_ms - moment_ms(since, "--since", now_ms=now_ms)),)

    def find(event: AnyRead) -> Thing | Others | None:
        return found_in(event, entity, kind)

    others: dict[str, None] = {}
    with reading(f"looking for {entity}"):
        seen: AsyncGenerator[Thing | Others, None] = newest(kafka, topic, device, find, now_ms=now_ms, steps_ms=steps)
        async with aclosing(seen):
            async for one in seen:
                if isinstance(one, Thing):
                    return one
                others |= dict.fromkeys(one.names)
    raise InputInvalid(_not_found(device, entity, tuple(others), kind=kind), operation="accept baseline")


def _not_found(device: str, entity: str, others: tuple[str, ...], *, kind: Kind | None) -> str:
    what = {"metric": "series", "drive": "drive", "network": "link", None: "drive or link"}[kind]
    if not others:
        return f"no {what} {entity} of {device} was observed lately; --since looks further back"
    more = f" and {len(others) - _MOST_NAMED} more" if len(others) > _MOST_NAMED else ""
    named = ", ".join(others[:_MOST_NAMED]) + more
    return f"{entity} does not name one {what} of {device}; there {'is' if len(others) == 1 else 'are'} {named}"


@baseline.command(name="list")
@click.argument("device", required=False)
@as_json
def list_command(*, device: str | None, as_json: bool) -> None:
    """List what is accepted, of DEVICE or of all, as the streams workers hold it."""
    with reading("reading what is accepted"):
        found = asyncio.run(accepted(load(KafkaSettings), device))
    if as_json:
        click.echo(json.dumps({"baselines": [_document(one) for one in found]}, ensure_ascii=False))
        return
    if found:
        rows = [(one.device, one.kind, one.entity, _in_words(one.values)) for one in found]
        show_table(("DEVICE", "KIND", "THING", "ACCEPTED"), rows)
    click.echo(f"{len(found) or 'nothing'} accepted")


def _document(one: Accepted) -> dict[str, object]:
    return {"device": one.device, "kind": one.kind, "entity": one.entity, "values": dict(one.values)}
