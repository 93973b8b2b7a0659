"""The circuit breaker as a table of numbers, and the transport behind it."""

import asyncio
from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry

from collectors.breaker import Breaker, BreakerPolicy, Circuit
from collectors.errors import CircuitOpen, CommandFailed, ConnectionRefused, LookFailed, NoTurn
from collectors.guarded import CircuitMetrics, GuardedTransport
from collectors.request import Command, Request
from collectors.transport import Limits, Output
from runtime.backoff import Backoff

POLICY = BreakerPolicy(failures=3, waits=Backoff(first_s=10, factor=2, longest_s=40, jitter=0.2), trial_s=30)


def failed(times: int, now: float = 0.0) -> Breaker:
    breaker = Breaker()
    for _ in range(times):
        breaker = breaker.failed(now, POLICY)
    return breaker


def test_it_opens_after_failures_in_a_row_only() -> None:
    assert failed(2).circuit is Circuit.CLOSED
    assert failed(2).succeeded().failed(0, POLICY).circuit is Circuit.CLOSED
    assert failed(3) == Breaker(Circuit.OPEN, 3, 1, 10.0)


@pytest.mark.parametrize(("now", "may"), [(0, False), (9.9, False), (10, True), (100, True)])
def test_open_lets_nothing_through_before_its_time(now: float, may: bool) -> None:
    assert failed(3).asked(now, POLICY)[1] is may


def test_half_open_lets_one_through() -> None:
    half_open, may = failed(3).asked(10, POLICY)
    assert (half_open.circuit, may) == (Circuit.HALF_OPEN, True)
    assert half_open.asked(11, POLICY) == (half_open, False)
    assert half_open.succeeded() == Breaker()
    assert half_open.failed(12, POLICY) == Breaker(Circuit.OPEN, 4, 2, 32.0)
    # Nobody told how it ended.
    assert half_open.asked(40, POLICY)[1]
    assert half_open.given_up(12).asked(12, POLICY)[1]


def test_waits_grow_to_a_bound_and_differ_by_device() -> None:
    breaker, waits = failed(3), []
    for _ in range(5):
        waits.append(breaker.until)
        breaker = breaker.asked(breaker.until, POLICY)[0].failed(0, POLICY)
    assert waits == [10, 20, 40, 40, 40]
    assert failed(2).failed(0, POLICY, chance=0).until == 8
    assert failed(2).failed(0, POLICY, chance=1).until == 12


def test_those_under_way_when_it_opens_do_not_prolong_it() -> None:
    assert failed(5).until == failed(3).until


class Scripted:
    """Answers as it is told: an error, or nothing wrong."""

    def __init__(self, *answers: LookFailed | None) -> None:
        self.answers = list(answers)
        self.closed = False

    async def fetch(self, request: Request, limits: Limits) -> Output:
        answer = self.answers.pop(0)
        if answer is not None:
            raise answer
        return Output("", 0)

    async def close(self) -> None:
        self.closed = True


def guarded(inner: Scripted, registry: CollectorRegistry, now: Callable[[], float]) -> GuardedTransport:
    return GuardedTransport(
        inner, "nas", monotonic=now, metrics=CircuitMetrics.on(registry), policy=POLICY, chance=lambda: 0.5
    )


async def test_a_device_that_fails_is_left_alone_and_tried_again() -> None:
    registry, now = CollectorRegistry(), [0.0]
    inner = Scripted(*[ConnectionRefused("no")] * 3, None)
    transport = guarded(inner, registry, lambda: now[0])

    def state() -> float | None:
        return registry.get_sample_value("infrastructor_circuit_state", {"device": "nas"})

    assert state() == 0
    for _ in range(3):
        with pytest.raises(ConnectionRefused):
            await transport.fetch(Command(("true",)), Limits())
    assert state() == 2
    assert registry.get_sample_value("infrastructor_circuits_opened_total") == 1
    with pytest.raises(CircuitOpen, match=r"after 3 failures in a row, tried again in 10 s; the last was: no"):
        await transport.fetch(Command(("true",)), Limits())
    now[0] = 10
    await transport.fetch(Command(("true",)), Limits())
    assert state() == 0
    await transport.close()
    assert inner.closed
    assert state() is None


async def test_what_a_program_complains_of_is_an_answer() -> None:
    transport = guarded(Scripted(*[CommandFailed("no such pool")] * 9), CollectorRegistry(), lambda: 0.0)
    for _ in range(9):
        with pytest.raises(CommandFailed):
            await transport.fetch(Command(("zpool",)), Limits())
    assert transport.circuit is Circuit.CLOSED


async def test_a_look_that_is_cancelled_blocks_no_other() -> None:
    now = [0.0]

    class Hanging(Scripted):
        async def fetch(self, request: Request, limits: Limits) -> Output:
            if self.answers:
                return await super().fetch(request, limits)
            await asyncio.sleep(3600)
            raise AssertionError

    inner = Hanging(*[ConnectionRefused("no")] * 3)
    transport = guarded(inner, CollectorRegistry(), lambda: now[0])
    for _ in range(3):
        with pytest.raises(ConnectionRefused):
            await transport.fetch(Command(("true",)), Limits())
    now[0] = 10
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(transport.fetch(Command(("true",)), Limits()), 0.01)
    inner.answers = [None]
    await transport.fetch(Command(("true",)), Limits())
    assert transport.circuit is Circuit.CLOSED


async def test_waiting_for_a_bound_of_our_own_says_nothing_of_the_device() -> None:
    transport = guarded(Scripted(*[NoTurn("no turn")] * 9), CollectorRegistry(), lambda: 0.0)
    for _ in range(9):
        with pytest.raises(NoTurn):
            await transport.fetch(Command(("true",)), Limits())
    assert transport.circuit is Circuit.CLOSED
