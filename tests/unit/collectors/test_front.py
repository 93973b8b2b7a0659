"""Those who ask: answered by what was seen, audited as cached; and what a device has nothing for."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from collectors.device import Device
from collectors.drives.look import drives_look
from collectors.errors import CommandFailed, ParseError, ProgramMissing
from collectors.front import Front, Served
from collectors.gpu.look import amd_gpu_look
from collectors.look import Look
from collectors.metrics import AgentMetrics, CacheMetrics
from collectors.observer import Observer
from collectors.raw import RawFolder
from collectors.services.look import services_look
from collectors.skew import SkewMeter
from collectors.spool.draft import Commit
from collectors.spool.limits import MIB
from collectors.spool.spool import Spool
from collectors.system.look import system_look
from runtime.clock import ManualClock
from runtime.health import Readiness
from schemas.collection import CollectionCompleted, CollectionFailed
from schemas.metric import MetricCollected
from schemas.registry import Event
from tests.unit.collectors.collector_cases import SYSTEM as CASES
from tests.unit.collectors.spooling import AGENT, Bench, take_all
from tests.unit.collectors.test_observer import ToldTransport

SYSTEM = CASES.text("debian-12-vm")


class World:
    """An agent's front, with one device that answers what the test says."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.folder = folder
        self.spool: Spool = Bench(folder, self.clock, max_bytes=MIB).open()
        self.registry = CollectorRegistry()
        self.transport = ToldTransport([SYSTEM])
        self.device = Device("web-1", self.transport, 10.0)
        self.metrics = AgentMetrics.on(self.registry)
        self.front = self.made()

    def made(self, raw: RawFolder | None = None) -> Front:
        registry = CollectorRegistry()
        observer = Observer(
            self.spool,
            agent=AGENT,
            version="1",
            clock=self.clock,
            metrics=AgentMetrics.on(registry),
            readiness=Readiness(),
            skew=SkewMeter(),
            raw=raw,
        )
        return Front(observer, clock=self.clock, metrics=CacheMetrics.on(registry))

    async def reopen(self) -> None:
        """Go on as another process would."""
        await self.spool.close()
        self.spool = Bench(self.folder, self.clock, max_bytes=MIB).open()
        self.front = self.made()

    async def forge_memory(self, value: bytes) -> None:
        """Put something else in place of all that is remembered."""
        kept = await self.spool.memory("web-1", "proxy_configs")
        await self.spool.commit(Commit((), memory={("web-1", "proxy_configs", name): value for name in kept}))

    async def forget_device(self) -> None:
        await self.spool.commit(Commit((), {"web-1": None}))

    async def asked(self, look: Look[Any], *, force: bool = False) -> Served:
        return await self.front.asked(self.device, look, requested_by="operator", force=force)

    async def events(self) -> list[Event]:
        return [event for _, event in await take_all(self.spool)]

    async def events_in_order(self) -> list[Event]:
        """Return what was observed before how looks ended."""
        return sorted(await self.events(), key=lambda event: isinstance(event, CollectionCompleted))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    yield made
    await made.spool.close()


def quick(look: Look[Any]) -> Look[Any]:
    return replace(look, retries=0)


async def test_one_who_asks_gets_what_was_seen_and_the_audit_says_so(world: World) -> None:
    await world.front.scheduled(world.device, system_look())
    await world.clock.advance(20)
    served = await world.asked(system_look())
    registered, first, scheduled, audit = await world.events_in_order()
    assert served.age_s == 20
    assert [json.loads(line)["id"] for line in served.looked.lines()] == [str(registered.id), str(first.id)]
    assert isinstance(scheduled, CollectionCompleted)
    assert isinstance(audit, CollectionCompleted)
    assert (scheduled.data.status, scheduled.data.requested_by) == ("success", "schedule")
    assert (audit.data.status, audit.data.requested_by, audit.data.age_seconds) == ("cached", "operator", 20)
    assert (audit.data.events, audit.data.output_bytes) == (2, None)
    assert audit.correlationid == served.correlation != scheduled.correlationid
    assert world.transport.asked == 1


async def test_force_and_age_look_again(world: World) -> None:
    await world.asked(system_look())
    forced = await world.asked(system_look(), force=True)
    await world.clock.advance(31)
    old = await world.asked(system_look())
    assert (forced.age_s, old.age_s, world.transport.asked) == (None, None, 3)
    ends = [event.data for event in await world.events() if isinstance(event, CollectionCompleted)]
    assert [(end.status, end.requested_by) for end in ends] == [("success", "operator")] * 3


