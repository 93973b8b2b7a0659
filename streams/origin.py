"""Where what is derived stands in its topic, and which partition of the input it follows from."""

from collections.abc import Sequence

from aiokafka.partitioner import DefaultPartitioner

from schemas.codec import decode
from schemas.record import RawRecord
from schemas.refusal import EventRefused
from schemas.registry import ALERTS, NOTIFICATIONS, Event
from streams.fleet import AnyDerivation

_ONE_PARTITION = frozenset({ALERTS, NOTIFICATIONS})
"""Topics with one partition; in the others, what is derived stays in the partition of its cause."""


def output_partition(topic: str, cause_partition: int) -> int:
    """The partition of what follows from a cause."""
    return 0 if topic in _ONE_PARTITION else cause_partition


class Origin:
    """Finds a derivation's own events in its output, and the partition of the input (one of `inputs`) of each."""

    def __init__(self, derivation: AnyDerivation, inputs: Sequence[int]) -> None:
        self._derivation = derivation
        self._source = derivation.source.encode()
        self._inputs = sorted(inputs)
        self._choose = DefaultPartitioner()

    def event(self, raw: RawRecord) -> Event | None:
        """The event, if it is one of this derivation."""
        # Most of a topic may be another's, and need not be decoded to see it.
        if raw.value is None or self._source not in raw.value:
            return None
        try:
            event = decode(raw.value)
        except EventRefused:
            return None
        return event if event.source == self._derivation.source else None

    def of(self, raw: RawRecord) -> int:
        """Which partition an output follows from: its own number, or that of its key where the output has but one."""
        if raw.topic not in _ONE_PARTITION:
            return raw.partition
        if len(self._inputs) == 1:
            return self._inputs[0]
        return int(self._choose(raw.key, self._inputs, self._inputs))
