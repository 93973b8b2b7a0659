"""A transport behind a circuit breaker: a device that fails again and again costs nothing until it is tried again."""

import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from prometheus_client import CollectorRegistry, Counter, Gauge

from collectors.breaker import Breaker, BreakerPolicy, Circuit
from collectors.errors import CircuitOpen, LookFailed, LookTimedOut, LookUnreachable, NoTurn, OutputTooLarge
from collectors.request import Request
from collectors.transport import Limits, Output, Transport
from runtime.metrics import PREFIX

COUNTED = (LookUnreachable, LookTimedOut, OutputTooLarge)
"""Failures that cost time, connections or memory. A program that is missing or complains is an answer of the device."""


@dataclass(frozen=True, slots=True)
class CircuitMetrics:
    """The circuit of each device that is reached over a network."""

    state: Gauge
    opened: Counter

    @classmethod
    def on(cls, registry: CollectorRegistry) -> Self:
        """Return the metrics, registered."""
        return cls(
            state=Gauge(
                f"{PREFIX}circuit_state",
                "Circuit breaker of a device: 0 closed, 1 half-open, 2 open.",
                ["device"],
                registry=registry,
            ),
            opened=Counter(f"{PREFIX}circuits_opened", "How often a device was left alone.", registry=registry),
        )

    def forget(self, device: str) -> None:
        """Tell no more of a device that is gone."""
        with contextlib.suppress(KeyError):
            self.state.remove(device)


class GuardedTransport:
    """One device. A single success closes the circuit, so one collector that hangs takes no other along."""

    def __init__(
        self,
        inner: Transport,
        device: str,
        *,
        monotonic: Callable[[], float],
        metrics: CircuitMetrics,
        policy: BreakerPolicy | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.inner = inner
        self._device = device
        self._monotonic = monotonic
        self._metrics = metrics
        self._policy = policy or BreakerPolicy()
        self._chance = chance
        self._why = ""
        self._breaker = Breaker()
        self._become(self._breaker)

    @property
    def circuit(self) -> Circuit:
        """The state of the circuit."""
        return self._breaker.circuit

    async def fetch(self, request: Request, limits: Limits) -> Output:
        """Return the answer to one request; see `Transport.fetch`. Raises CircuitOpen when none is asked for now."""
        now = self._monotonic()
        after, may = self._breaker.asked(now, self._policy)
        self._become(after)
        if not may:
            raise CircuitOpen(
                f"left alone after {self._breaker.failures} failures in a row, tried again in "
                f"{max(0.0, self._breaker.until - now):.0f} s; the last was: {self._why}",
                operation="look",
            )
        try:
            output = await self.inner.fetch(request, limits)
        except NoTurn:
            self._become(self._breaker.given_up(self._monotonic()))
            raise
        except COUNTED as error:
            self._why = error.message
            self._become(self._breaker.failed(self._monotonic(), self._policy, chance=self._chance()))
            raise
        except LookFailed:
            self._become(self._breaker.succeeded())
            raise
        except BaseException:
            self._become(self._breaker.given_up(self._monotonic()))
            raise
        self._become(self._breaker.succeeded())
        return output

    async def close(self) -> None:
        """Give back the connection, and what the metrics said of it."""
        await self.inner.close()
        self._metrics.forget(self._device)

    def _become(self, breaker: Breaker) -> None:
        if breaker.circuit is Circuit.OPEN and self._breaker.circuit is not Circuit.OPEN:
            self._metrics.opened.inc()
        self._breaker = breaker
        self._metrics.state.labels(self._device).set(breaker.circuit)
