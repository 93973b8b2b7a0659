"""Starting a client of Kafka with patience: a command gives up after some seconds, a service never does.

The policy, for every process: a broker that is away is waited for with growing waits; a broker that refuses (login,
certificate, permission) is an error at once. Commands wait `INFRASTRUCTOR_KAFKA__PATIENCE_S`; services wait for ever
and say why they are not ready.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from runtime.backoff import Backoff
from runtime.clock import Clock, SystemClock
from runtime.errors import InfrastructorError
from runtime.kafka.failures import CLIENT_ERRORS, why_unreachable
from runtime.settings.kafka import KafkaSettings

ATTEMPT_S = 10.0
"""One attempt to start a client takes no longer: aiokafka by itself may look for a leader for ever."""

WAITS = Backoff(first_s=0.3, longest_s=10.0)


class Client(Protocol):
    """What aiokafka's producer and consumer have in common."""

    async def start(self) -> None:
        """Connect; may be called once."""
        ...

    async def stop(self) -> None:
        """Close; may be called more than once."""
        ...


C = TypeVar("C", bound=Client)

Waiting = Callable[[InfrastructorError], None]
"""Told each time that an attempt failed and another will follow: for a log line and for readiness."""


def _say_nothing(_: InfrastructorError) -> None:
    pass


async def started(
    build: Callable[[], C],
    settings: KafkaSettings,
    *,
    operation: str,
    patience_s: float | None,
    waiting: Waiting = _say_nothing,
    clock: Clock | None = None,
) -> C:
    """Return a started client, built anew for each attempt; `patience_s` None waits for ever.

    Raises KafkaUnavailable when patience ends, KafkaRefused at once.
    """

    async def attempt() -> C:
        client = build()
        try:
            async with asyncio.timeout(ATTEMPT_S):
                await client.start()
        except BaseException:
            await client.stop()
            raise
        return client

    return await patiently(
        attempt, settings, operation=operation, patience_s=patience_s, waiting=waiting, clock=clock or SystemClock()
    )


T = TypeVar("T")


async def patiently(
    attempt: Callable[[], Awaitable[T]],
    settings: KafkaSettings,
    *,
    operation: str,
    patience_s: float | None,
    waiting: Waiting = _say_nothing,
    clock: Clock | None = None,
) -> T:
    """Return what `attempt` returns, tried until it works, is refused, or patience ends."""
    clock = clock or SystemClock()
    deadline = None if patience_s is None else clock.monotonic() + patience_s
    failed = 0
    while True:
        try:
            return await attempt()
        except CLIENT_ERRORS as error:
            reason = await why_unreachable(settings, error, operation=operation)
        failed += 1
        wait_s = WAITS.wait_s(failed, random.random())  # noqa: S311 - spreads retries, no secret
        if not reason.retryable or (deadline is not None and clock.monotonic() + wait_s > deadline):
            raise reason from None
        waiting(reason)
        await clock.sleep(wait_s)
