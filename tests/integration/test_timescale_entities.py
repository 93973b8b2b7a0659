"""Watched things as they are now, on a real server: equal to a fold of the log, whatever the order and the repetitions.

The fold below is written from the rules in words (newest look by time, then id; a complete look ends what it lacks) and
shares nothing with the statements.
"""

import random
from collections.abc import AsyncIterator, Iterable, Sequence
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
from sinks.timescale import schema
from sinks.timescale.writer import Writer
from tests.conftest import TestDatabase
from tests.integration.timescale_setup import EPOCH, START, admitted, owned, raw, rows, settings_of, writer_on

pytestmark = pytest.mark.postgres

EXAMPLES = Path(__file__).parents[2] / "schemas" / "examples"
NAMES = ("web", "db", "cache", "queue")
ENGINES: tuple[Engine, ...] = ("docker", "podman")
HASHES = tuple(letter * 64 for letter in "abc")


@pytest.fixture
def url(postgres: TestDatabase) -> str:
    schema.migrate(settings_of(postgres.url))
    return postgres.url


@pytest.fixture
async def writer(url: str) -> AsyncIterator[Writer]:
    made = writer_on(url)
    yield made
    await made.close()


async def store(writer: Writer, topic: str, raws: Iterable[RawRecord]) -> None:
    owner = await owned(writer, topic)
    await writer.store(await admitted(writer, owner, raws))


def looks(seed: int, count: int = 60) -> list[Envelope]:
    """Looks of all kinds at two devices, some cut, some at the same time."""
    chosen = random.Random(seed)
    return [_look(chosen, number) for number in range(1, count + 1)]


def _look(chosen: random.Random, number: int) -> Envelope:
    at = START + timedelta(seconds=chosen.randrange(20))
    device = chosen.choice(("web-1", "db-1"))
    place: dict[str, Any] = {
        "id": UUID(int=chosen.getrandbits(128)),
        "source": agent_source(device, EPOCH, "containers"),
        "subject": device,
        "time": at,
        "sequence": number,
    }
    some = [name for name in NAMES if chosen.random() < 0.6]
    complete = chosen.random() < 0.7
    match chosen.randrange(4):
        case 0:
            found = tuple(
                Container(
                    name=name,
                    state=chosen.choice(("running", "exited")),
                    image=f"{name}:{number}",
                    ports=tuple(PublishedPort(container_port=80 + at) for at in range(chosen.randrange(3))),
                )
                for name in some
            )
            engine: Engine = chosen.choice(ENGINES)
            return ContainerObserved(
                **place, data=ContainerObservedData(engine=engine, containers=found, complete=complete)
            )
        case 1:
            return NetworkObserved(
                **place,
                data=NetworkObservedData(
                    interfaces=tuple(
                        Interface(
                            name=name,
                            state=chosen.choice(("up", "down")),
                            addresses=tuple(
                                Address(address=f"10.0.0.{chosen.randrange(4)}", prefix_length=24, family="inet")
                                for _ in range(chosen.randrange(2))
                            ),
                        )
                        for name in some
                    ),
                    listening=None
                    if chosen.random() < 0.3
                    else tuple(ListeningSocket(protocol="tcp", address="*", port=len(name) * 10) for name in some),
                    complete=complete,
                ),
            )
        case 2:
            updates = tuple(PackageUpdate(name=name, available=str(number)) for name in some)
            return PackagesObserved(
                **place, data=PackagesObservedData(manager="apt", updates_count=len(some), updates=updates)
            )
        case _:
            present = chosen.random() < 0.8
            return ConfigObserved(
                **place,
                data=ConfigObservedData(
                    kind="compose",
                    path=chosen.choice(("/srv/a.yaml", "/srv/" + "b" * 4000)),
                    present=present,
                    content_hash=chosen.choice(HASHES) if present else None,
                    content={"number": number} if present else None,
                    diff=f"+{number}" if present else None,
                ),
            )


Key = tuple[datetime, int]


def key(event: Any) -> Key:
    return (event.time, event.id.int)


def fold(events: Sequence[Any]) -> dict[str, list[tuple[Any, ...]]]:
    """What is where, by table, from all looks."""
    containers: dict[tuple[str, str, str], tuple[Key, Container]] = {}
    interfaces: dict[tuple[str, str], tuple[Key, Interface]] = {}
    ports: dict[tuple[str, int], Key] = {}
    complete: dict[tuple[str, ...], Key] = {}
    packages: dict[str, tuple[Key, PackagesObservedData]] = {}
    files: dict[tuple[str, str], tuple[Key, ConfigObservedData]] = {}
    contents: dict[tuple[str, str, str], list[tuple[Key, ConfigObservedData]]] = {}
    for event in sorted(events, key=key):
        at, device, data = key(event), event.subject, event.data
        match data:
            case ContainerObservedData():
                containers |= {(device, data.engine, one.name): (at, one) for one in data.containers}
                if data.complete:
                    complete[device, data.engine] = at
            case NetworkObservedData():
                interfaces |= {(device, one.name): (at, one) for one in data.interfaces}
                ports |= {(device, one.port): at for one in data.listening or ()}
                complete |= {(device, "interface"): at} if data.complete else {}
                complete |= {(device, "listening"): at} if data.complete and data.listening is not None else {}
            case PackagesObservedData():
                packages[device] = (at, data)
            case ConfigObservedData():
                files[device, data.path[-200:]] = (at, data)
                if data.content_hash:
                    contents.setdefault((device, data.path[-200:], data.content_hash), []).append((at, data))

    def gone(at: Key, *scope: str) -> bool:
        return scope in complete and complete[scope] > at

    return {
        "containers": sorted(
            (device, engine, name, "gone" if gone(at, device, engine) else one.state, one.image)
            for (device, engine, name), (at, one) in containers.items()
        ),
        "container_ports": sorted(
            (device, engine, name, port.container_port)
            for (device, engine, name), (at, one) in containers.items()
            if not gone(at, device, engine)
            for port in one.ports
        ),
        "interfaces": sorted(
            (device, name, "gone" if gone(at, device, "interface") else one.state)
            for (device, name), (at, one) in interfaces.items()
        ),
        "addresses": sorted(
            (device, name, address.address)
            for (device, name), (at, one) in interfaces.items()
            if not gone(at, device, "interface")
            for address in one.addresses
        ),
        "ports": sorted((d, port) for (d, port), at in ports.items() if not gone(at, d, "listening")),
        "packages": sorted((d, data.updates_count) for d, (_, data) in packages.items()),
        "updates": sorted((d, u.name, u.available) for d, (_, data) in packages.items() for u in data.updates),
        "files": sorted((d, path, data.present, data.content_hash) for (d, path), (_, data) in files.items()),
        "contents": sorted(
            (d, path, hash_, seen[-1][1].content, seen[0][1].diff, seen[0][0][0])
            for (d, path, hash_), seen in contents.items()
        ),
    }


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
    return {name: sorted(rows(url, query)) for name, query in QUERIES.items()}


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
