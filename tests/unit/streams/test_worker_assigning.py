"""A leader of the group that knows of no partitions shares them out all the same."""

from typing import Any

import pytest

from runtime.kafka.catalog import load_catalog
from runtime.settings import KafkaSettings
from streams.derivations import all_derivations
from streams.settings import StreamsSettings
from streams.worker.faust_app import StreamsApp, build_app
from streams.worker.owned import Ownership


class Cluster:
    """What a client knows of a cluster: these topics, each with this number of partitions."""

    def __init__(self, **topics: int) -> None:
        self._topics = topics

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return set(range(self._topics[topic])) if topic in self._topics else None


def app() -> StreamsApp:
    kafka = KafkaSettings()

    def unexpected(error: BaseException) -> None:
        raise error

    ownership = Ownership(all_derivations())
    return build_app(StreamsSettings(), kafka, catalog=load_catalog(kafka), ownership=ownership, failed=unexpected)


@pytest.mark.parametrize("cluster", [Cluster(), Cluster(**{"infra.metrics": 12})], ids=["nothing", "a part"])
def test_all_that_is_read_is_assigned_whatever_the_broker_names_just_now(cluster: Any) -> None:
    one = app()
    assignor: Any = one.assignor
    read = {derivation.reads for derivation in all_derivations()}
    members = {name: assignor.metadata(read) for name in ("a", "b", "c")}
    given = [
        (topic, partition)
        for member in assignor.assign(cluster, members).values()
        for topic, partitions in member.assignment
        for partition in partitions
    ]
    assert sorted(given) == sorted((topic, number) for topic in read for number in range(one.partitions[topic]))


def test_a_topic_that_is_not_listed_is_what_the_broker_says() -> None:
    assignor: Any = app().assignor
    assigned = assignor.assign(Cluster(another=2), {"a": assignor.metadata({"another"})})
    assert dict(assigned["a"].assignment) == {"another": [0, 1]}
