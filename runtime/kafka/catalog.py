"""The list of topics, `topics.yaml`, read and checked; errors name the line."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from runtime.durations import duration
from runtime.errors import InputInvalid, SettingsInvalid
from runtime.settings.kafka import MIB, KafkaSettings


def _duration(value: object) -> object:
    return duration(value) if isinstance(value, str) else value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
TopicName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{1,249}$")]
EventType = Annotated[str, Field(pattern=r"^infrastructor\.[a-z]+\.[a-z_]+\.v[0-9]+$")]
LargestMib = Annotated[int, Field(ge=1, le=100)]
SegmentMib = Annotated[int, Field(ge=1, le=1024)]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Topic(_Entry):
    """One topic as it should be; sizes in MiB."""

    name: TopicName
    purpose: str = Field(min_length=1)
    key: str = Field(min_length=1)
    types: tuple[EventType, ...]
    partitions: int = Field(ge=1, le=1000)
    replication: Literal["settings"]
    retention: Duration | None = None
    cleanup: Literal["delete", "compact"]
    compression: Literal["zstd"]
    largest: LargestMib
    tombstones: Duration | None = None
    segment: SegmentMib | None = None

    @model_validator(mode="after")
    def _fits_cleanup(self) -> Self:
        if self.cleanup == "delete" and self.retention is None:
            raise ValueError("retention is required with cleanup: delete")
        if self.cleanup == "compact" and self.retention is not None:
            raise ValueError("retention has no meaning with cleanup: compact")
        if self.cleanup == "delete" and (self.tombstones or self.segment):
            raise ValueError("tombstones and segment belong to cleanup: compact")
        return self

    def config(self, settings: KafkaSettings) -> dict[str, str]:
        """Return the topic's configuration as Kafka names it; the settings' retention wins over the list's."""
        config = {
            "cleanup.policy": self.cleanup,
            "compression.type": self.compression,
            "max.message.bytes": str(self.largest * MIB),
            "message.timestamp.type": "LogAppendTime",
            "min.insync.replicas": str(settings.min_insync_replicas),
        }
        if self.cleanup == "delete":
            config["retention.ms"] = _ms(settings.retention.get(self.name, self.retention))
        if self.tombstones is not None:
            config["delete.retention.ms"] = _ms(self.tombstones)
        if self.segment is not None:
            # A hot key rewrites a segment many times over: compact when a fifth of the log is stale, not half.
            config |= {"segment.bytes": str(self.segment * MIB), "min.cleanable.dirty.ratio": "0.2"}
        return config


class _Table(_Entry):
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    source: TopicName


class _Changelogs(_Entry):
    app: TopicName
    replication: Literal["settings"]
    compression: Literal["zstd"]
    largest: LargestMib
    segment: SegmentMib
    tombstones: Duration
    tables: tuple[_Table, ...]


class TopicCatalog(_Entry):
    """All topics of this version: those of events, and the changelogs of the derivations' tables."""

    topics: tuple[Topic, ...] = Field(min_length=1)
    changelogs: _Changelogs

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [topic.name for topic in self.topics]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"listed twice: {', '.join(twice)}")
        for table in self.changelogs.tables:
            if table.source not in names:
                raise ValueError(f"changelog {table.name}: its source {table.source} is not in the list")
        return self

    def all(self) -> tuple[Topic, ...]:
        """Return every topic, changelogs included, in the order of the list."""
        return self.topics + tuple(self._changelogs())

    def topic(self, name: str) -> Topic:
        """Return the topic of that name; InputInvalid when the list has none."""
        for topic in self.all():
            if topic.name == name:
                return topic
        raise InputInvalid(f"{name} is not in topics.yaml", operation="look up topic", topic=name)

    def changelog(self, table: str) -> str:
        """Return the name of a table's changelog topic."""
        return f"{self.changelogs.app}-{table}-changelog"

    def _changelogs(self) -> Iterator[Topic]:
        partitions = {topic.name: topic.partitions for topic in self.topics}
        shared = self.changelogs
        for table in shared.tables:
            yield Topic(
                name=self.changelog(table.name),
                purpose=f"The state of the table {table.name}, derived from {table.source}.",
                key="chosen by the derivation",
                types=(),
                partitions=partitions[table.source],
                replication=shared.replication,
                cleanup="compact",
                compression=shared.compression,
                largest=shared.largest,
                tombstones=shared.tombstones,
                segment=shared.segment,
            )


def load_catalog(settings: KafkaSettings) -> TopicCatalog:
    """Return the list that the settings name, else this version's own; InputInvalid names the line."""
    path = settings.topics_file or default_catalog()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputInvalid(f"cannot read {path}: {error}", operation="read topics.yaml", file=str(path)) from error
    catalog = parse_catalog(text, str(path))
    _check_overrides(catalog, settings)
    return catalog


def default_catalog() -> Path:
    """Return topics.yaml of the source tree, or the copy that an installation carries in its `deploy` folder."""
    root = Path(__file__).resolve().parents[2]
    source = root / "topics.yaml"
    return source if source.is_file() else root / "deploy" / "topics.yaml"


def parse_catalog(text: str, name: str = "topics.yaml") -> TopicCatalog:
    """Return the list in a text of YAML; InputInvalid names file, line and field of everything that is wrong."""
    try:
        tree = yaml.compose(text, Loader=yaml.CSafeLoader)
        document = yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        reason = getattr(error, "problem", None) or error
        raise InputInvalid(f"{name}:{line}: not YAML: {reason}", operation="read topics.yaml", file=name) from error
    try:
        return TopicCatalog.model_validate(document)
    except ValidationError as error:
        lines = [
            f"{name}:{_line(tree, detail['loc'])}: {'.'.join(str(part) for part in detail['loc'])}: "
            f"{detail['msg'].removeprefix('Value error, ')}"
            for detail in error.errors()
        ]
        raise InputInvalid("; ".join(lines), operation="read topics.yaml", file=name) from error


def _check_overrides(catalog: TopicCatalog, settings: KafkaSettings) -> None:
    kept = {topic.name for topic in catalog.topics if topic.cleanup == "delete"}
    strangers = sorted(set(settings.retention) - kept)
    if strangers:
        variable = settings.variable("retention")
        raise SettingsInvalid(
            f"{variable}: {', '.join(strangers)} has no retention; those that have: {', '.join(sorted(kept))}",
            operation="read topics.yaml",
            variables=[variable],
        )


def _line(tree: yaml.Node | None, path: Sequence[int | str]) -> int:
    """Return the line, from 1, of the deepest part of the path that the document has."""
    node = tree
    line = 1
    for part in path:
        step = _child(node, part)
        if step is None:
            break
        line, node = step
    return line


def _child(node: yaml.Node | None, part: int | str) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        child: yaml.Node = node.value[part]
        return child.start_mark.line + 1, child
    if isinstance(node, yaml.MappingNode):
        found: Mapping[str, tuple[int, yaml.Node]] = {
            key.value: (key.start_mark.line + 1, value) for key, value in node.value
        }
        return found.get(str(part))
    return None


def _ms(length: timedelta | None) -> str:
    return str(int(length.total_seconds() * 1000)) if length is not None else "-1"
