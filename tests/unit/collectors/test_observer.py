"""A look from beginning to end, with a device that answers what the test says."""

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from collectors import sections
from collectors.device import Device
from collectors.errors import CommandFailed, LookTimedOut, ParseError
from collectors.identity.look import identity_look
from collectors.look import Look, Told
from collectors.metrics import AgentMetrics
from collectors.observer import LONG_TEXT, Observer
from collectors.request import Command, Request
from collectors.skew import SkewMeter
from collectors.spool.limits import MIB
from collectors.spool.spool import Spool
from collectors.system.look import system_look
from collectors.transport import Limits, Output
from runtime.clock import ManualClock
from runtime.health import Readiness
from schemas.collection import CollectionCompleted, CollectionFailed
from schemas.device import DeviceRegistered, DeviceUpdated
from schemas.metric import MetricCollected
from schemas.registry import COLLECTIONS, DEVICES, METRICS, Event
from tests.unit.collectors.collector_cases import SYSTEM
from tests.unit.collectors.spooling import AGENT, Bench, take_all

IDENTITY = sections.join(
    [
        ("/proc/sys/kernel/hostname", "web-1\n"),
        ("/proc/sys/kernel/osrelease", "{kernel}\n"),
        ("/etc/machine-id", "0123456789abcdef0123456789abcdef\n"),
        ("/etc/os-release", 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n'),
        ("/proc/cpuinfo", "processor : 0\nmodel name : EPYC\n\nprocessor : 1\nmodel name : EPYC\n"),
        ("/proc/meminfo", "MemTotal:       1024 kB\n"),
    ]
)


@dataclass
class ToldTransport:
    """Answers with texts, or raises, in the order given; the last for ever."""

    answers: list[str | Exception]
    asked: int = 0

    async def fetch(self, request: Request, limits: Limits) -> Output:
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        if isinstance(answer, Exception):
            raise answer
        return Output(answer, len(answer))

    async def close(self) -> None: ...


@dataclass
class World:
    bench: Bench
    spool: Spool
    clock: ManualClock
    observer: Observer
    readiness: Readiness
    skew: SkewMeter
    registry: CollectorRegistry
    found: list[tuple[str, Event]] = field(default_factory=list)

    async def look(self, look: Look[Any], *answers: str | Exception) -> list[tuple[str, Event]]:
        """Look once; return the events that it gave."""
        transport = ToldTransport(list(answers))
        device = Device("web-1", transport, 10.0, groups=("rack-2",))
        task = asyncio.create_task(self.observer.look(device, look))
        while not task.done():
            await self.clock.advance(0.1)
            await asyncio.sleep(0.001)
        await task
        return await take_all(self.spool)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    clock = ManualClock()
    bench = Bench(tmp_path, clock, max_bytes=MIB)
    spool = bench.open()
    registry, readiness, skew = CollectorRegistry(), Readiness(), SkewMeter()
    observer = Observer(
        spool,
        agent=AGENT,
        version="1.2",
        clock=clock,
        metrics=AgentMetrics.on(registry),
        readiness=readiness,
        skew=skew,
    )
    yield World(bench, spool, clock, observer, readiness, skew, registry)
    await spool.close()


def case(name: str, file: str = "input.txt") -> str:
    return SYSTEM.text(name, file)


async def test_a_long_text_is_read_without_holding_up_the_others(world: World) -> None:
    threads: list[str] = []

    def parse(text: str) -> Any:
        threads.append(threading.current_thread().name)
        raise ParseError(f"has {len(text)} characters", section="x")

    look = replace(system_look(), parse=parse)
    for size in (10, LONG_TEXT):
        ((_, failed),) = await world.look(look, "x" * size)
        assert isinstance(failed, CollectionFailed)
        assert f"has {size} characters" in failed.data.message
    assert threads == [threading.current_thread().name, "parse"]


async def test_what_could_not_be_read_of_a_look_is_in_its_audit(world: World) -> None:
    secret = "https://ada:hunter22@host"
    told = Told(partial=(f"ip -j route show, line 1: no JSON: {secret}", "y" * 5000))
    ((_, completed),) = await world.look(replace(system_look(), tell=lambda now, before: told), case("debian-12-vm"))
    assert isinstance(completed, CollectionCompleted)
    assert completed.data.status == "success"
    first, second = completed.data.partial or ()
    assert first.startswith("ip -j route show, line 1: no JSON")
    assert "hunter22" not in first
    assert len(second) == 512


async def test_a_look_gives_its_observations_and_then_its_completion(world: World) -> None:
    world.skew.add(sent_ms=0, appended_ms=1500, under_way_s=0.1)
    look = system_look(interval_s=10)
    found = await world.look(look, case("debian-12-vm"))
    registered, metric = (e for t, e in found if t == METRICS)
    assert isinstance(registered, DeviceRegistered)
    assert registered.data.groups == ("rack-2",)
    completed = next(e for t, e in found if t == COLLECTIONS)
    assert isinstance(metric, MetricCollected)
    assert isinstance(completed, CollectionCompleted)
    assert metric.correlationid == completed.correlationid
    assert metric.time == completed.time
    assert completed.data.events == 2
    assert completed.data.command_hash == look.hash
    assert completed.data.output_bytes == len(case("debian-12-vm"))
    assert completed.data.shortest_interval_seconds == 10
    assert completed.data.clock_skew_seconds == 1.5
    assert completed.data.groups == ("rack-2",)


async def test_utilization_comes_with_the_second_look(world: World) -> None:
    look = system_look(interval_s=10)
    told = []
    for text in (case("debian-12-vm", "before.txt"), case("debian-12-vm")):
        found = await world.look(look, text)
        metric = next(e for _, e in found if isinstance(e, MetricCollected))
        told.append(any(sample.name == "system.cpu.utilization" for sample in metric.data.samples))
    assert told == [False, True]


async def test_a_device_is_registered_once_and_updated_when_it_changes(world: World) -> None:
    old, new = IDENTITY.replace("{kernel}", "6.1"), IDENTITY.replace("{kernel}", "6.12")
    first = await world.look(identity_look(), old)
    (registered,) = [e for t, e in first if isinstance(e, DeviceRegistered) and t == COLLECTIONS]
    (inventory,) = [e for t, e in first if isinstance(e, DeviceRegistered) and t == DEVICES]
    (measured,) = [e for t, e in first if isinstance(e, DeviceRegistered) and t == METRICS]
    assert inventory.data == measured.data == registered.data
    assert inventory.causationid == measured.causationid == registered.id
    assert len({registered.id, inventory.id, measured.id}) == 3
    data = registered.data
    assert (data.hostname, data.memory_bytes, data.agent, data.agent_version) == ("web-1", 1 << 20, AGENT, "1.2")
    assert data.os is not None
    assert data.processor is not None
    assert (data.os.id, data.os.version, data.processor.logical_count) == ("debian", "12", 2)
    again = await world.look(identity_look(), old)
    assert [type(e) for _, e in again] == [CollectionCompleted]
    third = await world.look(identity_look(), new)
    updates = [e for _, e in third if isinstance(e, DeviceUpdated)]
    assert [e.data.changed for e in updates] == [("kernel",)] * 3


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (LookTimedOut("no answer"), "timeout", "look_timed_out"),
        (CommandFailed("ended with 1"), "error", "command_failed"),
        ("no sections at all", "error", "parse_failed"),
    ],
)
async def test_a_failed_look_is_an_event(world: World, answer: str | Exception, status: str, code: str) -> None:
    found = await world.look(system_look(), answer)
    ((topic, failed),) = found
    assert topic == COLLECTIONS
    assert isinstance(failed, CollectionFailed)
    assert (failed.data.status, failed.data.error_code) == (status, code)
    assert failed.data.attempts == (2 if status == "timeout" else 1)


