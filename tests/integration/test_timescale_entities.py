"""Watched things as they are now, on a real server: equal to a fold of the log, whatever the order and the repetitions.

The fold below is written from the rules in words (newest look by time, then id; a complete look ends what it lacks) and
shares nothing with the statements.
"""

import random
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from schemas.codec import decode
from schemas.config import ConfigObserved, ConfigObservedData
from schemas.container import Container, ContainerObserved, ContainerObservedData, Engine, PublishedPort
from schemas.envelope import Envelope
from schemas.identity import agent_source
from schemas.network import Address, Interface, ListeningSocket, NetworkObserved, NetworkObservedData
from schemas.packages import PackagesObserved, PackagesObservedData, PackageUpdate
from schemas.record import RawRecord
from schemas.registry import ALERTS, OBSERVATIONS, STATUS
from sinks.timescale.writer import Writer
from tests.integration.timescale_setup import EPOCH, START, admitted, owned, raw, rows

pytestmark = pytest.mark.postgres

EXAMPLES = Path(__file__).parents[2] / "schemas" / "examples"
NAMES = ("web", "db", "cache", "queue")
ENGINES: tuple[Engine, ...] = ("docker", "podman")
HASHES = tuple(letter * 64 for letter in "abc")


async def store(writer: Writer, topic: str, raws: Iterable[RawRecord]) -> None:
    owner = await owned(writer, topic)
    await writer.store(await admitted(writer, owner, raws))


def looks(seed: int, count: int = 60) -> list[Envelope]:
    """Looks of all kinds at two devices, some cut, some at the same time."""
    chosen = random.Random(seed)
    return [_look(chosen, number) for number in range(1, count + 1)]


def _look(chosen: random.Random, number: int) -> Envelope:
    device = chosen.choice(("web-1", "db-1"))
    place: dict[str, Any] = {
        "id": UUID(int=chosen.getrandbits(128)),
        "source": agent_source(device, EPOCH, "containers"),
        "subject": device,
        "time": START + timedelta(seconds=chosen.randrange(20)),
        "sequence": number,
    }
    some = [name for name in NAMES if chosen.random() < 0.6]
    kinds = (_containers, _network, _packages, _config)
    return chosen.choice(kinds)(chosen, number, some=some, place=place)


def _containers(chosen: random.Random, number: int, *, some: list[str], place: dict[str, Any]) -> Envelope:
    found = tuple(
        Container(
            name=name,
            state=chosen.choice(("running", "exited")),
            image=f"{name}:{number}",
            ports=tuple(PublishedPort(container_port=80 + at) for at in range(chosen.randrange(3))),
        )
        for name in some
    )
    engine, complete = chosen.choice(ENGINES), chosen.random() < 0.7
    return ContainerObserved(**place, data=ContainerObservedData(engine=engine, containers=found, complete=complete))


def _network(chosen: random.Random, _: int, *, some: list[str], place: dict[str, Any]) -> Envelope:
    interfaces = tuple(
        Interface(
            name=name,
            state=chosen.choice(("up", "down")),
            addresses=tuple(
                Address(address=f"10.0.0.{chosen.randrange(4)}", prefix_length=24, family="inet")
                for _ in range(chosen.randrange(2))
            ),
        )
        for name in some
    )
    sockets = tuple(ListeningSocket(protocol="tcp", address="*", port=len(name) * 10) for name in some)
    listening, complete = (None if chosen.random() < 0.3 else sockets), chosen.random() < 0.7
    data = NetworkObservedData(interfaces=interfaces, listening=listening, complete=complete)
    return NetworkObserved(**place, data=data)


def _packages(_: random.Random, number: int, *, some: list[str], place: dict[str, Any]) -> Envelope:
    updates = tuple(PackageUpdate(name=name, available=str(number)) for name in some)
    data = PackagesObservedData(manager="apt", updates_count=len(some), updates=updates)
    return PackagesObserved(**place, data=data)


def _config(chosen: random.Random, number: int, *, some: list[str], place: dict[str, Any]) -> Envelope:
    path = chosen.choice(("/srv/a.yaml", "/srv/" + "b" * 4000))
    if len(some) < 2:
        return ConfigObserved(**place, data=ConfigObservedData(kind="compose", path=path, present=False))
    data = ConfigObservedData(
        kind="compose",
        path=path,
        content_hash=chosen.choice(HASHES),
        content={"number": number},
        diff=f"+{number}",
    )
    return ConfigObserved(**place, data=data)


Key = tuple[datetime, int]


