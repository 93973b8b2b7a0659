"""What happens to pools between two looks."""

from typing import Any

import pytest

from tests.unit.streams.entity_looks import Json, looks, told, whats

DAY_S = 86_400.0


def pools(*those: Json, complete: bool = True) -> Json:
    return {"pools": list(those), "complete": complete}


def device(name: str, state: str = "online", **facts: Any) -> Json:
    return {"name": name, "kind": "disk", "parent": "mirror-0", "state": state} | facts


def pool(*devices: Json, **facts: Any) -> Json:
    vdev = {"name": "mirror-0", "kind": "mirror", "state": facts.pop("vdev", "online")}
    return {"name": "tank", "guid": "1", "state": "online", "devices": [vdev, *devices]} | facts


A, B = device("sda"), device("sdb")
WELL = pool(A, B)
HALF = pool(A, device("sdb", "faulted"), state="degraded", vdev="degraded")


def scan(state: str = "finished", kind: str = "scrub", day: int = 20, errors: int = 0) -> Json:
    return {"kind": kind, "state": state, "ended_at": f"2026-11-{day:02}T00:00:00Z", "errors": errors}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (WELL, WELL, []),
        (WELL, HALF, ["tank state_changed degraded", "tank device_failed degraded"]),
        (HALF, WELL, ["tank state_changed healthy", "tank device_recovered healthy"]),
        (WELL, pool(A, B, state="suspended"), ["tank state_changed failed"]),
        (WELL, pool(A, device("sdb", checksum_errors=1)), ["tank errors_rose warning"]),
        (pool(A, device("sdb", read_errors=4)), pool(A, device("sdb", read_errors=5)), []),
        (pool(A, device("sdb", read_errors=4)), pool(A, device("sdb", read_errors=8)), ["tank errors_rose warning"]),
        (pool(A, device("sdb", read_errors=4)), WELL, ["tank errors_cleared healthy"]),
        (WELL, pool(A, B, data_errors=2), ["tank errors_rose warning"]),
        (WELL, pool(A, device("sdc")), ["tank device_replaced healthy"]),
        (WELL, pool(A, B, scan=scan("running", "resilver")), ["tank resilver_started healthy"]),
        (pool(A, B, scan=scan("running")), pool(A, B, scan=scan(day=21)), ["tank scrub_finished healthy"]),
        (pool(A, B, scan=scan()), pool(A, B, scan=scan(day=21, errors=3)), ["tank scrub_found_errors warning"]),
        (pool(A, B, scan=scan()), WELL, []),
        (WELL, pool(A, B, capacity=0.86), ["tank capacity_high warning"]),
        (WELL, pool(A, B, guid="2"), ["tank vanished gone", "tank appeared healthy"]),
    ],
)
def test_two_looks_at_a_pool(before: Json, after: Json, expected: list[str]) -> None:
    first = whats(looks("pool", pools(before)))
    assert whats(looks("pool", pools(before), pools(after)))[len(first) :] == expected


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (WELL, []),
        (HALF, ["pool tank is degraded: sdb is faulted"]),
        (pool(A, device("sdb", "unavail")), ["sdb of pool tank is unavailable"]),
        (pool(A, B, scan=scan(errors=2)), ["the scrub of pool tank finished with 2 errors"]),
        (
            pool(A, B, scan=scan(day=1) | {"ended_at": "2026-10-01T00:00:00Z"}),
            ["pool tank was not scrubbed for 51 days"],
        ),
        (pool(A, B, capacity=0.91), ["pool tank is 91% full"]),
    ],
)
def test_the_first_look_tells_once_what_is_wrong(first: Json, expected: list[str]) -> None:
    assert [one.summary for one in told(looks("pool", pools(first), pools(first)))] == expected


def test_a_scrub_is_overdue_by_the_time_of_the_look_and_told_once() -> None:
    log = looks("pool", *(pools(pool(A, B, scan=scan())) for _ in range(3)), every=18 * DAY_S)
    log.look(pools(pool(A, B, scan=scan("running", day=21))), "pool")
    log.wait(3600)
    ended = scan() | {"ended_at": log.now().isoformat()}
    log.look(pools(pool(A, B, scan=ended)), "pool")
    assert whats(log) == ["tank scrub_overdue warning", "tank scrub_finished healthy"]


def test_a_pool_that_was_never_scrubbed_is_overdue_from_when_it_was_first_seen() -> None:
    log = looks("pool", *(pools(WELL) for _ in range(4)), every=18 * DAY_S)
    assert [one.summary for one in told(log)] == ["pool tank was not scrubbed for 36 days"]


def test_how_full_it_is_does_not_flap() -> None:
    shares = [0.84, 0.85, 0.83, 0.85, 0.8, 0.84]
    assert whats(looks("pool", *(pools(pool(A, B, capacity=one)) for one in shares))) == [
        "tank capacity_high warning",
        "tank capacity_normal healthy",
    ]


def test_replacing_a_device_step_by_step() -> None:
    replacing = {"name": "replacing-1", "kind": "replacing", "parent": "mirror-0", "state": "degraded"}
    old, new = {"name": "sdb", "state": "faulted"}, {"name": "sdc", "state": "online"}
    during = pool(A, replacing, *(one | {"parent": "replacing-1"} for one in (old, new)), state="degraded")
    log = looks("pool", pools(HALF), pools(during), pools(pool(A, device("sdc"))))
    assert whats(log)[1:] == ["tank state_changed healthy", "tank device_replaced healthy"]


def test_gone_in_whole_looks_only() -> None:
    assert whats(looks("pool", pools(WELL), pools(complete=False), pools())) == ["tank vanished gone"]
