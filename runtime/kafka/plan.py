"""How a cluster differs from the list of topics: a pure function of the two."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from runtime.kafka.catalog import Topic
from runtime.settings.kafka import KafkaSettings


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic as the cluster has it; `config` holds every value in force, `own` the names set on the topic itself."""

    name: str
    partitions: int
    replication: int
    config: Mapping[str, str] = field(default_factory=dict)
    own: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class CreateTopic:
    """The topic is missing."""

    topic: str
    partitions: int
    replication: int
    config: Mapping[str, str]

    blocked = False

    def __str__(self) -> str:
        return f"create {self.topic}: {_count(self.partitions, 'partition')}, replication {self.replication}"


@dataclass(frozen=True, slots=True)
class SetConfig:
    """One configuration of a topic has another value than listed."""

    topic: str
    name: str
    actual: str | None
    wanted: str

    blocked = False

    def __str__(self) -> str:
        if self.actual == self.wanted:
            return (
                f"set {self.topic}: {self.name} to {self.wanted} on the topic itself, so far only the broker's default"
            )
        return f"set {self.topic}: {self.name} from {self.actual or '(nothing)'} to {self.wanted}"


@dataclass(frozen=True, slots=True)
class PartitionsDiffer:
    """The topic has another number of partitions than listed: not changed."""

    topic: str
    actual: int
    wanted: int

    blocked = True

    def __str__(self) -> str:
        fewer = "fewer" if self.actual < self.wanted else "more"
        return (
            f"refused {self.topic}: {_count(self.actual, 'partition')}, {fewer} than the {self.wanted} listed. "
            "One device is one partition for life: with another number the same key lands elsewhere, and the order of "
            "a device and the states derived from it no longer hold. List the number it has (topics.yaml), or begin "
            "anew with empty topics"
        )


@dataclass(frozen=True, slots=True)
class ReplicationDiffers:
    """The topic has another number of copies than the settings say: moving copies is the cluster's business."""

    topic: str
    actual: int
    wanted: int

    blocked = True

    def __str__(self) -> str:
        return (
            f"refused {self.topic}: replication {self.actual}, the settings say {self.wanted}. "
            "Copies are moved with kafka-reassign-partitions, not by this command"
        )


Change = CreateTopic | SetConfig | PartitionsDiffer | ReplicationDiffers
"""One difference; `blocked` ones are told and never carried out."""


def plan(topics: Iterable[Topic], cluster: Mapping[str, TopicState], *, settings: KafkaSettings) -> list[Change]:
    """Return what differs, in the order of the list; nothing when the cluster is as listed.

    Configurations that the list does not name are left as they are, and so are topics it does not name.
    """
    changes: list[Change] = []
    for topic in topics:
        state = cluster.get(topic.name)
        if state is None:
            changes.append(
                CreateTopic(topic.name, topic.partitions, settings.replication_factor, topic.config(settings))
            )
        else:
            changes += _differences(topic, state, settings=settings)
    return changes


def missing(topics: Sequence[Topic], cluster: Mapping[str, TopicState]) -> list[Change]:
    """Return what keeps a process that needs these topics from working: absent ones, other numbers of partitions."""
    found: list[Change] = []
    for topic in topics:
        state = cluster.get(topic.name)
        if state is None:
            found.append(CreateTopic(topic.name, topic.partitions, 1, {}))
        elif state.partitions != topic.partitions:
            found.append(PartitionsDiffer(topic.name, state.partitions, topic.partitions))
    return found


def _differences(topic: Topic, state: TopicState, *, settings: KafkaSettings) -> list[Change]:
    found: list[Change] = []
    if state.partitions != topic.partitions:
        found.append(PartitionsDiffer(topic.name, state.partitions, topic.partitions))
    if state.replication != settings.replication_factor:
        found.append(ReplicationDiffers(topic.name, state.replication, settings.replication_factor))
    for name, wanted in topic.config(settings).items():
        actual = state.config.get(name)
        # A value in force that only the broker's default gives is set as well: the default may change.
        if actual != wanted or name not in state.own:
            found.append(SetConfig(topic.name, name, actual, wanted))
    return found


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