def key(event: Any) -> Key:
    return (event.time, event.id.int)


class Fold:
    """What is where, from all looks, in the order of time and id."""

    def __init__(self, events: Sequence[Any]) -> None:
        self.containers: dict[tuple[str, str, str], tuple[Key, Container]] = {}
        self.interfaces: dict[tuple[str, str], tuple[Key, Interface]] = {}
        self.ports: dict[tuple[str, int], Key] = {}
        self.packages: dict[str, PackagesObservedData] = {}
        self.files: dict[tuple[str, str], ConfigObservedData] = {}
        self.contents: dict[tuple[str, str, str], list[tuple[datetime, ConfigObservedData]]] = {}
        self._complete: dict[tuple[str, str], Key] = {}
        for event in sorted(events, key=key):
            self._add(key(event), event.subject, event.data)

    def _add(self, at: Key, device: str, data: object) -> None:
        match data:
            case ContainerObservedData():
                self.containers |= {(device, data.engine, one.name): (at, one) for one in data.containers}
                self._listed(at, device, data.engine, complete=data.complete)
            case NetworkObservedData():
                self.interfaces |= {(device, one.name): (at, one) for one in data.interfaces}
                self.ports |= {(device, one.port): at for one in data.listening or ()}
                self._listed(at, device, "interface", complete=data.complete)
                self._listed(at, device, "listening", complete=data.complete and data.listening is not None)
            case PackagesObservedData():
                self.packages[device] = data
            case ConfigObservedData():
                self.files[device, data.path[-200:]] = data
                if data.content_hash:
                    self.contents.setdefault((device, data.path[-200:], data.content_hash), []).append((at[0], data))

    def _listed(self, at: Key, device: str, scope: str, *, complete: bool) -> None:
        if complete:
            self._complete[device, scope] = at

    def gone(self, at: Key, device: str, scope: str) -> bool:
        return self._complete.get((device, scope), at) > at

    def watched(self) -> dict[str, list[tuple[Any, ...]]]:
        here = {k: one for k, (at, one) in self.containers.items() if not self.gone(at, k[0], k[1])}
        up = {k: one for k, (at, one) in self.interfaces.items() if not self.gone(at, k[0], "interface")}
        return {
            "containers": [
                (*k, one.state if k in here else "gone", one.image) for k, (_, one) in self.containers.items()
            ],
            "container_ports": [(*k, port.container_port) for k, one in here.items() for port in one.ports],
            "interfaces": [(*k, one.state if k in up else "gone") for k, (_, one) in self.interfaces.items()],
            "addresses": [(*k, address.address) for k, one in up.items() for address in one.addresses],
            "ports": [k for k, at in self.ports.items() if not self.gone(at, k[0], "listening")],
        }

    def kept(self) -> dict[str, list[tuple[Any, ...]]]:
        return {
            "packages": [(device, data.updates_count) for device, data in self.packages.items()],
            "updates": [(device, u.name, u.available) for device, data in self.packages.items() for u in data.updates],
            "files": [(*k, data.present, data.content_hash) for k, data in self.files.items()],
            "contents": [(*k, seen[-1][1].content, seen[0][1].diff, seen[0][0]) for k, seen in self.contents.items()],
        }


def fold(events: Sequence[Any]) -> dict[str, list[tuple[Any, ...]]]:
    """What is where, by table, from all looks."""
    folded = Fold(events)
    return {name: sorted(found, key=str) for name, found in (folded.watched() | folded.kept()).items()}


QUERIES = {
    "containers": "SELECT device_id, engine, name, state, image FROM containers",
    "container_ports": "SELECT device_id, engine, container, container_port FROM container_ports",
    "interfaces": "SELECT device_id, name, state FROM network_interfaces",
    "addresses": "SELECT device_id, interface, address FROM network_addresses",
    "ports": "SELECT device_id, port FROM listening_ports",
    "packages": "SELECT device_id, updates_count FROM packages",
    "updates": "SELECT device_id, name, available FROM package_updates",
    "files": "SELECT device_id, right(path, 200), present, content_hash FROM config_files",
    "contents": "SELECT device_id, right(path, 200), content_hash, content, diff, first_seen_at FROM config_contents",
}


def stored(url: str) -> dict[str, list[tuple[Any, ...]]]:
    return {name: sorted(rows(url, query), key=str) for name, query in QUERIES.items()}


