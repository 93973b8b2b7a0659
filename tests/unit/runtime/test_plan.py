"""The list of topics, and how a cluster differs from it: tables of states and changes."""

from datetime import timedelta
from typing import Any

import pytest
import yaml

from runtime.errors import InputInvalid, SettingsInvalid
from runtime.kafka.catalog import Topic, TopicCatalog, default_catalog, load_catalog, parse_catalog
from runtime.kafka.plan import (
    Change,
    CreateTopic,
    PartitionsDiffer,
    ReplicationDiffers,
    SetConfig,
    TopicState,
    missing,
    plan,
)
from runtime.settings import KafkaSettings
from schemas.registry import TYPES_IN

SETTINGS = KafkaSettings()
TOPIC = load_catalog(SETTINGS).topic("infra.metrics")
LISTED = TOPIC.config(SETTINGS)


def as_listed(**changed: Any) -> TopicState:
    given: dict[str, Any] = {"partitions": 12, "replication": 1, "config": LISTED, "own": frozenset(LISTED)} | changed
    return TopicState("infra.metrics", **given)


@pytest.mark.parametrize(
    ("state", "changes"),
    [
        (None, [CreateTopic("infra.metrics", 12, 1, LISTED)]),
        (as_listed(), []),
        (as_listed(config=LISTED | {"flush.messages": "7"}), []),
        (as_listed(partitions=6), [PartitionsDiffer("infra.metrics", 6, 12)]),
        (as_listed(partitions=24), [PartitionsDiffer("infra.metrics", 24, 12)]),
        (as_listed(replication=3), [ReplicationDiffers("infra.metrics", 3, 1)]),
        (
            as_listed(config=LISTED | {"retention.ms": "1"}),
            [SetConfig("infra.metrics", "retention.ms", "1", "604800000")],
        ),
        (
            as_listed(own=frozenset(LISTED) - {"message.timestamp.type"}),
            [SetConfig("infra.metrics", "message.timestamp.type", "LogAppendTime", "LogAppendTime")],
        ),
    ],
)
def test_what_differs(state: TopicState | None, changes: list[Change]) -> None:
    cluster = {"infra.metrics": state} if state else {}
    assert plan([TOPIC], cluster, settings=SETTINGS) == changes


def test_topics_that_the_list_does_not_name_are_left_alone() -> None:
    other = TopicState("orders", 3, 1)
    assert plan([TOPIC], {"orders": other, "infra.metrics": as_listed()}, settings=SETTINGS) == []


def test_what_is_refused_says_why() -> None:
    assert "One device is one partition for life" in str(PartitionsDiffer("infra.metrics", 6, 12))
    assert "6 partitions, fewer than the 12 listed" in str(PartitionsDiffer("infra.metrics", 6, 12))
    assert "24 partitions, more than the 12 listed" in str(PartitionsDiffer("infra.metrics", 24, 12))


def test_only_absence_and_partitions_keep_a_process_from_starting() -> None:
    assert missing([TOPIC], {"infra.metrics": as_listed(replication=3, config={})}) == []
    assert missing([TOPIC], {"infra.metrics": as_listed(partitions=6)}) == [PartitionsDiffer("infra.metrics", 6, 12)]
    assert [type(change) for change in missing([TOPIC], {})] == [CreateTopic]


def test_replication_and_retention_come_from_the_settings() -> None:
    settings = KafkaSettings(
        replication_factor=3, min_insync_replicas=2, retention={"infra.metrics": timedelta(days=3)}
    )
    (change,) = plan([TOPIC], {}, settings=settings)
    assert isinstance(change, CreateTopic)
    assert change.replication == 3
    assert change.config["min.insync.replicas"] == "2"
    assert change.config["retention.ms"] == str(3 * 86_400_000)


def test_a_retention_for_a_topic_that_has_none_is_refused() -> None:
    with pytest.raises(SettingsInvalid, match=r"INFRASTRUCTOR_KAFKA__RETENTION: infra\.devices has no retention"):
        load_catalog(KafkaSettings(retention={"infra.devices": timedelta(days=3)}))


def test_the_list_is_as_the_design_says() -> None:
    catalog = load_catalog(SETTINGS)
    assert {topic.name: topic.partitions for topic in catalog.topics} == {
        "infra.metrics": 12,
        "infra.observations": 12,
        "infra.collections": 12,
        "infra.devices": 12,
        "infra.status": 12,
        "infra.alerts": 1,
        "infra.notifications": 1,
        "infra.dead-letters": 1,
    }
    assert {topic.config(SETTINGS)["message.timestamp.type"] for topic in catalog.all()} == {"LogAppendTime"}
    assert {topic.compression for topic in catalog.all()} == {"zstd"}
    assert {topic.largest for topic in catalog.topics} == {8, 10}


def test_a_value_that_the_broker_alone_gives_is_told_as_such() -> None:
    change = SetConfig("infra.metrics", "cleanup.policy", "delete", "delete")
    assert str(change).endswith("cleanup.policy to delete on the topic itself, so far only the broker's default")


def test_the_list_and_the_schemas_name_the_same_event_types() -> None:
    listed = {topic.name: set(topic.types) for topic in load_catalog(SETTINGS).topics if topic.types}
    assert listed == {topic: set(types) for topic, types in TYPES_IN.items()}


def test_changelogs_are_compacted_only_with_the_partitions_of_their_source() -> None:
    catalog = load_catalog(SETTINGS)
    changelogs = [topic for topic in catalog.all() if topic not in catalog.topics]
    assert {topic.name: topic.partitions for topic in changelogs} == {
        "infrastructor-streams-device_status-changelog": 12,
        "infrastructor-streams-entity_status-changelog": 12,
        "infrastructor-streams-alerts_metrics-changelog": 12,
        "infrastructor-streams-alerts_status-changelog": 12,
        "infrastructor-streams-notifications-changelog": 1,
    }
    assert {topic.config(SETTINGS)["cleanup.policy"] for topic in changelogs} == {"compact"}


def edited(**changes: object) -> str:
    document = yaml.safe_load(default_catalog().read_text())
    document["topics"][0] |= changes
    return yaml.safe_dump(document, sort_keys=False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("topics: [\n", r"topics\.yaml:2: not YAML"),
        ("[]", r"topics\.yaml:1: : Input should be a valid dictionary"),
        (
            edited(types=["infrastructor.metric.collected.v1"], partitions=0),
            r"topics\.yaml:8: topics\.0\.partitions: .*greater than or equal to 1",
        ),
        (edited(colour="red"), r"topics\.0\.colour: Extra inputs"),
        (edited(cleanup="compact"), "retention has no meaning"),
        (edited(retention=None), "retention is required"),
        (edited(retention="soon"), "'soon' is not a length of time"),
        (edited(name="infra.status"), r"listed twice: infra\.status"),
        (edited(name="infra.other"), r"its source infra\.metrics is not in the list"),
        (edited(types=["metric.collected"]), r"topics\.0\.types\.0"),
    ],
)
def test_a_list_that_is_wrong_names_line_and_field(text: str, said: str) -> None:
    with pytest.raises(InputInvalid, match=said):
        parse_catalog(text)


def test_what_the_list_does_not_have_is_told() -> None:
    with pytest.raises(InputInvalid, match=r"infra\.nothing is not in topics\.yaml"):
        load_catalog(SETTINGS).topic("infra.nothing")


def test_a_catalog_survives_being_written_out() -> None:
    catalog = load_catalog(SETTINGS)
    assert TopicCatalog.model_validate(catalog.model_dump()) == catalog
    assert all(isinstance(topic, Topic) for topic in catalog.all())
