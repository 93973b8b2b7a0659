"""What happens to containers between two looks."""

from typing import Any

import pytest

from schemas.container import ContainerStatusData
from tests.unit.streams.entity_looks import Json, looks, told, whats


def engine(*containers: Json, complete: bool = True) -> Json:
    return {"engine": "docker", "containers": list(containers), "complete": complete}


def container(name: str = "web", **facts: Any) -> Json:
    started = {"id": "a" * 64, "image": "nginx:1", "image_id": "sha256:" + "1" * 64, "state": "running"}
    return {"name": name, "restart_count": 0, "started_at": "2026-11-21T10:00:00Z"} | started | facts


RUNNING = container()
ENDED = container(state="exited", exit_code=0, finished_at="2026-11-21T12:00:30Z")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (RUNNING, RUNNING, []),
        (RUNNING, ENDED, ["web stopped stopped"]),
        (RUNNING, ENDED | {"exit_code": 143}, ["web stopped stopped"]),
        (RUNNING, ENDED | {"exit_code": 1}, ["web stopped failed"]),
        (RUNNING, ENDED | {"exit_code": 137, "out_of_memory_killed": True}, ["web out_of_memory failed"]),
        (ENDED, RUNNING, ["web started running"]),
        (ENDED, ENDED, []),
        (RUNNING, RUNNING | {"started_at": "2026-11-21T12:00:30Z"}, ["web restarted running"]),
        (RUNNING, RUNNING | {"restart_count": 1}, ["web restarted running"]),
        (RUNNING | {"restart_count": 4}, RUNNING, []),
        (RUNNING, RUNNING | {"state": "restarting", "exit_code": 1}, ["web restarted restarting"]),
        (RUNNING, RUNNING | {"state": "paused"}, ["web paused paused"]),
        (RUNNING | {"state": "paused"}, RUNNING, ["web unpaused running"]),
        (RUNNING, RUNNING | {"health": "unhealthy"}, ["web unhealthy unhealthy"]),
        (RUNNING | {"health": "starting"}, RUNNING | {"health": "healthy"}, []),
        (RUNNING, RUNNING | {"id": "b" * 64}, ["web created running"]),
        (RUNNING, RUNNING | {"id": "b" * 64, "image_id": "2" * 64}, ["web image_changed running"]),
        (container(state="created"), RUNNING, ["web started running"]),
        (container(state="created", started_at=None), ENDED, ["web stopped stopped"]),
        (RUNNING, RUNNING | {"state": "unknown"}, []),
    ],
)
def test_two_looks_at_a_container(before: Json, after: Json, expected: list[str]) -> None:
    assert whats(looks("container", engine(before), engine(after))) == expected


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (RUNNING, []),
        (ENDED, []),
        (RUNNING | {"health": "unhealthy"}, ["web unhealthy unhealthy"]),
        (RUNNING | {"state": "restarting"}, ["web restarted restarting"]),
        (ENDED | {"exit_code": 1}, ["web stopped failed"]),
    ],
)
def test_the_first_look_tells_once_what_is_wrong(first: Json, expected: list[str]) -> None:
    assert whats(looks("container", engine(first), engine(first), engine(first))) == expected


def test_what_comes_and_goes_is_told_by_whole_looks_only() -> None:
    other = container("db", compose_project="shop", compose_service="db")
    log = looks(
        "container",
        engine(RUNNING, complete=False),
        engine(RUNNING, other),
        engine(RUNNING, complete=False),
        engine(RUNNING),
        engine(RUNNING, other),
    )
    assert whats(log) == ["shop/db/db removed removed", "shop/db/db created running"]


def test_the_same_name_on_two_engines_is_two_containers() -> None:
    podman = engine(ENDED) | {"engine": "podman"}
    assert whats(looks("container", engine(RUNNING), podman, engine(RUNNING), podman)) == []


def test_a_sentence_before_and_after_and_the_proof() -> None:
    log = looks("container", engine(RUNNING), engine(ENDED | {"exit_code": 137}))
    (change,) = told(log)
    assert isinstance(change, ContainerStatusData)
    assert change.summary == "web stopped with exit code 137: it was killed"
    assert (change.previous, change.exit_code) == ("running", 137)
    assert change.before == {"status": "running"}
    assert change.after == {"status": "failed", "state": "exited", "exit_code": 137}
    assert change.since.isoformat() == "2026-11-21T12:00:30+00:00"
    assert [one.offset for one in change.evidence] == [0, 1]


def test_a_loop_of_restarts_is_told_once_and_its_end() -> None:
    counts = [0, 1, 3, 5, 8, 8]
    log = looks("container", *(engine(RUNNING | {"restart_count": one}) for one in counts))
    log.wait(1800)
    log.look(engine(RUNNING | {"restart_count": 8}), "container")
    assert whats(log) == ["web restarted running", "web restarted restarting", "web started running"]


def test_healthy_again() -> None:
    health = ["healthy", "unhealthy", "unhealthy", "healthy"]
    assert whats(looks("container", *(engine(RUNNING | {"health": one}) for one in health))) == [
        "web unhealthy unhealthy",
        "web healthy running",
    ]
