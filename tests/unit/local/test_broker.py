"""What the broker is told, without starting it."""

import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.local.broker import Broker, BrokerOptions, api_versions_answered, cluster_id
from deploy.local.ports import LOOPBACK


def _properties(broker: Broker) -> dict[str, str]:
    broker.prepare()
    lines = broker.properties_file.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


@pytest.fixture
def formatted(tmp_path: Path) -> Path:
    """A broker's folder that need not be formatted."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "meta.properties").touch()
    return tmp_path


def test_a_cluster_id_is_no_option() -> None:
    ids = {cluster_id() for _ in range(500)}
    assert len(ids) == 500
    assert all(len(text) == 22 and not text.startswith("-") for text in ids)


def test_clients_and_controller_listen_on_loopback_only(formatted: Path) -> None:
    broker = Broker(formatted)
    told = _properties(broker)
    assert told["listeners"] == f"CLIENT://{broker.bootstrap},CONTROLLER://{LOOPBACK}:{broker.controller_port}"
    assert told["advertised.listeners"] == f"CLIENT://{broker.bootstrap}"
    assert broker.internal_bootstrap == broker.bootstrap


def test_a_secured_broker_keeps_a_plain_listener_for_itself(formatted: Path) -> None:
    broker = Broker(formatted, options=BrokerOptions(protocol="SASL_SSL"))
    told = _properties(broker)
    assert told["listener.security.protocol.map"] == "CLIENT:SASL_SSL,CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT"
    assert told["inter.broker.listener.name"] == "INTERNAL"
    assert broker.internal_bootstrap != broker.bootstrap


def test_properties_of_a_test_win(formatted: Path) -> None:
    broker = Broker(formatted, options=BrokerOptions(properties={"num.io.threads": "1", "compression.type": "zstd"}))
    told = _properties(broker)
    assert (told["num.io.threads"], told["compression.type"]) == ("1", "zstd")
    assert told["auto.create.topics.enable"] == "false"


def test_the_mark_is_in_the_command(formatted: Path) -> None:
    broker = Broker(formatted)
    assert broker.mark.argument in broker.prepare().argv


def test_a_port_that_accepts_and_says_something_else_is_no_broker(free_port: Callable[[], int]) -> None:
    port = free_port()
    assert not api_versions_answered(port)
    with socket.create_server((LOOPBACK, port)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        assert not api_versions_answered(port)
        thread.join()
