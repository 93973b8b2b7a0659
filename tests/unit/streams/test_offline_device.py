"""A device that is offline is one thing to tell: what runs on it is not told of as gone besides."""

from tests.unit.streams.entity_looks import whats
from tests.unit.streams.log_of_events import Collections, Observations
from tests.unit.streams.test_device_status import told

DAY = 86_400
CONTAINER = {"name": "web", "id": "a" * 64, "image": "nginx:1", "image_id": "sha256:" + "1" * 64, "state": "running"}
CONTAINERS = {"engine": "docker", "complete": True, "containers": [CONTAINER | {"restart_count": 0}]}
SERVICES = {
    "services": [{"unit": "nginx.service", "load_state": "loaded", "active_state": "active", "sub_state": "running"}]
}


def test_its_status_says_so_once_and_nothing_is_said_of_its_entities() -> None:
    looked, seen = Collections(), Observations()
    looked.tick()
    looked.completed("nas")
    seen.look(CONTAINERS, "container")
    seen.look(SERVICES, "service")
    for log in (looked, seen):
        log.ticks(DAY, 300)
    assert told(looked) == [("online", "looks_succeed"), ("offline", "no_sign_of_life")]
    assert whats(seen) == []
    looked.completed("nas")
    seen.look(CONTAINERS, "container")
    seen.look(SERVICES, "service")
    assert told(looked)[2:] == [("online", "looks_succeed")]
    assert whats(seen) == []
    # What is really gone is told of by the first look that does not find it.
    seen.look(CONTAINERS | {"containers": []}, "container")
    assert whats(seen) == ["web removed removed"]


def test_looks_that_fail_because_it_is_away_say_nothing_of_its_collectors() -> None:
    log = Collections()
    log.completed()
    for collector in ("system", "containers", "drives"):
        log.failed(collector=collector, status="unreachable", error_code="ssh_unreachable")
    log.completed()
    assert told(log) == [("online", "looks_succeed"), ("offline", "unreachable"), ("online", "looks_succeed")]
