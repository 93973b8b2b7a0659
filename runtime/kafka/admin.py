"""Administration of topics: what the cluster has, what differs from the list, and making it so."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka import errors as kafka_errors
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from runtime.errors import InfrastructorError, KafkaRefused, KafkaUnavailable, TopicsMissing
from runtime.kafka.catalog import Topic, TopicCatalog
from runtime.kafka.connect import ATTEMPT_S, Waiting, patiently, started
from runtime.kafka.consumer import build_consumer, partitions_of
from runtime.kafka.failures import CLIENT_ERRORS, why_unreachable
from runtime.kafka.options import client_options
from runtime.kafka.plan import Change, CreateTopic, SetConfig, TopicState, missing, plan
from runtime.kafka.protocol import DescribeLogDirsRequest, IncrementalAlterConfigsRequest
from runtime.settings.kafka import KafkaSettings

SEEN_WITHIN_S = 15.0
"""Brokers learn of a change within a fraction of a second; after so long something is wrong with the cluster."""

SET_ON_TOPIC = 1
"""The source of a configuration that was set on the topic itself (DescribeConfigs, ConfigSource)."""


@dataclass(frozen=True, slots=True)
class GroupState:
    """The members of a consumer group, as client and address, and its committed offsets by topic and partition."""

    members: tuple[str, ...]
    committed: Mapping[tuple[str, int], int]


GROUPS = "__consumer_offsets"
"""Where Kafka keeps what groups have committed."""


class Admin:
    """A connection that sees and changes topics. Made by `admin`; every method waits for the cluster's answer."""

    def __init__(self, client: AIOKafkaAdminClient, settings: KafkaSettings) -> None:
        self._client = client
        self._settings = settings

    async def brokers(self) -> list[int]:
        """Return the ids of the brokers that are there."""
        cluster = await self._client.describe_cluster()
        return [int(broker["node_id"]) for broker in cluster["brokers"]]

    async def topics(self, names: Iterable[str] | None = None) -> dict[str, TopicState]:
        """Return those of the named topics (None: all) that exist; partitions and copies, no configuration."""
        # All are asked for: a request by name would create them where the broker creates on request.
        wanted = None if names is None else set(names)
        return {
            topic["topic"]: TopicState(
                name=topic["topic"],
                partitions=len(topic["partitions"]),
                replication=min((len(partition["replicas"]) for partition in topic["partitions"]), default=0),
            )
            for topic in await self._client.describe_topics()
            if wanted is None or topic["topic"] in wanted
        }

    async def state(self, names: Iterable[str]) -> dict[str, TopicState]:
        """Return those of the named topics that exist, with their configuration."""
        topics = await self.topics(names)
        if not topics:
            return {}
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in topics]
        (response,) = await self._client.describe_configs(resources)
        for resource in response.to_object()["resources"]:
            self._check(resource["error_code"], f"describe {resource['resource_name']}", resource["error_message"])
            entries = resource["config_entries"]
            name = resource["resource_name"]
            topics[name] = TopicState(
                name=name,
                partitions=topics[name].partitions,
                replication=topics[name].replication,
                config={entry["config_names"]: entry["config_value"] for entry in entries},
                own=frozenset(e["config_names"] for e in entries if e["config_source"] == SET_ON_TOPIC),
            )
        return topics

    async def group(self, name: str) -> "GroupState":
        """Return who is in a consumer group, and what it has committed; a group that there is not is empty."""
        if not await self.topics([GROUPS]):
            # The first group of a cluster makes it create that topic; asked before, it has no coordinator.
            return GroupState((), {})
        (response,) = await self._client.describe_consumer_groups([name])
        (found,) = response.to_object()["groups"]
        if found["error_code"]:
            raise kafka_errors.for_code(found["error_code"])(f"the group {name}")
        committed = await self._client.list_consumer_group_offsets(name)
        return GroupState(
            members=tuple(f"{one['client_id']}{one['client_host']}" for one in found["members"]),
            committed={(tp.topic, tp.partition): at.offset for tp, at in committed.items() if at.offset >= 0},
        )

    async def create(self, changes: Sequence[CreateTopic]) -> None:
        """Create the topics; one that somebody else created meanwhile is no error."""
        if not changes:
            return
        new = [NewTopic(c.topic, c.partitions, c.replication, topic_configs=dict(c.config)) for c in changes]
        response: Any = await self._client.create_topics(new)
        for name, code, message in response.topic_errors:
            if code != kafka_errors.TopicAlreadyExistsError.errno:
                self._check(code, f"create {name}", message)

    async def set_configs(self, changes: Sequence[SetConfig]) -> None:
        """Set the configurations, leaving those that are not named as they are."""
        configs: dict[str, dict[str, str]] = {}
        for change in changes:
            configs.setdefault(change.topic, {})[change.name] = change.wanted
        if not configs:
            return
        response = await self._send(IncrementalAlterConfigsRequest(configs))
        for code, message, _, name in response.responses:
            self._check(code, f"set configurations of {name}", message)

    async def sizes(self, partitions: Mapping[str, int]) -> dict[tuple[str, int], int]:
        """Return bytes on disk by topic and partition, the largest copy of each; `partitions` has their numbers."""
        request = DescribeLogDirsRequest({topic: list(range(count)) for topic, count in partitions.items()})
        sizes: dict[tuple[str, int], int] = {}
        for broker in await self.brokers():
            response = await self._send(request, broker)
            for _, _, topics in response.results:
                for topic, found in topics:
                    for index, size, _, _ in found:
                        sizes[topic, index] = max(size, sizes.get((topic, index), 0))
        return sizes

    async def _send(self, request: Any, node: int | None = None) -> Any:
        # aiokafka's admin has no public way to send a request that it does not know.
        if node is not None:
            return await self._client._send_request_to_node(node, request)  # noqa: SLF001
        return await self._client._send_request(request)  # noqa: SLF001

    def _check(self, code: int, operation: str, message: str | None) -> None:
        if code == 0:
            return
        error = kafka_errors.for_code(code)
        text = message or error.description or error.__name__
        hint = ""
        if error is kafka_errors.InvalidReplicationFactorError:
            hint = f"; set {self._settings.variable('replication_factor')} to at most the number of brokers"
        kind: type[InfrastructorError] = KafkaUnavailable if getattr(error, "retriable", False) else KafkaRefused
        raise kind(
            f"Kafka at {self._settings.servers} refused to {operation}: {text}{hint}",
            operation=operation,
            code=error.__name__,
        )


