"""Which ports the local stack takes, and what it says when it cannot."""

import os
import socket
from collections.abc import Iterator

import pytest

from deploy.local.ports import LOOPBACK, free_port, holder, is_free
from deploy.local.settings import LocalSettings
from deploy.local.stack import Ports, choose_ports
from runtime.errors import PortTaken


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server((LOOPBACK, 0)) as server:
        yield server.getsockname()[1]


def test_a_free_port_is_free_and_none_of_those_named() -> None:
    port = free_port()
    assert is_free(port)
    assert free_port(besides=frozenset({port})) != port


def test_a_port_somebody_listens_on_is_taken_and_its_holder_is_named(taken: int) -> None:
    assert not is_free(taken)
    assert f"(pid {os.getpid()})" in (holder(taken) or "")


def test_nobody_holds_a_free_port() -> None:
    assert holder(free_port()) is None


def test_the_ports_of_the_last_start_are_taken_again() -> None:
    last = Ports(kafka=free_port(), controller=free_port(), postgres=free_port())
    assert choose_ports(LocalSettings(), last) == last


def test_a_remembered_port_that_is_taken_gives_way_to_a_free_one(taken: int) -> None:
    last = Ports(kafka=taken, controller=free_port(), postgres=free_port())
    chosen = choose_ports(LocalSettings(), last)
    assert chosen.kafka != taken
    assert (chosen.controller, chosen.postgres) == (last.controller, last.postgres)


def test_a_fixed_port_is_taken_whatever_was_remembered() -> None:
    fixed = free_port()
    assert choose_ports(LocalSettings(kafka_port=fixed), Ports()).kafka == fixed


def test_a_fixed_port_that_is_taken_names_port_holder_and_variable(taken: int) -> None:
    with pytest.raises(PortTaken) as caught:
        choose_ports(LocalSettings(postgres_port=taken), Ports(kafka=free_port()))
    assert f"port {taken}" in str(caught.value)
    assert f"pid {os.getpid()}" in str(caught.value)
    assert "INFRASTRUCTOR_LOCAL__POSTGRES_PORT" in str(caught.value)


def test_one_port_for_both_is_refused() -> None:
    port = free_port()
    with pytest.raises(PortTaken, match="the embedded broker"):
        choose_ports(LocalSettings(kafka_port=port, postgres_port=port), Ports())


def test_remembered_ports_never_collide() -> None:
    same = free_port()
    chosen = choose_ports(LocalSettings(), Ports(kafka=same, controller=same, postgres=same))
    assert len({chosen.kafka, chosen.controller, chosen.postgres}) == 3
