"""How the Faust app is set up: what is known to lose or hang is not used (see integration/test_faust_hazards)."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from deploy.local import broker
from runtime.errors import KafkaUnavailable
from runtime.kafka.catalog import load_catalog
from runtime.settings import KafkaSettings
from schemas.record import RawRecord
from streams.derivations import all_derivations
from streams.settings import StreamsSettings
from streams.worker.faust_app import StreamsApp, add_agent, build_app
from streams.worker.owned import Ownership, Recovered


async def worked(_: Sequence[RawRecord]) -> None:
    """A batch that goes well."""


def unexpected(error: BaseException) -> None:
    raise error


@pytest.fixture
def app() -> StreamsApp:
    settings, kafka = StreamsSettings(), KafkaSettings()
    ownership = Ownership(all_derivations())
    app = build_app(settings, kafka, catalog=load_catalog(kafka), ownership=ownership, failed=unexpected)
    for derivation in ownership.derivations.values():
        add_agent(app, derivation, settings, work=worked, failed=unexpected)
    return app


def test_what_is_known_to_lose_or_hang_is_off(app: StreamsApp) -> None:
    assert str(app.conf.processing_guarantee.value) == "at_least_once"
    assert not app.conf.producer_threaded
    assert not app.conf.topic_allow_declare
    assert app.conf.stream_wait_empty
    assert app.conf.store.scheme == "memory"
    assert {type(table).__name__ for table in app.tables.values()} == {"StateTable"}


def test_one_agent_a_topic_and_one_at_a_time(app: StreamsApp) -> None:
    assert {agent.concurrency for agent in app.agents.values()} == {1}
    topics = [derivation.reads for derivation in all_derivations()]
    assert len(set(topics)) == len(topics) == len(app.agents)


def test_a_killed_worker_is_missed_after_ten_seconds_and_the_local_broker_does_not_wait_for_more(
    app: StreamsApp,
) -> None:
    assert (app.conf.broker_session_timeout, app.conf.broker_heartbeat_interval) == (10, 3)
    assert broker._SETTINGS["group.initial.rebalance.delay.ms"] == "0"


def test_the_changelogs_are_compacted_only_and_have_the_partitions_of_their_source(app: StreamsApp) -> None:
    settings = KafkaSettings()
    catalog = load_catalog(settings)
    for derivation in all_derivations():
        changelog = catalog.topic(catalog.changelog(derivation.table))
        assert changelog.config(settings)["cleanup.policy"] == "compact"
        assert changelog.partitions == catalog.topic(derivation.reads).partitions
        table = app.tables[derivation.table]
        assert (table.partitions, table.changelog_topic.topics[0]) == (changelog.partitions, changelog.name)


async def test_positions_are_those_of_our_states_whatever_kafka_has_committed(app: StreamsApp) -> None:
    """Faust's own marker of what is committed advances also when Kafka refused."""
    sought: dict[Any, int] = {}

    async def nothing(_: Any) -> None:
        pass

    consumer = app._new_transport().create_consumer(
        nothing, on_partitions_revoked=nothing, on_partitions_assigned=nothing
    )
    places = app.ownership
    places.take([("infra.collections", 3)], {one.table: Recovered() for one in all_derivations()}, generation=1)

    async def seek_wait(positions: dict[Any, int]) -> None:
        sought.update(positions)

    consumer.assignment = lambda: {("infra.collections", 3), ("infra.metrics", 1)}
    consumer.seek_wait = seek_wait
    await consumer.seek_to_committed()
    assert sought == {("infra.collections", 3): 0}


class Stream:
    """A stream of one batch, as far as an agent sees it."""

    def __init__(self, events: list[Any]) -> None:
        self.events = events

    async def noack_take(self, most: int, *, within: float) -> AsyncIterator[list[Any]]:
        yield self.events


class Event:
    """An event that remembers whether it was acknowledged."""

    def __init__(self, offset: int) -> None:
        self.acknowledged = False
        self.message = SimpleNamespace(
            topic="infra.collections", partition=3, offset=offset, timestamp=1.5, key=b"k", value=b"v", headers=None
        )

    def ack(self) -> None:
        self.acknowledged = True


async def test_a_batch_is_acknowledged_after_the_work_and_never_after_a_failure() -> None:
    settings, kafka = StreamsSettings(), KafkaSettings()
    derivation = all_derivations()[0]
    failures: list[BaseException] = []
    before: list[bool] = []
    events = [Event(0), Event(1)]

    async def work(raws: Sequence[RawRecord]) -> None:
        before.extend(event.acknowledged for event in events)
        assert [(raw.offset, raw.appended_ms) for raw in raws] == [(0, 1500), (1, 1500)]
        if failing:
            raise ValueError("the batch")

    def agent() -> Any:
        ownership = Ownership([derivation])
        app = build_app(settings, kafka, catalog=load_catalog(kafka), ownership=ownership, failed=unexpected)
        add_agent(app, derivation, settings, work=work, failed=failures.append)
        return app.agents[derivation.name].fun

    failing = False
    await agent()(Stream(events))
    assert (before, [event.acknowledged for event in events]) == ([False, False], [True, True])
    failing, events[:] = True, [Event(0), Event(1)]
    with pytest.raises(TimeoutError):
        # It waits for the end of the process: were it to return, Faust would acknowledge.
        await asyncio.wait_for(agent()(Stream(events)), 0.2)
    assert [str(failure) for failure in failures] == ["the batch"]
    assert not any(event.acknowledged for event in events)


async def test_a_broker_that_went_away_before_the_start_is_told_as_that_and_is_no_fault_of_the_program() -> None:
    kafka = KafkaSettings(bootstrap_servers=("127.0.0.1:1",))
    ownership = Ownership(all_derivations())
    app = build_app(StreamsSettings(), kafka, catalog=load_catalog(kafka), ownership=ownership, failed=unexpected)
    with pytest.raises(KafkaUnavailable, match=r"127\.0\.0\.1:1 cannot be reached"):
        await asyncio.wait_for(app.start(), 30)
