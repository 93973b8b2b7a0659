"""Who reads what: Faust's assignor, with the numbers of partitions from topics.yaml.

The leader of the group shares out the partitions that it knows of. A broker that has just been started may name none
for a moment, and Faust then gives nothing to anybody: the whole group stood still (seen) until the next metadata were
asked for, five minutes later. The numbers are fixed for life and checked at start, so nobody need be asked.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from faust.assignor import PartitionAssignor


class Known(Protocol):
    """What the assignor needs of a cluster."""

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        """The numbers of a topic's partitions; None when it is not known."""
        ...


class Completed:
    """A cluster as it is known, and by the list of topics where it is not."""

    def __init__(self, cluster: Known, partitions: Mapping[str, int]) -> None:
        self._cluster = cluster
        self._partitions = partitions

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        """All partitions of a topic; None for one that is neither known nor listed."""
        if topic in self._partitions:
            return set(range(self._partitions[topic]))
        return self._cluster.partitions_for_topic(topic)


class ListedAssignor(PartitionAssignor):
    """Assigns the partitions that `app.partitions` lists, whatever the broker says just now."""

    def _perform_assignment(self, cluster: Any, member_metadata: Any) -> Any:
        app: Any = self.app
        return super()._perform_assignment(Completed(cluster, app.partitions), member_metadata)  # type: ignore[arg-type]
