"""`infrastructor topics`: how Kafka's topics differ from topics.yaml, and making them so."""

import asyncio
import json
from collections.abc import Sequence
from datetime import timedelta

import click

from runtime.durations import written
from runtime.kafka.admin import TopicInfo, apply_topics, plan_topics
from runtime.kafka.admin import describe_topics as read_topics_info
from runtime.kafka.catalog import TopicCatalog, load_catalog
from runtime.kafka.plan import Change, CreateTopic, PartitionsDiffer, ReplicationDiffers, SetConfig
from runtime.log import configure_logging
from runtime.settings import KafkaSettings, LogSettings, load, secret_values

DIFFERS = 1
"""Exit code of `plan` when there is something to do, and of `apply` when something was refused."""

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group()
def topics() -> None:
    """Compare Kafka's topics with topics.yaml, and create them."""


@topics.command("plan")
@as_json
def plan_command(*, as_json: bool) -> None:
    """Show what `apply` would do. Exit code 0: nothing differs; 1: something does."""
    settings, catalog = _prepared()
    changes = asyncio.run(plan_topics(settings, catalog))
    if as_json:
        click.echo(json.dumps({"kafka": settings.servers, "changes": [change_as_data(c) for c in changes]}))
    else:
        _print(changes, nothing=f"Kafka at {settings.servers} is as listed: {_counted(catalog)}.")
    raise SystemExit(DIFFERS if changes else 0)


@topics.command("apply")
@as_json
def apply_command(*, as_json: bool) -> None:
    """Create missing topics and set what differs. Never deletes a topic, never changes a number of partitions.

    Exit code 0: all is as listed; 1: something was refused, and is named.
    """
    settings, catalog = _prepared()
    done, refused = asyncio.run(apply_topics(settings, catalog))
    if as_json:
        outcome = {"done": [change_as_data(c) for c in done], "refused": [change_as_data(c) for c in refused]}
        click.echo(json.dumps({"kafka": settings.servers} | outcome))
    else:
        nothing = f"Kafka at {settings.servers} is as listed, nothing to do: {_counted(catalog)}."
        _print([*done, *refused], nothing=nothing)
    raise SystemExit(DIFFERS if refused else 0)


@topics.command("describe", short_help="Show each listed topic as it is.")
@click.argument("names", nargs=-1, metavar="[TOPIC]...")
@as_json
def describe_command(names: tuple[str, ...], *, as_json: bool) -> None:
    """Show each listed topic: partitions, offsets, bytes on disk, and what differs from the list."""
    settings, catalog = _prepared()
    for name in names:
        catalog.topic(name)
    found = [i for i in asyncio.run(read_topics_info(settings, catalog)) if not names or i.topic.name in names]
    if as_json:
        click.echo(json.dumps({"kafka": settings.servers, "topics": [info_as_data(info) for info in found]}))
        return
    for line in described(found, by_partition=bool(names)):
        click.echo(line)


def change_as_data(change: Change) -> dict[str, object]:
    """Return a difference as plain data, its sentence included."""
    data: dict[str, object]
    match change:
        case CreateTopic():
            data = {"action": "create", "partitions": change.partitions, "replication": change.replication}
            data["config"] = dict(change.config)
        case SetConfig():
            data = {"action": "set", "config": change.name, "actual": change.actual, "wanted": change.wanted}
        case PartitionsDiffer():
            data = {"action": "refused", "what": "partitions", "actual": change.actual, "wanted": change.wanted}
        case ReplicationDiffers():
            data = {"action": "refused", "what": "replication", "actual": change.actual, "wanted": change.wanted}
    return {"topic": change.topic, "text": str(change)} | data


def info_as_data(info: TopicInfo) -> dict[str, object]:
    """Return a topic as plain data; sizes in bytes, null when the cluster does not tell."""
    return {
        "name": info.topic.name,
        "purpose": info.topic.purpose,
        "exists": info.state is not None,
        "replication": info.state.replication if info.state else None,
        "config": dict(info.state.config) if info.state else {},
        "partitions": [
            {"partition": p.partition, "begin": p.begin, "end": p.end, "bytes": p.size} for p in info.partitions
        ],
        "changes": [change_as_data(change) for change in info.changes],
    }


def described(found: Sequence[TopicInfo], *, by_partition: bool) -> list[str]:
    """Return the lines that people read: one a topic, then what differs, and each partition when asked for."""
    width = max((len(info.topic.name) for info in found), default=0)
    lines = []
    for info in found:
        if info.state is None:
            lines.append(f"{info.topic.name:<{width}}  missing: run `infrastructor topics apply`")
            continue
        records = sum(p.end - p.begin for p in info.partitions)
        sizes = [p.size for p in info.partitions if p.size is not None]
        stored = _bytes(sum(sizes)) if sizes else "size not told"
        kept = written(info.topic.retention) if info.topic.retention else info.topic.cleanup
        if "retention.ms" in info.state.config and info.topic.cleanup == "delete":
            kept = _kept(info.state.config["retention.ms"])
        many = " " if info.state.partitions == 1 else "s"
        lines.append(
            f"{info.topic.name:<{width}}  {info.state.partitions:>2} partition{many} x{info.state.replication}  "
            f"{kept:>7}  {records:>10} offsets  {stored:>10}  {info.topic.purpose}"
        )
        lines += [f"  differs: {change}" for change in info.changes]
        if by_partition:
            lines += [f"  {p.partition:>3}: {p.begin} to {p.end}, {_size(p.size)}" for p in info.partitions]
    return lines


def _prepared() -> tuple[KafkaSettings, TopicCatalog]:
    settings = load(KafkaSettings)
    configure_logging(load(LogSettings), process="topics", secrets=secret_values(settings))
    return settings, load_catalog(settings)


def _print(changes: Sequence[Change], *, nothing: str) -> None:
    for change in changes:
        click.echo(str(change))
    if not changes:
        click.echo(nothing)


def _counted(catalog: TopicCatalog) -> str:
    return f"{len(catalog.all())} topics"


def _kept(milliseconds: str) -> str:
    return "forever" if milliseconds == "-1" else written(timedelta(milliseconds=int(milliseconds)))


def _size(size: int | None) -> str:
    return "size not told" if size is None else _bytes(size)


def _bytes(size: int) -> str:
    amount = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"
