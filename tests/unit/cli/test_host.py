"""The figures of this host, from looks."""

import pytest

from cli.up.host import Filesystem, HostFigures, look_at
from tests.unit.cli.events_shown import look

IO = "system.network.io"
DIRECTION = "network.io.direction"


def first(*samples: tuple[str, dict[str, str], float], seconds: float = 0) -> HostFigures:
    host = look_at(None, look(list(samples), seconds=seconds))
    assert host is not None
    return host


def test_cpu_is_what_was_neither_idle_nor_waiting() -> None:
    host = first(
        ("system.cpu.utilization", {"cpu.mode": "idle"}, 0.5),
        ("system.cpu.utilization", {"cpu.mode": "iowait"}, 0.25),
        ("system.cpu.utilization", {"cpu.mode": "user"}, 0.25),
    )
    assert host.cpu == 0.25


def test_cpu_by_processor_is_averaged() -> None:
    host = first(
        ("system.cpu.utilization", {"cpu.mode": "idle", "cpu.logical_number": "0"}, 1.0),
        ("system.cpu.utilization", {"cpu.mode": "idle", "cpu.logical_number": "1"}, 0.0),
    )
    assert host.cpu == 0.5


def test_the_first_look_has_no_cpu_and_no_rates() -> None:
    host = first((IO, {DIRECTION: "receive", "network.interface.name": "eth0"}, 1000.0))
    assert host.cpu is None
    assert host.rates == {}


def test_rates_are_between_two_looks_over_all_interfaces_but_the_loopback() -> None:
    def at(seconds: float, eth: float, wlan: float) -> list[tuple[str, dict[str, str], float]]:
        return [
            (IO, {DIRECTION: "receive", "network.interface.name": "eth0"}, eth),
            (IO, {DIRECTION: "receive", "network.interface.name": "wlan0"}, wlan),
            (IO, {DIRECTION: "receive", "network.interface.name": "lo"}, seconds * 1e9),
        ]

    host = look_at(first(*at(0, 1000, 500)), look(at(10, 2000, 1500), seconds=10))
    assert host is not None
    assert host.rates == {"receive": 200.0}


def test_a_counter_that_went_back_gives_no_rate() -> None:
    before = first(("system.disk.io", {"disk.io.direction": "read"}, 1000.0))
    host = look_at(before, look([("system.disk.io", {"disk.io.direction": "read"}, 10.0)], seconds=10))
    assert host is not None
    assert host.rates == {}


def test_memory_load_and_filesystems() -> None:
    host = first(
        ("system.memory.limit", {}, 1000.0),
        ("system.memory.usage", {"system.memory.state": "used"}, 400.0),
        ("system.cpu.load_average.15m", {}, 3.0),
        ("system.cpu.load_average.1m", {}, 1.0),
        ("system.cpu.load_average.5m", {}, 2.0),
        ("system.filesystem.utilization", {"system.filesystem.mountpoint": "/"}, 0.8),
        ("system.paging.utilization", {"system.paging.state": "used"}, 0.1),
    )
    assert (host.memory_used, host.memory_total, host.swap) == (400.0, 1000.0, 0.1)
    assert host.load == (1.0, 2.0, 3.0)
    assert host.filesystems == (Filesystem("/", 0.8),)


def test_a_look_at_another_device_or_an_old_one_changes_nothing() -> None:
    host = first(("system.memory.limit", {}, 1000.0), seconds=10)
    assert look_at(host, look([("system.memory.limit", {}, 1.0)], device="nas", seconds=20)) is host
    assert look_at(host, look([("system.memory.limit", {}, 1.0)], seconds=5)) is host
    assert look_at(None, look([("system.memory.limit", {}, 1.0)], device="nas")) is None


@pytest.mark.parametrize("missing", ["cpu", "load", "rates", "filesystems"])
def test_what_a_later_look_does_not_give_stays(missing: str) -> None:
    before = first(
        ("system.cpu.utilization", {"cpu.mode": "idle"}, 0.5),
        ("system.cpu.load_average.1m", {}, 1.0),
        ("system.filesystem.utilization", {"system.filesystem.mountpoint": "/"}, 0.8),
    )
    after = look_at(before, look([("system.uptime", {}, 5.0)], seconds=10))
    assert after is not None
    assert getattr(after, missing) == getattr(before, missing)
    assert after.uptime_seconds == 5.0
