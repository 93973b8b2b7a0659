"""The look at containers, with its own commands, on a real Docker engine."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from collectors.chain import ask
from collectors.containers.look import containers_look
from collectors.containers.reading import Readings
from collectors.errors import LookFailed
from collectors.local import LocalTransport
from collectors.look import Told
from collectors.transport import Limits
from schemas.container import Container, ContainerObservedData
from schemas.metric import MetricCollectedData
from tests.integration.docker_engine import IMAGE, Engine, NoEngine, docker_engine

pytestmark = [pytest.mark.docker]

SECRET = "planted-secret-of-a-real-engine"
LOOK = containers_look(interval_s=30)
HEALTH = ("--health-interval", "1s", "--health-retries", "1")


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    try:
        with docker_engine() as started:
            yield started
    except NoEngine as error:
        pytest.skip(f"no Docker engine can be started here: {error}")


@pytest.fixture
async def transport(engine: Engine) -> AsyncIterator[LocalTransport]:
    yield LocalTransport(engine.environment)
    for one in engine.docker("ps", "-aq").split():
        engine.docker("rm", "-f", one)


async def look(transport: LocalTransport) -> tuple[str, Told]:
    output = await ask(transport, LOOK.request, Limits(LOOK.timeout_s))
    readings: Readings = LOOK.parse(output.text)
    return output.text, LOOK.tell(readings, None)


def observed(told: Told) -> ContainerObservedData:
    data = told.observations[0].data
    assert isinstance(data, ContainerObservedData)
    return data


async def seen(transport: LocalTransport, until: Callable[[dict[str, Container]], bool]) -> dict[str, Container]:
    """Look until it is so: what an engine does takes its time."""
    deadline = time.monotonic() + 40
    while True:
        _, told = await look(transport)
        containers = {one.name: one for one in observed(told).containers}
        if until(containers):
            return containers
        assert time.monotonic() < deadline, containers
        await asyncio.sleep(0.2)


async def test_a_killed_container_is_seen_with_its_exit_code(engine: Engine, transport: LocalTransport) -> None:
    labels = ("--label", "com.docker.compose.project=shop", "--label", "com.docker.compose.service=web")
    engine.run("web", "sleep", "1000", options=labels)
    _, told = await look(transport)
    before = observed(told)
    (running,) = before.containers
    assert (before.engine, before.complete) == ("docker", True)
    assert before.engine_version == engine.docker("version", "--format", "{{.Server.Version}}")
    assert (running.name, running.state, running.exit_code) == ("web", "running", None)
    assert (running.compose_project, running.compose_service) == ("shop", "web")
    assert running.uptime_seconds is not None
    assert running.uptime_seconds < 60

    engine.docker("kill", "web")
    _, told = await look(transport)
    (killed,) = observed(told).containers
    assert (killed.name, killed.state, killed.exit_code) == ("web", "exited", 137)
    assert killed.out_of_memory_killed is False
    assert killed.id == running.id
    assert (killed.uptime_seconds, killed.usage) == (None, None)
    assert killed.started_at is not None
    assert killed.finished_at is not None
    assert killed.finished_at > killed.started_at


async def test_what_becomes_of_containers(engine: Engine, transport: LocalTransport) -> None:
    engine.run("healthy", "sleep", "1000", options=("--health-cmd", "true", *HEALTH))
    engine.run("unhealthy", "sleep", "1000", options=("--health-cmd", "false", *HEALTH))
    engine.run("again", "false", options=("--restart", "always"))
    engine.run("thrice", "sh", "-c", "exit 3", options=("--restart", "on-failure:3"))
    engine.run("paused", "sleep", "1000")
    engine.docker("pause", "paused")
    engine.docker("create", "--name", "created", "--network", "none", "-p", "127.0.0.1:8080:80", IMAGE, "true")

    def settled(now: dict[str, Container]) -> bool:
        return (
            (now["healthy"].health, now["unhealthy"].health) == ("healthy", "unhealthy")
            and now["again"].state == "restarting"
            and (now["thrice"].state, now["thrice"].restart_count) == ("exited", 3)
        )

    now = await seen(transport, settled)
    engine.docker("unpause", "paused")
    assert (now["unhealthy"].state, now["healthy"].state) == ("running", "running")
    assert now["unhealthy"].failing_streak
    assert now["healthy"].failing_streak == 0
    assert now["again"].exit_code == 1
    assert now["again"].restart_count
    assert now["thrice"].exit_code == 3
    assert (now["thrice"].restart_policy, now["again"].restart_policy) == ("on-failure", "always")
    assert now["paused"].state == "paused"
    assert (now["created"].state, now["created"].exit_code, now["created"].started_at) == ("created", None, None)
    (port,) = now["created"].ports
    assert (port.container_port, port.host_address, port.host_port) == (80, "127.0.0.1", 8080)
    assert {one.image for one in now.values()} == {IMAGE}
    assert {one.image_id for one in now.values()} == {engine.docker("image", "inspect", "-f", "{{.Id}}", IMAGE)}


async def test_what_a_container_uses(engine: Engine, transport: LocalTransport) -> None:
    engine.run("busy", "sh", "-c", "while :; do :; done", options=("-m", "64m"))
    _, told = await look(transport)
    (busy,) = observed(told).containers
    assert busy.usage is not None
    assert busy.usage.cpu_utilization is not None
    assert 0.05 < busy.usage.cpu_utilization < 1.5
    assert busy.usage.memory_limit_bytes in (None, 64 * 2**20)
    assert busy.usage.processes in (None, 1)
    data = told.observations[1].data
    assert isinstance(data, MetricCollectedData)
    found = {one.name: one.value for one in data.samples if one.labels.get("container.name") == "busy"}
    assert found["container.cpu.usage"] == busy.usage.cpu_utilization
    assert {"container.uptime", "container.restart.count"} <= set(found)


async def test_environment_and_command_line_stay_on_the_device(engine: Engine, transport: LocalTransport) -> None:
    engine.run("quiet", "sleep", "1000", SECRET, options=("-e", f"PASSWORD={SECRET}", "--label", f"auth={SECRET}"))
    engine.docker("create", "--name", "wrong", "--network", "none", IMAGE, f"sleep --token={SECRET}")
    with pytest.raises(AssertionError):
        engine.docker("start", "wrong")
    text, told = await look(transport)
    assert SECRET in text
    containers = {one.name: one for one in observed(told).containers}
    assert "sleep ..." in (containers["wrong"].error or "")
    assert not any(SECRET in one.data.model_dump_json() for one in told.observations)


async def test_an_engine_without_containers(transport: LocalTransport) -> None:
    _, told = await look(transport)
    assert (observed(told).containers, observed(told).complete) == ((), True)


async def test_no_engine_answers(engine: Engine) -> None:
    away = LocalTransport(engine.environment | {"DOCKER_HOST": "unix:///tmp/no-engine-listens-here.sock"})
    with pytest.raises(LookFailed, match="Docker daemon"):
        await look(away)


async def test_no_engine_is_there(tmp_path: Path) -> None:
    for program in ("sh", "date"):
        (tmp_path / program).symlink_to(shutil.which(program) or "")
    with pytest.raises(LookFailed, match="neither docker nor podman is there"):
        await look(LocalTransport({"PATH": str(tmp_path)}))
