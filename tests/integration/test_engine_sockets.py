"""Docker and Podman asked over their sockets tell what their programs tell, field by field, on the real engines."""

import asyncio
from collections.abc import Iterator

import pytest

from collectors.chain import ask
from collectors.containers.look import containers_look
from collectors.containers.reading import Readings
from collectors.errors import SocketUnusable
from collectors.local import LocalTransport
from collectors.look import Look, Told
from collectors.transport import Limits
from schemas.container import Container, ContainerObservedData, ContainerUsage
from schemas.metric import MetricCollectedData
from tests.integration.docker_engine import IMAGE, Engine, NoEngine, docker_engine
from tests.integration.podman_engine import Podman, podman_engine

pytestmark = [pytest.mark.docker]

SECRET = "planted-secret-behind-a-socket"
LABELS = ("--label", "com.docker.compose.project=shop", "--label", "com.docker.compose.service=web")
APART = {"uptime_seconds", "usage"}
"""Fields that are another a second later."""


@pytest.fixture(scope="module")
def docker() -> Iterator[Engine]:
    try:
        with docker_engine() as started:
            started.run("web", "sleep", "1000", options=(*LABELS, "-m", "64m", "-e", f"PASSWORD={SECRET}"))
            started.run("busy", "sh", "-c", "while :; do :; done", options=("--restart", "always"))
            started.run("again", "sh", "-c", "exit 3", options=("--restart", "on-failure:1"))
            options = ("--health-cmd", "true", "--health-interval", "1s")
            started.run("checked", "sleep", "1000", options=options)
            started.run("paused", "sleep", "1000")
            started.docker("pause", "paused")
            started.docker("create", "--name", "created", "-p", "127.0.0.1:8080:80", IMAGE, "true")
            started.run("killed", "sleep", "1000")
            started.docker("kill", "killed")
            yield started
            started.docker("unpause", "paused")
    except NoEngine as error:
        pytest.skip(f"no Docker engine can be started here: {error}")


@pytest.fixture(scope="module")
def podman() -> Iterator[Podman]:
    try:
        with podman_engine() as started:
            started.run("web", "sleep", "1000", options=(*LABELS, "-e", f"PASSWORD={SECRET}"))
            started.run("busy", "sh", "-c", "while :; do :; done")
            started.run("ended", "sh", "-c", "exit 3")
            started.podman("wait", "ended")
            yield started
    except NoEngine as error:
        pytest.skip(f"no Podman can be run here: {error}")


async def seen(
    look: Look[Readings], transport: LocalTransport, before: Readings | None = None
) -> tuple[Readings, Told]:
    output = await ask(transport, look.request, Limits(look.timeout_s))
    readings = look.parse(output.text)
    told = look.tell(readings, before)
    assert not any(SECRET in one.data.model_dump_json() for one in told.observations)
    return readings, told


def observed(told: Told) -> ContainerObservedData:
    data = told.observations[0].data
    assert isinstance(data, ContainerObservedData)
    return data


def samples(told: Told) -> set[tuple[str, str]]:
    data = told.observations[1].data
    assert isinstance(data, MetricCollectedData)
    return {(one.name, one.labels.get("container.name", "")) for one in data.samples}


async def both(socket: str, environment: dict[str, str]) -> tuple[Told, Told]:
    """Return what programs tell and what the socket tells, each at its second look."""
    transport = LocalTransport(environment)
    by_program, by_socket = containers_look(), containers_look(sockets=(socket,))
    before = (await seen(by_program, transport))[0], (await seen(by_socket, transport))[0]
    # The share of a processor is counted over more than a second.
    await asyncio.sleep(1.2)
    return (await seen(by_program, transport, before[0]))[1], (await seen(by_socket, transport, before[1]))[1]


async def test_docker_tells_the_same_by_socket(docker: Engine) -> None:
    program, socket = await both(docker.socket, docker.environment)
    ours, theirs = observed(socket), observed(program)
    assert (ours.engine, ours.engine_version, ours.complete) == (theirs.engine, theirs.engine_version, True)
    assert [one.name for one in ours.containers] == [one.name for one in theirs.containers]
    for one, other in zip(ours.containers, theirs.containers, strict=True):
        _same(one, other)
    # Of Docker's program processor time is not to be had: a share only.
    assert samples(socket) - samples(program) == {
        ("container.cpu.time", name) for name in ("busy", "checked", "paused", "web")
    }
    assert samples(program) <= samples(socket)
    busy = next(one.usage for one in ours.containers if one.name == "busy")
    assert busy is not None
    assert busy.cpu_utilization == pytest.approx(1, abs=0.9)


def _same(one: Container, other: Container) -> None:
    assert one.model_dump(exclude=APART) == other.model_dump(exclude=APART), one.name
    assert (one.uptime_seconds is None) == (other.uptime_seconds is None)
    assert one.uptime_seconds == pytest.approx(other.uptime_seconds or 0, abs=20) or one.uptime_seconds is None
    assert (one.usage is None) == (other.usage is None), one.name
    if one.usage is not None and other.usage is not None:
        _used_alike(one.usage, other.usage)


def _used_alike(one: ContainerUsage, other: ContainerUsage) -> None:
    assert one.model_fields_set == other.model_fields_set
    exact = ("memory_limit_bytes", "processes", "network_received_bytes", "network_sent_bytes")
    assert all(getattr(one, name) == getattr(other, name) for name in exact)
    for name in ("memory_bytes", "block_read_bytes", "block_written_bytes"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=0.5, abs=1_000_000)


async def test_podman_by_its_program_and_by_its_socket(podman: Podman) -> None:
    program, socket = await both(podman.socket, podman.environment)
    ours, theirs = observed(socket), observed(program)
    version = podman.podman("version", "--format", "{{.Client.Version}}")
    assert (theirs.engine, theirs.engine_version, theirs.complete) == ("podman", version, True)
    assert (ours.engine, ours.engine_version, ours.complete) == ("podman", version, True)
    assert [one.name for one in ours.containers] == ["busy", "ended", "web"]
    for one, other in zip(ours.containers, theirs.containers, strict=True):
        given = {name for name in one.model_fields_set - APART if getattr(one, name) is not None}
        assert {name: getattr(one, name) for name in given} == {name: getattr(other, name) for name in given}
    web, ended = (next(one for one in theirs.containers if one.name == name) for name in ("web", "ended"))
    assert (web.state, web.compose_project, web.compose_service) == ("running", "shop", "web")
    assert (ended.state, ended.exit_code, ended.usage) == ("exited", 3, None)
    shares = [one.usage.cpu_utilization for data in (ours, theirs) for one in data.containers[:1] if one.usage]
    assert shares == [pytest.approx(1, abs=0.9)] * 2


async def test_a_socket_that_nobody_listens_on(docker: Engine) -> None:
    gone = containers_look(sockets=("/tmp/no-engine-listens-here.sock",))
    with pytest.raises(SocketUnusable, match=r"no-engine-listens-here.sock: no such file"):
        await seen(gone, LocalTransport())
    # One of two does not answer: the other is told.
    readings, told = await seen(
        containers_look(sockets=("/tmp/podman-is-not-here.sock", docker.socket)), LocalTransport()
    )
    assert [(engine.engine, engine.up) for engine in readings.engines] == [("podman", False), ("docker", True)]
    assert observed(told).engine == "docker"
