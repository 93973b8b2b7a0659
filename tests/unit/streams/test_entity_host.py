"""What happens to services, the network, packages and configuration files between two looks."""

from typing import Any
from uuid import UUID

import pytest

from schemas.config import ConfigChangedData
from tests.unit.streams.entity_looks import Json, looks, told, whats
from tests.unit.streams.log_of_events import EPOCH, Observations


def services(*those: Json, complete: bool = True) -> Json:
    return {"services": list(those), "complete": complete}


def unit(state: str = "active", name: str = "web.service", **facts: Any) -> Json:
    return {"unit": name, "active_state": state, "enabled": "enabled", "restarts": 0} | facts


FAILED = unit("failed", exit_code=1, result="exit-code")
WAITS = unit("activating", sub_state="auto-restart", restarts=1)


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([unit(), unit()], []),
        ([unit(), FAILED, FAILED], ["failed"]),
        ([FAILED, FAILED], ["failed"]),
        ([FAILED, unit("activating"), unit()], ["failed", "recovered"]),
        ([FAILED, unit("inactive")], ["failed", "recovered"]),
        ([unit("inactive"), unit("activating"), unit()], ["started"]),
        ([unit(), unit("deactivating"), unit("inactive")], ["stopped"]),
        ([unit(enabled="static"), unit("inactive", enabled="static")], []),
        ([unit(), unit(restarts=1)], ["restarted"]),
        ([unit(restarts=9), unit(restarts=0)], []),
        ([unit(restarts=9), unit(restarts=9)], []),
        ([unit(), WAITS, unit(restarts=1)], ["restarted"]),
        ([unit(), unit(restarts=2), unit(restarts=4), unit(restarts=9)], ["restarted", "restart_loop"]),
        ([unit("activating", sub_state="auto-restart", restarts=6)], ["restart_loop"]),
        ([unit(), unit(restarts=3), FAILED], ["restart_loop", "failed"]),
    ],
)
def test_looks_at_a_service(states: list[Json], expected: list[str]) -> None:
    assert [one.what for one in told(looks("service", *map(services, states)))] == expected


def test_a_loop_is_over_after_a_quiet_while() -> None:
    log = looks("service", services(unit()), services(unit(restarts=5)), services(unit(restarts=5)), every=1800)
    assert whats(log) == ["web.service restart_loop restarting", "web.service recovered active"]


def test_units_that_come_and_go() -> None:
    session = unit(name="user@1000.service", enabled="static")
    log = looks("service", services(unit()), services(unit(), unit(name="db.service"), session), services(unit()))
    assert whats(log) == ["db.service appeared active", "db.service removed removed"]


def test_how_it_failed_is_said() -> None:
    (failed,) = told(looks("service", services(unit()), services(FAILED | {"restarts": 2})))
    assert failed.summary == "web.service failed with exit code 1 after 2 restarts"
    assert (failed.before["status"], failed.after["exit_code"]) == ("active", 1)


def network(*links: Json, complete: bool = True, **lists: Any) -> Json:
    return {"interfaces": list(links), "complete": complete} | lists


def link(state: str = "up", name: str = "eth0", kind: str = "ether", **facts: Any) -> Json:
    return {"name": name, "kind": kind, "state": state, "enabled": True} | facts


def address(text: str, scope: str = "global") -> Json:
    plain, _, length = text.partition("/")
    family = "inet6" if ":" in plain else "inet"
    return {"address": plain, "prefix_length": int(length), "family": family, "scope": scope}


def port(number: int, protocol: str = "tcp", at: str = "0.0.0.0") -> Json:
    return {"protocol": protocol, "address": at, "port": number, "program": "x"}


GIGABIT, FAST = link(speed_bits_per_second=10**9), link(speed_bits_per_second=10**8)
GATEWAY = {"destination": "default", "family": "inet", "gateway": "192.0.2.1", "interface": "eth0"}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (network(link()), network(link("down")), ["eth0 link_down down"]),
        (network(link()), network(link("down", enabled=False)), ["eth0 link_down down"]),
        (network(link("down")), network(link()), ["eth0 link_up up"]),
        (network(link("down")), network(link("down")), []),
        (network(GIGABIT), network(FAST), ["eth0 speed_fell degraded"]),
        (network(FAST), network(GIGABIT), ["eth0 speed_rose up"]),
        (network(link()), network(link(), link(name="veth1", kind="veth"), link(name="br-0123456789ab")), []),
        (network(link()), network(link(), link(name="eth1")), ["eth1 link_appeared up"]),
        (network(link(), link(name="wg0", kind="wireguard")), network(link()), ["wg0 link_vanished gone"]),
        (network(link(), link(name="wg0", kind="wireguard")), network(link(), complete=False), []),
        (
            network(link(addresses=[address("192.0.2.2/24")])),
            network(link(addresses=[address("192.0.2.3/24")])),
            ["eth0 address_added up"],
        ),
        (
            network(link(addresses=[address("2001:db8::1/64"), address("fe80::1/64", "link")])),
            network(link(addresses=[address("2001:db8::2/64"), address("fe80::2/64", "link")])),
            [],
        ),
        (network(routes=[GATEWAY]), network(routes=[]), ["route/default default_route_changed gone"]),
        (network(routes=[GATEWAY]), network(routes=[GATEWAY, GATEWAY | {"gateway": "192.0.2.9", "metric": 100}]), []),
        (network(routes=[GATEWAY]), network(), []),
        (network(listening=[]), network(listening=[port(22)]), ["tcp/0.0.0.0/22 port_opened open"]),
        (network(listening=[port(22)]), network(listening=[]), ["tcp/0.0.0.0/22 port_closed closed"]),
        (network(listening=[port(22)]), network(listening=[], complete=False), []),
        (network(listening=[port(22)]), network(), []),
        (network(), network(listening=[port(22)]), []),
        (network(listening=[]), network(listening=[port(40000, "udp"), port(40000, at="127.0.0.1")]), []),
        (network(listening=[]), network(listening=[port(40000)]), ["tcp/0.0.0.0/40000 port_opened open"]),
    ],
)
def test_two_looks_at_the_network(before: Json, after: Json, expected: list[str]) -> None:
    assert whats(looks("network", before, after)) == expected


