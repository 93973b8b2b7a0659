"""Looks at things that change at random, of every kind, for properties of entity_status."""

import random
from collections.abc import Callable
from typing import Any

Json = dict[str, Any]


def random_look(rng: random.Random) -> tuple[str, Json]:
    """A kind of look, and what it saw."""
    kind = rng.choice(sorted(_LOOKS))
    return kind, _LOOKS[kind](rng)


def _some(rng: random.Random, count: int) -> list[int]:
    return rng.sample(range(1, count + 1), rng.randint(0, count))


def _time(rng: random.Random) -> str:
    return f"2026-11-21T1{rng.randint(0, 4)}:{rng.randint(10, 59)}:00Z"


def _containers(rng: random.Random) -> Json:
    return {
        "engine": rng.choice(["docker", "podman"]),
        "complete": rng.random() < 0.8,
        "containers": [
            {
                "name": f"c{number}",
                "id": f"{rng.randint(1, 2)}" * 64,
                "image_id": f"sha256:{rng.choice('ab') * 64}",
                "image": rng.choice(["web:1", "web:2"]),
                "state": rng.choice(["running", "running", "exited", "restarting", "paused", "created", "unknown"]),
                "health": rng.choice([None, "healthy", "unhealthy", "starting"]),
                "exit_code": rng.choice([None, 0, 1, 137]),
                "out_of_memory_killed": rng.random() < 0.1,
                "restart_count": rng.randint(0, 6),
                "started_at": _time(rng),
                "finished_at": _time(rng),
            }
            for number in _some(rng, 3)
        ],
    }


def _drives(rng: random.Random) -> Json:
    return {
        "complete": rng.random() < 0.8,
        "drives": [
            {
                "id": f"S{number}",
                "serial": f"S{number}",
                "path": rng.choice(["/dev/sda", "/dev/sdb"]),
                "standby": rng.random() < 0.2,
                "passed": rng.choice([None, True, True, False]),
                "power_on_hours": rng.randint(0, 3),
                "temperature_celsius": rng.choice([None, 30.0, 54.0, 56.0, 71.0]),
                "reallocated_sectors": rng.choice([None, 0, 8, 9, 20]),
                "pending_sectors": rng.choice([None, 0, 3]),
                "wear_percent": rng.choice([None, 10, 85, 99]),
                "available_spare_percent": rng.choice([None, 100, 60, 5]),
                "self_tests": rng.choice([[], [{"kind": "Short", "result": "x", "passed": rng.random() < 0.5}]]),
            }
            for number in _some(rng, 3)
        ],
    }


def _pools(rng: random.Random) -> Json:
    return {
        "complete": rng.random() < 0.8,
        "pools": [
            {
                "name": f"p{number}",
                "guid": f"{rng.randint(1, 2)}",
                "state": rng.choice(["online", "online", "degraded", "suspended"]),
                "capacity": rng.choice([None, 0.5, 0.82, 0.9]),
                "data_errors": rng.choice([None, 0, 0, 4]),
                "scan": {
                    "kind": rng.choice(["scrub", "resilver"]),
                    "state": rng.choice(["running", "finished"]),
                    "ended_at": rng.choice(["2026-09-01T00:00:00Z", _time(rng)]),
                    "errors": rng.choice([0, 0, 3]),
                },
                "devices": [{"name": "mirror-0", "kind": "mirror", "state": rng.choice(["online", "degraded"])}]
                + [
                    {
                        "name": f"d{one}",
                        "parent": "mirror-0",
                        "state": rng.choice(["online", "online", "faulted"]),
                        "read_errors": rng.randint(0, 5),
                    }
                    for one in _some(rng, 3)
                ],
            }
            for number in _some(rng, 2)
        ],
    }


def _services(rng: random.Random) -> Json:
    return {
        "complete": rng.random() < 0.8,
        "services": [
            {
                "unit": f"u{number}.service",
                "active_state": rng.choice(["active", "active", "inactive", "failed", "activating"]),
                "sub_state": rng.choice([None, "auto-restart"]),
                "enabled": rng.choice(["enabled", "static"]),
                "restarts": rng.choice([None, 0, 1, 5]),
                "exit_code": rng.choice([None, 1]),
            }
            for number in _some(rng, 3)
        ],
    }


def _network(rng: random.Random) -> Json:
    return {
        "complete": rng.random() < 0.8,
        "interfaces": [
            {
                "name": f"eth{number}",
                "kind": "ether",
                "state": rng.choice(["up", "up", "down"]),
                "speed_bits_per_second": rng.choice([None, 10**8, 10**9]),
                "addresses": [
                    {"address": f"192.0.2.{one}", "prefix_length": 24, "family": "inet", "scope": "global"}
                    for one in _some(rng, 2)
                ],
            }
            for number in _some(rng, 2)
        ],
        "routes": rng.choice(
            [None, [], [{"destination": "default", "family": "inet", "gateway": f"192.0.2.{rng.randint(1, 2)}"}]]
        ),
        "listening": rng.choice(
            [None, [{"protocol": "tcp", "address": "0.0.0.0", "port": 80 + one} for one in _some(rng, 3)]]
        ),
    }


def _packages(rng: random.Random) -> Json:
    return {
        "manager": "apt",
        "updates_count": rng.choice([0, 3]),
        "security_count": rng.choice([None, 0, 2]),
        "reboot_required": rng.choice([None, False, True]),
        "index_updated_at": "2026-11-07T12:00:00Z",
    }


def _config(rng: random.Random) -> Json:
    present = rng.random() < 0.8
    number = rng.randint(1, 3)
    return {
        "kind": "compose",
        "path": f"/srv/{rng.randint(1, 3)}.yaml",
        "present": present,
        "enabled": rng.choice([None, True, False]),
        "content_hash": f"{number}" * 64 if present else None,
        "content": {"services": {"web": {"image": f"web:{number}"}}} if present else None,
    }


_LOOKS: dict[str, Callable[[random.Random], Json]] = {
    "container": _containers,
    "drive": _drives,
    "pool": _pools,
    "service": _services,
    "network": _network,
    "packages": _packages,
    "config": _config,
}