@pytest.mark.parametrize("seed", range(4))
async def test_current_state_is_a_fold_of_the_log(writer: Writer, url: str, seed: int) -> None:
    events = looks(seed)
    expected = fold(events)
    log = [raw(event, OBSERVATIONS, offset=at) for at, event in enumerate(events)]
    order = random.Random(seed)
    order.shuffle(log)
    # The log has an order of its own; here its events come in any, in batches of any size, and some once more.
    again = [*log, *order.sample(log, 10)]
    numbered = [
        RawRecord(r.topic, 0, offset, r.appended_ms, r.key, r.value, r.headers) for offset, r in enumerate(again)
    ]
    owner, at = await owned(writer, OBSERVATIONS), 0
    while at < len(numbered):
        size = order.randrange(1, 9)
        await writer.store(await admitted(writer, owner, numbered[at : at + size]))
        at += size
    assert stored(url) == expected
    assert "'gone'" in str(expected)


async def test_rows_that_come_again_past_the_ledger_change_nothing(writer: Writer, url: str) -> None:
    events = looks(7)
    log = [raw(event, OBSERVATIONS, offset=at) for at, event in enumerate(events)]
    await store(writer, OBSERVATIONS, log)
    before = stored(url)
    versions = "SELECT xmin, * FROM containers_seen ORDER BY device_id, engine, name"
    untouched = rows(url, versions)
    redriven = [
        RawRecord(r.topic, 1, r.offset, r.appended_ms, r.key, r.value, ((("redrive-for"), b"timescale"),)) for r in log
    ]
    owner = await owned(writer, OBSERVATIONS, 1)
    await writer.store(await admitted(writer, owner, redriven))
    assert stored(url) == before
    assert rows(url, versions) == untouched


async def test_every_example_finds_its_table(writer: Writer, url: str) -> None:
    """Each family's stored example: whatever the model has, a column takes."""
    filled = {
        "container.observed": ("containers", "container_ports"),
        "drive.observed": ("drives", "drive_attributes"),
        "pool.observed": ("pools", "pool_devices", "datasets"),
        "service.observed": ("services",),
        "network.observed": ("network_interfaces", "network_addresses", "listening_ports", "network_routes"),
        "packages.observed": ("packages", "package_updates"),
        "config.observed": ("config_files", "config_contents"),
        "baseline.accepted": ("baselines",),
        "container.status_changed": ("entity_changes", "entity_status"),
        "drive.health_changed": ("entity_changes",),
        "pool.health_changed": ("entity_changes",),
        "service.status_changed": ("entity_changes",),
        "network.status_changed": ("entity_changes",),
        "packages.status_changed": ("entity_changes",),
        "config.changed": ("entity_changes", "config_changes"),
        "alert.silenced": ("silences",),
        "alert.unsilenced": ("silences",),
        "maintenance.started": ("maintenance",),
        "maintenance.ended": ("maintenance",),
    }
    by_topic: dict[str, list[RawRecord]] = {OBSERVATIONS: [], STATUS: [], ALERTS: []}
    for name in filled:
        event = decode((EXAMPLES / f"infrastructor.{name}.v1.json").read_bytes())
        topic = OBSERVATIONS if name.endswith(("observed", "accepted")) else STATUS if "changed" in name else ALERTS
        by_topic[topic].append(raw(event, topic, offset=len(by_topic[topic])))
    for topic, raws in by_topic.items():
        await store(writer, topic, raws)
    tables = sorted({table for tables in filled.values() for table in tables})
    empty = [table for table in tables if rows(url, f"SELECT count(*) FROM {table}") == [(0,)]]
    assert empty == []
    assert len(rows(url, "SELECT DISTINCT family FROM entity_changes")) == 7


async def test_a_silence_and_its_end_come_in_any_order(writer: Writer, url: str) -> None:
    made = decode((EXAMPLES / "infrastructor.alert.silenced.v1.json").read_bytes())
    ended = decode((EXAMPLES / "infrastructor.alert.unsilenced.v1.json").read_bytes())
    silence = made.data.model_dump()["silence_id"]
    ended = ended.model_copy(update={"data": ended.data.model_copy(update={"silence_id": silence})})
    whole = "SELECT silence_id, operator, starts_at, ended_at, ended_by FROM silences"
    await store(writer, ALERTS, [raw(ended, ALERTS, offset=0)])
    assert rows(url, whole)[0][1] is None
    await store(writer, ALERTS, [raw(made, ALERTS, offset=1)])
    found = rows(url, whole)
    assert len(found) == 1
    assert None not in found[0]
    assert uuid4() != silence == found[0][0]
