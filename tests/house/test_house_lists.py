"""Lists that stand in two places say the same; folders that are a contract have their README."""

from typing import Any

import yaml

from schemas.generate import asyncapi
from schemas.registry import DEAD_LETTERS, TYPES_IN
from tests.house.repository import ROOT, files


def topics() -> dict[str, dict[str, Any]]:
    listed = yaml.safe_load((ROOT / "topics.yaml").read_text())["topics"]
    return {topic["name"]: topic for topic in listed}


def test_topics_yaml_lists_the_topics_and_types_of_the_registry() -> None:
    expected = {topic: sorted(types) for topic, types in TYPES_IN.items()} | {DEAD_LETTERS: []}
    assert {name: sorted(topic["types"]) for name, topic in topics().items()} == expected


def test_what_is_keyed_by_device_has_one_number_of_partitions() -> None:
    counts = {name: topic["partitions"] for name, topic in topics().items()}
    keyed = ("infra.metrics", "infra.observations", "infra.collections", "infra.devices", "infra.status")
    assert len({counts[name] for name in keyed}) == 1
    assert counts["infra.alerts"] == counts["infra.notifications"] == counts[DEAD_LETTERS] == 1


def test_the_asyncapi_document_lists_the_same_topics() -> None:
    assert set(asyncapi()["channels"]) == set(topics())


def test_every_collector_has_a_readme() -> None:
    """A collector is a folder of `collectors/` with a look; its README is its contract."""
    looks = [path for path in files() if path.parts[0] == "collectors" and path.name == "look.py" and path.parts[2:]]
    assert [str(path.parent) for path in looks if not (ROOT / path.parent / "README.md").is_file()] == []