async def test_all_events_of_a_look_bear_its_run(world: World) -> None:
    served = await world.asked(system_look())
    _, metric, completed = await world.events_in_order()
    assert isinstance(metric, MetricCollected)
    assert metric.correlationid == completed.correlationid == served.correlation


async def test_a_failure_is_told_to_him_who_asked_and_asked_again(world: World) -> None:
    world.transport.answers = [CommandFailed("smartctl ended with 2: no", exit_code=2)]
    for _ in range(2):
        served = await world.asked(quick(drives_look()))
        assert served.looked.status == "error"
        assert served.looked.error is not None
        assert "ended with 2" in served.looked.error.message
    failures = await world.events()
    assert [type(event) for event in failures] == [CollectionFailed] * 2
    assert world.transport.asked == 2


@pytest.mark.parametrize(
    ("look", "answer", "reason"),
    [
        (drives_look(), ProgramMissing("smartctl cannot be run"), "smartctl cannot be run"),
        (drives_look(), CommandFailed("sh ended with 127: none is there", exit_code=127), "none is there"),
        (
            drives_look(),
            CommandFailed("sudo ended with 1: sudo: a password is required", exit_code=1),
            "allow `sudo -n`",
        ),
        (services_look(), CommandFailed("systemctl ended with 1: not been booted with systemd"), "not been booted"),
        (amd_gpu_look(), "", "none of the files"),
    ],
)
async def test_what_the_device_has_nothing_for_is_skipped_and_tried_again_after_a_day(
    world: World, look: Look[Any], answer: str | Exception, reason: str
) -> None:
    world.transport.answers = [answer]
    for _ in range(3):
        await world.front.scheduled(world.device, look)
        await world.clock.advance(3600)
    (skipped,) = await world.events()
    assert isinstance(skipped, CollectionCompleted)
    assert skipped.data.status == "skipped"
    assert reason in (skipped.data.reason or "")
    await world.clock.advance(86_400)
    await world.front.scheduled(world.device, look)
    assert len(await world.events()) == 1


async def test_what_is_installed_meanwhile_is_found_by_one_who_asks(world: World) -> None:
    world.transport.answers = [ProgramMissing("no"), SYSTEM]
    await world.front.scheduled(world.device, system_look())
    assert (await world.asked(system_look())).looked.status == "success"
    await world.front.scheduled(world.device, system_look())
    assert world.transport.asked == 3


async def test_raw_output_is_kept_for_its_owner_even_of_what_is_not_understood(world: World) -> None:
    folder = world.folder / "raw"
    world.front = world.made(RawFolder(folder, MIB))
    world.transport.answers = ["not what /proc says"]
    served = await world.asked(system_look())
    assert isinstance(served.looked.error, ParseError)
    (kept,) = folder.iterdir()
    assert kept.name == "20260101T000000.000000Z_web-1_system.txt"
    assert kept.read_text() == "not what /proc says"
    assert (kept.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)


def test_of_too_much_raw_output_the_oldest_is_removed_and_nothing_of_others(tmp_path: Path) -> None:
    folder, text = tmp_path / "raw", "x" * 8192
    (tmp_path / "raw").mkdir()
    (folder / "notes.txt").write_text("y" * 100_000)
    at = datetime(2026, 11, 21, 2, tzinfo=UTC)
    first = RawFolder(folder, 5 * 8192)
    for second in range(4):
        first.keep(text, at=at + timedelta(seconds=second), device="nas", collector="system")
    # An agent that starts anew counts what is there.
    again = RawFolder(folder, 5 * 8192)
    for second in range(4, 9):
        again.keep(text, at=at + timedelta(seconds=second), device="web_1", collector="gpu_amd")
    kept = sorted(path.name for path in folder.iterdir())
    assert [name[13:15] for name in kept[:-1]] == ["04", "05", "06", "07", "08"]
    assert kept[-1] == "notes.txt"
    # One that is larger than all that may be is kept until the next.
    again.keep("z" * 100_000, at=at + timedelta(seconds=9), device="nas", collector="system")
    again.keep(text, at=at + timedelta(seconds=10), device="nas", collector="system")
    assert [path.stat().st_size for path in sorted(folder.iterdir())] == [8192, 100_000]


async def test_a_secret_in_a_complaint_is_not_told(world: World) -> None:
    world.transport.answers = [CommandFailed("x ended with 1: https://me:hunter22@host refused")]
    await world.asked(quick(drives_look()))
    (failed,) = await world.events()
    assert isinstance(failed, CollectionFailed)
    assert "hunter22" not in failed.data.message