def test_a_link_of_which_nothing_is_said_for_a_while_is_what_it_was() -> None:
    unsaid = network(link("unknown", carrier=False))
    log = looks("network", network(link()), network(link("down")), unsaid, network(link()), network(link()))
    assert whats(log) == ["eth0 link_down down", "eth0 link_up up"]
    assert whats(looks("network", network(link()), unsaid, network(link("down")))) == ["eth0 link_down down"]


def test_an_accepted_speed_is_no_longer_slow() -> None:
    log = looks("network", network(GIGABIT), network(FAST))
    log.accept("network", "eth0", speed_bits_per_second=10**8)
    log.wait(60)
    log.look(network(FAST), "network")
    assert whats(log) == ["eth0 speed_fell degraded", "eth0 link_up up"]
    assert told(log)[0].summary == "eth0 fell from 1 Gbit/s to 100 Mbit/s"


def packages(count: int = 0, security: int | None = 0, **facts: Any) -> Json:
    return {"manager": "apt", "updates_count": count, "security_count": security} | facts


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (packages(), packages(), []),
        (packages(), packages(3), ["updates_waiting"]),
        (packages(3), packages(5), []),
        (packages(3), packages(5, 2), ["security_updates_waiting"]),
        (packages(5, 2), packages(3), ["updated"]),
        (packages(3, None), packages(0, None), ["updated"]),
        (packages(reboot_required=False), packages(reboot_required=True), ["reboot_required"]),
        (packages(reboot_required=None), packages(reboot_required=True), ["reboot_required"]),
    ],
)
def test_two_looks_at_packages(before: Json, after: Json, expected: list[str]) -> None:
    first = len(whats(looks("packages", before)))
    assert [one.what for one in told(looks("packages", before, after))][first:] == expected


def test_what_waits_already_is_told_once() -> None:
    waiting = packages(3, 1, reboot_required=True, updates=[{"name": "ssl", "available": "2", "security": True}])
    log = looks("packages", waiting, waiting, packages(reboot_required=False))
    assert [one.what for one in told(log)] == ["security_updates_waiting", "reboot_required", "updated", "rebooted"]
    assert told(log)[0].summary == "1 security update waits: ssl"
    assert told(log)[0].status == "reboot_required"


RUN = UUID("018f0000-0000-7000-8000-00000000000a")


def file(version: int = 1, **facts: Any) -> Json:
    content = {"services": {"web": {"image": f"nginx:{version}", "ports": ["80:80"]}}}
    known = {"kind": "compose", "path": "/srv/shop.yaml", "name": "shop", "enabled": True, "content": content}
    return known | {"content_hash": f"{version}" * 64} | facts


GONE: Json = {"kind": "compose", "path": "/srv/shop.yaml", "name": "shop", "present": False}


@pytest.mark.parametrize(
    ("after", "expected", "note"),
    [
        (file(), [], None),
        (file(2), ["shop: image of web went from nginx:1 to nginx:2"], None),
        (file(2, content=file()["content"]), ["shop changed: /srv/shop.yaml"], "nothing that is parsed differs"),
        (file(2, content=None), ["shop changed: /srv/shop.yaml"], "could not be parsed"),
        (file(2, content={str(n): n for n in range(99)}), ["shop changed: /srv/shop.yaml"], "not remembered"),
        (file(enabled=False), ["shop was disabled"], None),
        (GONE, ["shop was removed: /srv/shop.yaml is gone"], None),
    ],
)
def test_two_looks_at_a_file(after: Json, expected: list[str], note: str | None) -> None:
    changes = told(looks("config", file(), after))
    assert [one.summary for one in changes] == expected
    for one in changes:
        assert isinstance(one, ConfigChangedData)
        assert (note or "") in (one.note or "")
        assert one.previous_hash == "1" * 64


def test_files_of_the_first_run_are_not_new_and_later_ones_are() -> None:
    log = Observations()
    for path, run in (("/a", EPOCH), ("/b", EPOCH), ("/c", RUN), ("/a", RUN)):
        log.look(file(path=path), "config", run=run)
        log.wait(1)
    assert whats(log) == ["/c appeared present"]
