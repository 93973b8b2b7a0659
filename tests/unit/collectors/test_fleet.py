"""Devices come, change and go while the agent runs, and are told of: with ways that a test makes."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest
from prometheus_client import CollectorRegistry

from collectors import sections
from collectors.device import Device
from collectors.devices.address import split_host
from collectors.devices.fleet import Fleet, Working
from collectors.devices.load import parse_devices
from collectors.devices.plan import plans
from collectors.devices.source import DeviceSource
from collectors.errors import CommandFailed, ConnectionLost, ConnectionRefused, LookFailed
from collectors.front import Front
from collectors.looked import Looked
from collectors.metrics import AgentMetrics, CacheMetrics
from collectors.observer import Observer
from collectors.owed import Owed
from collectors.request import Request
from collectors.scheduler import Scheduler
from collectors.settings import AgentSettings
from collectors.skew import SkewMeter
from collectors.spool.spool import Spool
from collectors.ssh.target import Target
from collectors.transport import Limits, Output
from runtime.clock import ManualClock
from runtime.errors import InputInvalid
from runtime.health import Readiness
from schemas.collection import CollectionFailed
from schemas.device import DeviceRegistered, DeviceRetired, DeviceUpdated
from schemas.registry import DEVICES, METRICS, Event
from tests.unit.collectors.spooling import AGENT, Bench, take_all

SETTINGS = AgentSettings(collectors=("identity",), groups=("here",))


@dataclass
class NamedTransport:
    """A machine that knows its name, and nothing else."""

    name: str
    dead: bool = False
    closed: bool = False

    async def fetch(self, request: Request, limits: Limits) -> Output:
        if self.dead:
            raise ConnectionRefused("nobody there")
        text = sections.join([("/proc/sys/kernel/hostname", self.name), ("/proc/stat", "cpu 1 0 1 8\nprocesses 9\n")])
        return Output(text, len(text))

    async def close(self) -> None:
        self.closed = True


@dataclass
class MadeWays:
    """Remembers the transports it made."""

    made: list[tuple[Target, NamedTransport]] = field(default_factory=list)
    dead: frozenset[str] = frozenset()
    closed: bool = False

    def transport(self, target: Target, device: str) -> NamedTransport:
        made = NamedTransport(target.host, target.host in self.dead)
        self.made.append((target, made))
        return made

    async def close(self) -> None:
        self.closed = True


@dataclass
class Yard:
    """An agent's looking half over a list that the test writes."""

    file: Path
    bench: Bench
    settings: AgentSettings = SETTINGS
    ways: MadeWays = field(default_factory=MadeWays)
    readiness: Readiness = field(default_factory=Readiness)
    clock: ManualClock = field(default_factory=ManualClock)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    written: int = 0
    spool: Spool = field(init=False)
    fleet: Fleet = field(init=False)

    def write(self, text: str) -> None:
        self.file.write_text(text)
        self.written += 1
        os.utime(self.file, (self.written, self.written))

    async def start(self) -> None:
        self.spool = self.bench.open()
        registry = CollectorRegistry()
        metrics = AgentMetrics.on(registry)
        observer = Observer(
            self.spool,
            agent=AGENT,
            version="1",
            clock=self.clock,
            metrics=metrics,
            readiness=self.readiness,
            skew=SkewMeter(),
        )
        front = Front(observer, clock=self.clock, metrics=CacheMetrics.on(registry))
        scheduler = Scheduler(self.clock)
        self.fleet = Fleet(
            Device(AGENT, NamedTransport(AGENT), 10, groups=("here",)),
            self.settings,
            DeviceSource(self.file, agent=AGENT),
            ways=self.ways,
            working=Working(scheduler, observer, front, metrics, self.readiness, self.clock),
        )
        begun = self.fleet.begin()
        self.tasks = [asyncio.create_task(scheduler.run(begun)), asyncio.create_task(self.fleet.run())]

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.wait(self.tasks)
        await self.fleet.close()
        await self.spool.close()

    async def told(self) -> dict[str, list[Event]]:
        """Let some seconds pass; return what was told of each device in infra.collections, audits left out."""
        for _ in range(14):
            await self.clock.advance(0.5)
            await asyncio.sleep(0.02)
        found: dict[str, list[Event]] = {}
        causes: dict[str, set[UUID | None]] = {DEVICES: set(), METRICS: set()}
        for topic, event in await take_all(self.spool):
            if topic == METRICS and event.causationid is None:
                # Samples, and before the first of them what the device is.
                continue
            if topic in causes:
                causes[topic].add(event.causationid)
            elif isinstance(event, DeviceRegistered | DeviceUpdated | DeviceRetired | CollectionFailed):
                found.setdefault(event.subject, []).append(event)
        # What is news of a device is in infra.devices and infra.metrics, too.
        news = [one.id for events in found.values() for one in events if not isinstance(one, CollectionFailed)]
        assert causes == {topic: set(news) for topic in causes}
        return found