@asynccontextmanager
async def admin(
    settings: KafkaSettings, *, patience_s: float | None = None, waiting: Waiting | None = None
) -> AsyncIterator[Admin]:
    """Open a connection for administration; with `waiting`, wait for the broker for ever and tell it why.

    Raises KafkaUnavailable, KafkaRefused; errors of aiokafka in the body are translated.
    """
    patience = settings.patience_s if patience_s is None else patience_s
    client = await started(
        lambda: _AdminClient(settings),
        settings,
        operation="administer topics",
        patience_s=None if waiting else patience,
        waiting=waiting or (lambda _: None),
    )
    try:
        yield Admin(client.client, settings)
    except CLIENT_ERRORS as error:
        raise await why_unreachable(settings, error, operation="administer topics") from error
    finally:
        await client.stop()


class _AdminClient:
    """aiokafka's admin client with the method names of its producer and consumer."""

    def __init__(self, settings: KafkaSettings) -> None:
        self.client = AIOKafkaAdminClient(**client_options(settings, "infrastructor-admin"))

    async def start(self) -> None:
        await self.client.start()

    async def stop(self) -> None:
        await self.client.close()


async def plan_topics(settings: KafkaSettings, catalog: TopicCatalog) -> list[Change]:
    """Return how the cluster differs from the list."""
    async with admin(settings) as cluster:
        return await _plan(cluster, settings, catalog)


async def apply_topics(settings: KafkaSettings, catalog: TopicCatalog) -> tuple[list[Change], list[Change]]:
    """Create what is missing and set what differs; return what was done and what was refused."""
    async with admin(settings) as cluster:
        changes = await _plan(cluster, settings, catalog)
        await cluster.create([change for change in changes if isinstance(change, CreateTopic)])
        await cluster.set_configs([change for change in changes if isinstance(change, SetConfig)])
        if not all(change.blocked for change in changes):
            await _until_seen(cluster, settings, catalog)
    return [c for c in changes if not c.blocked], [c for c in changes if c.blocked]


async def _plan(cluster: Admin, settings: KafkaSettings, catalog: TopicCatalog) -> list[Change]:
    topics = catalog.all()
    return plan(topics, await cluster.state(topic.name for topic in topics), settings=settings)


