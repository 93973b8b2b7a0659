"""How states are stored: JSON with a version, under keys that carry the partition.

`<partition>|<device>` holds a device's state, `<partition>|_partition` the partition's own, and
`<partition>|_rules|<hash>` the document of the rules in force, which is written once and not with every batch.
What a state in parts looks like says `streams.fleet_stored`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from runtime.errors import InfrastructorError
from streams.documents import InForce
from streams.liveness import Liveness

VERSION = 1
_PARTITION = "_partition"
_RULES = "_rules|"


class StateUnreadable(InfrastructorError):
    """A stored state is not one that this version can read."""

    error_code = "state_unreadable"
    exit_code = 70


@dataclass(frozen=True, slots=True)
class PartitionState:
    """A partition's own state: the last applied offset, the liveness clock, and which rules are in force."""

    offset: int = -1
    liveness: Liveness = field(default_factory=Liveness)
    rules: InForce | None = None
    documents: tuple[str, ...] = ()
    """The hashes of the documents that are stored, the newest last."""


@dataclass(frozen=True, slots=True)
class StoredDevice:
    """A device's state as stored; `core` is the JSON of the derivation's own state."""

    offset: int
    scopes: dict[str, int]
    sent: int
    core: Any


@dataclass(frozen=True, slots=True)
class Changes:
    """What a batch changed, in the order in which it must be written: devices and documents, partition, forgotten."""

    states: tuple[tuple[bytes, bytes], ...]
    partition: tuple[bytes, bytes]
    forgotten: tuple[bytes, ...] = ()


@dataclass(slots=True)
class StoredDocuments:
    """What is stored of one partition, whatever its derivation: its own state, and documents of rules by hash."""

    partition: PartitionState = field(default_factory=PartitionState)
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)

    def document(self, digest: str) -> dict[str, Any]:
        """The document with that hash. Raises StateUnreadable."""
        if digest not in self.documents:
            raise StateUnreadable(
                f"the rules in force ({digest[:12]}) are not stored: `infrastructor streams rebuild` makes it anew",
                operation="load state",
            )
        return self.documents[digest]


@dataclass(slots=True)
class Loaded(StoredDocuments):
    """What is stored of one partition with a state for each device."""

    devices: dict[str, StoredDevice] = field(default_factory=dict)


def device_key(partition: int, device: str) -> bytes:
    """The key of a device's state."""
    return f"{partition}|{device}".encode()


def partition_key(partition: int) -> bytes:
    """The key of a partition's own state."""
    return f"{partition}|{_PARTITION}".encode()


def rules_key(partition: int, digest: str) -> bytes:
    """The key of the document of rules with that hash."""
    return f"{partition}|{_RULES}{digest}".encode()


def encode_device(state: StoredDevice) -> bytes:
    """A device's state as bytes."""
    return orjson.dumps(
        {"v": VERSION, "offset": state.offset, "scopes": state.scopes, "sent": state.sent, "core": state.core}
    )


def encode_partition(state: PartitionState) -> bytes:
    """A partition's own state as bytes."""
    return orjson.dumps(
        {
            "v": VERSION,
            "offset": state.offset,
            "liveness": state.liveness,
            "rules": state.rules,
            "documents": state.documents,
        }
    )


def encode_rules(document: Mapping[str, Any]) -> bytes:
    """A document of rules as bytes."""
    return orjson.dumps({"v": VERSION, "document": document})


def owned_by(partition: int, entries: Iterable[tuple[bytes, bytes]]) -> Loaded:
    """The entries of one partition, decoded; those of others are passed over. Raises StateUnreadable."""
    loaded = Loaded()
    for name, value in entries_of(partition, entries):
        if not take_own(loaded, name, value):
            loaded.devices[name] = StoredDevice(value["offset"], value["scopes"], value["sent"], value["core"])
    return loaded


def entries_of(partition: int, entries: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The entries of one partition, decoded, by what follows the partition in their keys. Raises StateUnreadable."""
    prefix = f"{partition}|".encode()
    for key, value in entries:
        if value and key.startswith(prefix):
            yield key[len(prefix) :].decode(), _decode(key, value)


def take_own(into: StoredDocuments, name: str, value: dict[str, Any]) -> bool:
    """Take an entry if it is the partition's own or a document of rules; whether it was."""
    if name == _PARTITION:
        rules = value["rules"]
        into.partition = PartitionState(
            offset=value["offset"],
            liveness=Liveness(**value["liveness"]),
            rules=None if rules is None else InForce(**rules),
            documents=tuple(value["documents"]),
        )
        return True
    if name.startswith(_RULES):
        into.documents[name[len(_RULES) :]] = value["document"]
        return True
    return False


def _decode(key: bytes, value: bytes) -> dict[str, Any]:
    try:
        found: dict[str, Any] = orjson.loads(value)
        version = found["v"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise StateUnreadable(
            f"the stored state {key.decode(errors='replace')} is damaged ({error}): "
            "`infrastructor streams rebuild` makes it anew",
            operation="load state",
        ) from error
    if version != VERSION:
        raise StateUnreadable(
            f"the stored state {key.decode(errors='replace')} has version {version}, this program reads {VERSION}: "
            "run the version that wrote it, or `infrastructor streams rebuild`",
            operation="load state",
        )
    return found