@pytest.fixture
async def yard(tmp_path: Path) -> AsyncIterator[Yard]:
    made = Yard(tmp_path / "devices.yaml", Bench(tmp_path))
    yield made
    if made.tasks:
        await made.stop()


def kinds(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


async def test_devices_come_change_and_go_without_a_restart(yard: Yard) -> None:
    await yard.start()
    assert {name: kinds(events) for name, events in (await yard.told()).items()} == {AGENT: ["DeviceRegistered"]}

    yard.write("devices:\n- id: nas\n  host: 10.0.0.5\n  groups: [storage]\n  labels: {room: cellar}\n")
    (registered,) = (await yard.told())["nas"]
    assert isinstance(registered, DeviceRegistered)
    assert registered.data.parents == (AGENT,)
    assert (registered.data.agent, registered.data.groups) == (AGENT, ("storage",))
    assert registered.data.labels == {"room": "cellar"}
    assert yard.fleet.find("nas").transport is yard.ways.made[0][1]

    yard.write("devices:\n- id: nas\n  host: 10.0.0.5\n  groups: [storage, new]\n")
    (updated,) = (await yard.told())["nas"]
    assert isinstance(updated, DeviceUpdated)
    assert set(updated.data.changed) == {"groups", "labels"}
    assert len(yard.ways.made) == 1

    yard.write("devices:\n- id: nas\n  host: 10.0.0.6\n  groups: [storage, new]\n")
    (moved,) = (await yard.told())["nas"]
    assert isinstance(moved, DeviceUpdated)
    assert yard.ways.made[0][1].closed

    yard.write("devices:\n- id: nas\n  host: 10.0.0.6\n  enabled: false\n")
    (retired,) = (await yard.told())["nas"]
    assert isinstance(retired, DeviceRetired)
    assert "disabled in" in retired.data.reason
    with pytest.raises(InputInvalid, match="does not watch 'nas'"):
        yard.fleet.find("nas")

    yard.write("devices:\n- id: nas\n  host: 10.0.0.6\n")
    assert kinds((await yard.told())["nas"]) == ["DeviceRegistered"]


async def test_what_left_the_list_while_the_agent_was_away_is_retired_once(yard: Yard) -> None:
    yard.write("devices:\n- id: nas\n- id: web\n")
    await yard.start()
    assert set(await yard.told()) == {AGENT, "nas", "web"}
    await yard.stop()
    yard.write("devices:\n- id: web\n")
    await yard.start()
    told = await yard.told()
    assert {name: kinds(events) for name, events in told.items()} == {"nas": ["DeviceRetired"]}
    await yard.stop()
    await yard.start()
    assert await yard.told() == {}


async def test_a_list_that_is_wrong_or_gone_changes_nothing_and_that_is_said(yard: Yard) -> None:
    yard.write("devices:\n- id: nas\n")
    await yard.start()
    await yard.told()
    for text in ("devices:\n- id: nas\n- id: nas\n", None):
        if text is None:
            yard.file.unlink()
        else:
            yard.write(text)
        assert await yard.told() == {}
        assert yard.fleet.find("nas").id == "nas"
        assert not yard.readiness.ready
    yard.write("devices: []\n")
    assert kinds((await yard.told())["nas"]) == ["DeviceRetired"]


async def test_a_list_that_is_wrong_at_start_is_an_error_with_its_line(yard: Yard) -> None:
    yard.write("devices:\n- id: nas\n  hots: x\n")
    with pytest.raises(InputInvalid, match=r"devices.yaml, line 3: .* did you mean 'host'"):
        DeviceSource(yard.file, agent=AGENT)


async def test_a_dead_device_fails_by_itself(yard: Yard) -> None:
    yard.ways.dead = frozenset({"dead"})
    yard.write("devices:\n- id: dead\n- id: alive\n")
    await yard.start()
    told = await yard.told()
    assert kinds(told["alive"]) == ["DeviceRegistered"]
    (failed,) = told["dead"]
    assert isinstance(failed, CollectionFailed)
    assert (failed.data.status, failed.data.error_code) == ("unreachable", "connection_refused")
    assert failed.data.parents == (AGENT,)

    # It never was what it should be, but it is known as offline: that has an end, too.
    yard.write("devices:\n- id: alive\n")
    assert kinds((await yard.told())["dead"]) == ["DeviceRetired"]


async def test_a_device_that_only_ever_failed_is_retired_when_it_left_the_list_while_the_agent_was_away(
    yard: Yard,
) -> None:
    yard.ways.dead = frozenset({"dead"})
    yard.write("devices:\n- id: dead\n")
    await yard.start()
    await yard.told()
    await yard.stop()
    yard.write("devices: []\n")
    await yard.start()
    assert kinds((await yard.told())["dead"]) == ["DeviceRetired"]


async def test_what_could_not_be_looked_at_is_made_up_for_as_soon_as_the_device_answers(yard: Yard) -> None:
    yard.settings = AgentSettings(collectors=("identity", "system"), identity_interval_s=3600)
    yard.ways.dead = frozenset({"nas"})
    yard.write("devices:\n- id: nas\n")
    await yard.start()
    assert set(kinds((await yard.told())["nas"])) == {"CollectionFailed"}
    # Switched on; the next look at what it is would be due in an hour.
    yard.ways.made[0][1].dead = False
    await yard.clock.advance(60)
    assert kinds((await yard.told())["nas"]) == ["DeviceRegistered"]


def ended(error: LookFailed) -> Looked:
    return Looked(error.status, UUID(int=0), 1.0, error=error)


def test_what_is_owed() -> None:
    owed, every = Owed(), {"drives": 3600.0, "zfs": 600.0, "system": 30.0}
    owed.ended("nas", "drives", ended(ConnectionLost("it is gone")), now=0)
    owed.ended("nas", "zfs", ended(ConnectionRefused("nobody there")), now=0)
    owed.ended("nas", "system", ended(CommandFailed("it complains")), now=0)
    assert owed.due("web", every, now=1000) == frozenset()
    assert owed.due("nas", every, now=1) == {"zfs"}, "the other may be what breaks the connection"
    assert owed.due("nas", every, now=360) == {"drives", "zfs"}
    assert owed.due("nas", {"system": 30.0}, now=360) == frozenset(), "what is off by now"
    owed.ended("nas", "drives", ended(CommandFailed("it complains")), now=361)
    assert owed.due("nas", every, now=400) == {"zfs"}
    owed.forget("nas")
    assert owed.due("nas", every, now=400) == frozenset()


def test_how_a_list_becomes_plans() -> None:
    text = """
defaults: {user: watcher, key: ~/.ssh/watch, jump: gate}
devices:
- {id: gate, host: gate.example, port: 2222, user: door}
- {id: inner, parents: [switch], collectors: {system: 5}}
- {id: switch, jump: "root@[fd00::1]:2200"}
- {id: me, groups: [mine], collectors: [identity]}
- {id: old, enabled: false}
"""
    listed = parse_devices(text, "devices.yaml", collectors=("identity", "system"))
    me, gate, inner, switch = plans(listed, agent="me", settings=SETTINGS)
    assert (me.target, me.groups, me.parents, me.collectors) == (None, ("here", "mine"), (), ("identity",))
    assert gate.target == Target("gate.example", 2222, user="door", key="~/.ssh/watch", name="gate")
    assert inner.target == Target("inner", user="watcher", key="~/.ssh/watch", jump=gate.target, name="inner")
    assert inner.parents == ("me", "gate", "switch")
    assert inner.settings(SETTINGS).interval_of("system", 30) == 5
    assert switch.target is not None
    assert switch.target.jump == Target("fd00::1", 2200, user="root", key="~/.ssh/watch", name="fd00::1")
    assert switch.settings(SETTINGS).interval_s == SETTINGS.remote_interval_s
    assert me.settings(SETTINGS).interval_s == SETTINGS.interval_s


FILES = """
defaults: {compose_files: [/srv/*/compose.yaml]}
devices:
- {id: synology, compose_files: [/volume1/docker/*/compose.yaml], proxy_configs: [/volume1/swag/*.conf]}
- {id: plain}
"""


def test_files_of_a_device_s_own() -> None:
    settings = AgentSettings(compose_files=("/opt/a.yaml",), proxy_configs=("/opt/*.conf",))
    listed = parse_devices(FILES, "devices.yaml", collectors=())
    me, synology, plain = (plan.settings(settings) for plan in plans(listed, agent="me", settings=settings))
    assert (me.compose_files, me.proxy_configs) == (("/opt/a.yaml",), ("/opt/*.conf",))
    assert synology.compose_files == ("/volume1/docker/*/compose.yaml",)
    assert synology.proxy_configs == ("/volume1/swag/*.conf",)
    assert (plain.compose_files, plain.proxy_configs) == (("/srv/*/compose.yaml",), ("/opt/*.conf",))


async def test_a_look_is_made_as_its_device_wants_it_whoever_asks(yard: Yard) -> None:
    yard.write(FILES)
    await yard.start()
    synology, plain = (yard.fleet.look("proxy_configs", yard.fleet.find(name)) for name in ("synology", "plain"))
    assert "/volume1/swag/*.conf" in " ".join(synology.argv)
    assert "/volume1/swag/*.conf" not in " ".join(plain.argv)
    with pytest.raises(InputInvalid, match="there is no collector 'proxies'"):
        yard.fleet.look("proxies", yard.fleet.find("plain"))


@pytest.mark.parametrize(
    ("where", "found"),
    [("a", ("a", 22)), ("a:2", ("a", 2)), ("[::1]:2", ("::1", 2)), ("[::1]", ("::1", 22)), ("::1", ("::1", 22))],
)
def test_host_and_port(where: str, found: tuple[str, int]) -> None:
    assert split_host(where) == found


@pytest.mark.parametrize("where", ["a:0", "a:65536", "[::1]:99999", "a:" + "9" * 5000])
def test_a_port_that_there_is_not(where: str) -> None:
    with pytest.raises(InputInvalid, match="a port is a number from 1 to 65535"):
        split_host(where)
