"""How each core stands on a device: its state as the changelog has it, and the offset that it stands at."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiokafka.partitioner import DefaultPartitioner

from replay.log import bounds_of, read_reaches
from replay.plan import Reach
from runtime.kafka.catalog import TopicCatalog
from runtime.settings import KafkaSettings
from streams.derivations import all_derivations
from streams.entries import Entries
from streams.fleet import AnyDerivation, FleetDerivation
from streams.stored import StoredDocuments, entries_of, take_own


@dataclass(frozen=True, slots=True)
class CoreStanding:
    """One derivation and a device. `applied` is the last offset of the partition whose results are stored (-1: none).

    `state` is the core's own, None when it does not know the device; of a core that sees all devices at once, the
    parts that name it. `offset` is where the device's state stands, `sent` the number of its last derived event.
    """

    derivation: str
    topic: str
    partition: int
    applied: int
    end: int
    liveness_seconds: float
    rules: Mapping[str, Any] | None
    offset: int | None
    sent: int | None
    sequences: Mapping[str, int] | None
    state: Any

    @property
    def lag(self) -> int:
        """How many records are not applied and stored."""
        return max(0, self.end - 1 - self.applied)


async def standings(settings: KafkaSettings, catalog: TopicCatalog, device: str) -> list[CoreStanding]:
    """How every core stands. Raises TopicsMissing, KafkaUnavailable, KafkaRefused, StateUnreadable."""
    derivations = all_derivations()
    changelogs = {one.name: catalog.changelog(one.table) for one in derivations}
    bounds = await bounds_of(settings, sorted({*changelogs.values(), *(one.reads for one in derivations)}))
    found = []
    for one in derivations:
        partitions = sorted(partition for topic, partition in bounds if topic == one.reads)
        partition = int(DefaultPartitioner()(device.encode(), partitions, partitions))
        stored = bounds[changelogs[one.name], partition]
        reach = Reach(changelogs[one.name], partition, stored.begin, stored.end)
        entries = Entries()
        async for piece in read_reaches(settings, [reach]):
            for raw in piece.raws:
                entries.take(raw)
        found.append(standing_of(one, partition, entries.values, device=device, end=bounds[one.reads, partition].end))
    return found


def standing_of(
    derivation: AnyDerivation, partition: int, entries: Mapping[bytes, bytes], *, device: str, end: int
) -> CoreStanding:
    """How a core stands, by the entries of its changelog. Raises StateUnreadable."""
    own, states = StoredDocuments(), {}
    for name, value in entries_of(partition, entries.items()):
        if not take_own(own, name, value):
            states[name] = value
    offset, sent, sequences, state = (
        _of_parts(states, device) if isinstance(derivation, FleetDerivation) else _of_device(states.get(device))
    )
    rules = own.partition.rules
    return CoreStanding(
        derivation=derivation.name,
        topic=derivation.reads,
        partition=partition,
        applied=own.partition.offset,
        end=end,
        liveness_seconds=own.partition.liveness.clock_ms / 1000,
        rules=None
        if rules is None
        else {"kind": derivation.rules_kind, "revision": rules.revision, "hash": rules.digest},
        offset=offset,
        sent=sent,
        sequences=sequences,
        state=state,
    )


def _of_device(value: Mapping[str, Any] | None) -> tuple[int | None, int | None, Mapping[str, int] | None, Any]:
    if value is None:
        return None, None, None, None
    return value["offset"], value["sent"], value["scopes"], value["core"]


def _of_parts(
    states: Mapping[str, Mapping[str, Any]], device: str
) -> tuple[int | None, int | None, Mapping[str, int] | None, Any]:
    parts = {name: one["part"] for name, one in states.items() if one["part"] is not None}
    ledger = parts.pop(f"device:{device}", None)
    ours = {
        name: part
        for name, part in sorted(parts.items())
        if not name.startswith(("device:", "recent:")) and (name.partition(":")[2] == device or names(part, device))
    }
    if ledger is None and not ours:
        return None, None, None, None
    offset = max((states[name]["offset"] for name in [*ours, *([f"device:{device}"] if ledger else [])]), default=None)
    return offset, (ledger or {}).get("sent"), (ledger or {}).get("scopes"), ours


def names(part: Any, device: str) -> bool:
    """Whether a part of a state names a device anywhere, as a value or a key."""
    if isinstance(part, Mapping):
        return device in part or any(names(one, device) for one in part.values())
    if isinstance(part, list):
        return any(names(one, device) for one in part)
    return bool(part == device)