async def test_what_can_be_tried_again_is(world: World) -> None:
    found = await world.look(system_look(), LookTimedOut("no answer"), case("debian-12-vm"))
    assert any(isinstance(event, CollectionCompleted) for _, event in found)


def _faulty(_: str) -> object:
    raise ZeroDivisionError("a fault")


async def test_a_fault_in_a_collector_is_told_and_ends_nothing(world: World) -> None:
    look: Look[object] = Look("faulty", "test", Command(("x",)), parse=_faulty, tell=lambda _, __: Told())
    ((_, failed),) = await world.look(look, "text")
    assert isinstance(failed, CollectionFailed)
    assert "ZeroDivisionError" in failed.data.message


async def test_when_nothing_can_be_kept_looking_stops_and_goes_on_when_there_is_room(world: World) -> None:
    while world.readiness.conditions["spool"].ok:
        await asyncio.gather(*(world.observer.look(_dead(), system_look()) for _ in range(100)))
    assert "no metrics to drop" in world.readiness.conditions["spool"].why
    skipped = world.registry.get_sample_value(
        "infrastructor_looks_missed_total", {"collector": "system", "reason": "spool_full"}
    )
    await world.observer.look(_dead(), system_look())
    after = world.registry.get_sample_value(
        "infrastructor_looks_missed_total", {"collector": "system", "reason": "spool_full"}
    )
    assert (after or 0) == (skipped or 0) + 1
    await take_all(world.spool)
    found = await world.look(system_look(), case("debian-12-vm"))
    assert any(isinstance(event, CollectionCompleted) for _, event in found)
    assert world.readiness.conditions["spool"].ok


def _dead() -> Device:
    return Device("web-1", ToldTransport([CommandFailed("ended with 1" + " again" * 500)]), 10.0)