async def _until_seen(cluster: Admin, settings: KafkaSettings, catalog: TopicCatalog) -> None:
    """Wait until brokers tell what the controller has accepted: a process started next must find its topics."""
    async with asyncio.timeout(SEEN_WITHIN_S):
        seen = False
        while not seen:
            await asyncio.sleep(0.05)
            seen = all(change.blocked for change in await _plan(cluster, settings, catalog))


async def require_topics(
    settings: KafkaSettings, catalog: TopicCatalog, names: Sequence[str], *, waiting: Waiting | None = None
) -> None:
    """Raise TopicsMissing when a topic is absent or has another number of partitions than listed.

    To be called at start: Faust would retry a missing topic for ever. `waiting` as for `admin`.
    """
    needed = [catalog.topic(name) for name in names]
    async with admin(settings, waiting=waiting) as cluster:
        wrong = missing(needed, await cluster.topics(names))
    if not wrong:
        return
    absent = [change.topic for change in wrong if isinstance(change, CreateTopic)]
    others = [str(change) for change in wrong if not isinstance(change, CreateTopic)]
    parts = [f"missing topics: {', '.join(absent)}; run `infrastructor topics apply`"] if absent else []
    raise TopicsMissing(
        f"Kafka at {settings.servers}: {'; '.join(parts + others)}",
        operation="require topics",
        topics=[change.topic for change in wrong],
    )


@dataclass(frozen=True, slots=True)
class PartitionInfo:
    """One partition: its first offset, the one after its last, and bytes on disk (None: not told)."""

    partition: int
    begin: int
    end: int
    size: int | None


@dataclass(frozen=True, slots=True)
class TopicInfo:
    """One topic of the list as the cluster has it; `state` None: it is missing."""

    topic: Topic
    state: TopicState | None
    partitions: tuple[PartitionInfo, ...]
    changes: tuple[Change, ...]


async def describe_topics(settings: KafkaSettings, catalog: TopicCatalog) -> list[TopicInfo]:
    """Return each listed topic with its offsets, sizes and differences, in the order of the list."""
    topics = catalog.all()
    async with admin(settings) as cluster:
        states = await cluster.state(topic.name for topic in topics)
        sizes = await _sizes(cluster, states)
    offsets = await offsets_of(settings, list(states))
    return [
        TopicInfo(
            topic=topic,
            state=states.get(topic.name),
            partitions=tuple(
                PartitionInfo(partition, begin, end, sizes.get((topic.name, partition)))
                for partition, begin, end in offsets.get(topic.name, ())
            ),
            changes=tuple(plan([topic], states, settings=settings)),
        )
        for topic in topics
    ]


async def _sizes(cluster: Admin, states: Mapping[str, TopicState]) -> dict[tuple[str, int], int]:
    try:
        return await cluster.sizes({name: state.partitions for name, state in states.items()})
    except (kafka_errors.KafkaError, NotImplementedError):
        # Sizes need a permission of their own and are not offered by every service that speaks the protocol.
        return {}


async def group_state(settings: KafkaSettings, name: str, *, waiting: Waiting | None = None) -> GroupState:
    """Return who is in a consumer group, and what it has committed. `waiting` as for `admin`."""

    async def attempt() -> GroupState:
        client = _AdminClient(settings)
        try:
            async with asyncio.timeout(ATTEMPT_S):
                await client.start()
                return await Admin(client.client, settings).group(name)
        finally:
            await client.stop()

    # A coordinator that moves says so, as an error that another try mends.
    return await patiently(
        attempt,
        settings,
        operation="look at the consumer group",
        patience_s=None if waiting else settings.patience_s,
        waiting=waiting or (lambda _: None),
    )


async def offsets_of(settings: KafkaSettings, names: Sequence[str]) -> dict[str, list[tuple[int, int, int]]]:
    """Return number, first offset and the one after the last of each partition of some topics."""
    consumer = await started(
        lambda: build_consumer(settings, "infrastructor-admin", group=None),
        settings,
        operation="read offsets",
        patience_s=settings.patience_s,
    )
    found: dict[str, list[tuple[int, int, int]]] = {}
    try:
        partitions = await partitions_of(consumer, names)
        begin = await consumer.beginning_offsets(partitions)
        end = await consumer.end_offsets(partitions)
        for tp in partitions:
            found.setdefault(tp.topic, []).append((tp.partition, begin[tp], end[tp]))
    except CLIENT_ERRORS as error:
        raise await why_unreachable(settings, error, operation="read offsets") from error
    finally:
        await consumer.stop()
    return found
