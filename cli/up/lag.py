"""How far consumer groups are behind: their committed offsets against the ends of the topics."""

from collections.abc import Mapping

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from runtime.kafka.failures import CLIENT_ERRORS
from runtime.kafka.options import client_options
from runtime.settings import KafkaSettings


class GroupLag:
    """Asks for the offsets of some groups; connects when first asked, and again after a failure."""

    def __init__(self, settings: KafkaSettings, groups: Mapping[str, str]) -> None:
        """Ask for `groups`, the groups' ids by the name to give them."""
        self._settings = settings
        self._groups = groups
        self._client: AIOKafkaAdminClient | None = None

    async def behind(self, ends: Mapping[TopicPartition, int]) -> dict[str, int]:
        """Return records behind by name, for groups that have committed anything. Raises what aiokafka raises."""
        try:
            if self._client is None:
                self._client = AIOKafkaAdminClient(**client_options(self._settings, "infrastructor-up-lag"))
                await self._client.start()
            committed = {
                name: await self._client.list_consumer_group_offsets(group) for name, group in self._groups.items()
            }
        except CLIENT_ERRORS:
            await self.close()
            raise
        return {
            name: behind({tp: found.offset for tp, found in offsets.items()}, ends)
            for name, offsets in committed.items()
            if offsets
        }

    async def close(self) -> None:
        """Disconnect; it connects again when asked."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()


def behind(committed: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]) -> int:
    """Return how many records lie between committed offsets and ends; partitions without a commit do not count."""
    return sum(max(0, ends[tp] - offset) for tp, offset in committed.items() if tp in ends and offset >= 0)
