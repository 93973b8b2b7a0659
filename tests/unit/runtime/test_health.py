"""Health over HTTP: metrics, alive, ready, and what is told when a port is taken."""

import json
import socket
import struct
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry

from runtime.errors import PortTaken
from runtime.health import HealthServer, Readiness
from runtime.metrics import KafkaMetrics, new_registry
from runtime.settings import HttpSettings


class Hands:
    """Monotonic time, moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def readiness(hands: Hands) -> Readiness:
    return Readiness("kafka", monotonic=hands)


@pytest.fixture
def registry() -> CollectorRegistry:
    return new_registry(process="agent", version="1.2.3")


@pytest.fixture
def server(registry: CollectorRegistry, readiness: Readiness) -> Iterator[HealthServer]:
    server = HealthServer(registry, HttpSettings(), readiness=readiness)
    server.start()
    yield server
    server.close()


def get(server: HealthServer, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_ready_once_all_conditions_are_met(server: HealthServer, readiness: Readiness) -> None:
    status, body = get(server, "/readyz")
    assert status == 503
    assert json.loads(body)["conditions"] == {"kafka": {"ok": False, "why": "starting"}}
    readiness.set("kafka", True)
    assert get(server, "/readyz")[0] == 200
    readiness.set("database", False, "postgresql://me:secret@db cannot be reached")
    status, body = get(server, "/readyz")
    assert status == 503
    assert "postgresql://me:********@db cannot be reached" in body


def test_alive_as_long_as_the_loop_beats(server: HealthServer, readiness: Readiness, hands: Hands) -> None:
    hands.now = 1000
    assert get(server, "/healthz")[0] == 200
    readiness.set("kafka", True)
    readiness.beat()
    hands.now = 1029
    assert get(server, "/healthz")[0] == 200
    hands.now = 1031
    assert get(server, "/healthz")[0] == 503
    assert get(server, "/readyz")[0] == 503
    readiness.beat()
    assert get(server, "/healthz")[0] == 200


def test_metrics_are_those_of_the_registry_given(server: HealthServer, registry: CollectorRegistry) -> None:
    KafkaMetrics.on(registry).sent.labels("infra.metrics").inc(3)
    status, body = get(server, "/metrics")
    assert status == 200
    assert 'infrastructor_kafka_sent_total{topic="infra.metrics"} 3.0' in body
    assert 'infrastructor_build_info{process="agent",version="1.2.3"} 1.0' in body
    assert "process_resident_memory_bytes" in body


def test_two_registries_do_not_meet() -> None:
    KafkaMetrics.on(CollectorRegistry())
    KafkaMetrics.on(CollectorRegistry())


def test_a_client_that_goes_away_is_no_news(server: HealthServer, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        # Closed with a reset, so that the answer meets nobody.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.sendall(b"GET /metrics HTTP/1.1\r\n" * 2)
    assert get(server, "/metrics")[0] == 200
    assert capfd.readouterr().err == ""


def test_other_paths_say_what_there_is(server: HealthServer) -> None:
    assert get(server, "/") == (404, "try /metrics, /healthz or /readyz\n")


def test_a_port_that_is_taken_is_told_with_what_to_set(server: HealthServer) -> None:
    with pytest.raises(PortTaken, match=rf"127\.0\.0\.1:{server.port}.*INFRASTRUCTOR_HTTP__PORT"):
        HealthServer(CollectorRegistry(), HttpSettings(port=server.port), readiness=Readiness())
