"""The example: a container that is killed is seen as such, in the topics and in the database, within its freshness."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.codec import decode
from schemas.container import ContainerObserved, ContainerStatusChanged
from schemas.registry import OBSERVATIONS, STATUS
from tests.integration.docker_engine import Engine, NoEngine, docker_engine
from tests.integration.whole_system import WholeSystem

pytestmark = [pytest.mark.docker, pytest.mark.kafka, pytest.mark.postgres]

FRESHNESS_S = 30.0
NOW = "SELECT state, exit_code FROM containers WHERE device_id = 'box' AND name = 'web'"
KILLED = "SELECT what, previous, status, entity, event_id::text FROM entity_changes WHERE family = 'container'"


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    try:
        with docker_engine() as started:
            yield started
    except NoEngine as error:
        pytest.skip(f"no Docker engine can be started here: {error}")


def test_a_killed_container_is_seen_in_the_topics_and_in_the_database(engine: Engine, tmp_path: Path) -> None:
    settings = {
        "INFRASTRUCTOR_AGENT__COLLECTORS": "identity,system,containers",
        "INFRASTRUCTOR_AGENT__CONTAINER_SOCKETS": engine.host.removeprefix("unix://"),
        "INFRASTRUCTOR_AGENT__INTERVALS": "containers=2",
    }
    engine.run("web", "sleep", "1000")
    with WholeSystem(tmp_path, settings) as system:
        system.until("web runs, in the database", lambda: ("running", None) in system.rows(NOW))
        engine.docker("kill", "web")
        began = time.monotonic()
        system.until("web was killed, in the database", lambda: ("exited", 137) in system.rows(NOW), within=FRESHNESS_S)
        told = system.until("its change, in the database", lambda: system.rows(KILLED), within=FRESHNESS_S)
        assert time.monotonic() - began < FRESHNESS_S
        events = [decode(raw.value or b"") for raw in system.records(OBSERVATIONS, STATUS)]
    looks = [one for one in events if isinstance(one, ContainerObserved) and one.subject == "box"]
    states = [(web.state, web.exit_code) for one in looks for web in one.data.containers if web.name == "web"]
    assert states[0] == ("running", None)
    assert states[-1] == ("exited", 137)
    (change,) = [one for one in events if isinstance(one, ContainerStatusChanged)]
    assert (change.data.what, change.data.status, change.data.exit_code) == ("stopped", "failed", 137)
    assert (change.subject, change.data.entity, change.data.engine) == ("box", "web", "docker")
    assert "137" in change.data.summary
    assert told == [("stopped", "running", "failed", "web", str(change.id))]
    # The look that showed it is the evidence, and the cause.
    assert change.causationid in {one.id for one in looks}
