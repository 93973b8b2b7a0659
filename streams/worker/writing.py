"""Sending with patience: what is sent here may be sent again, so a failure is tried anew before the worker gives up."""

import asyncio
import random
from collections.abc import Sequence

from runtime.backoff import Backoff
from runtime.clock import Clock
from runtime.kafka.producer import Acknowledged, Outgoing, SendFailed, Sending
from runtime.log import get_logger

WAITS = Backoff(first_s=0.2, longest_s=5.0)

SILENT_S = 5.0
"""A broker that has not acknowledged for so long is away as far as others are told."""


class PatientSender:
    """Sends until all is acknowledged; after `patience_s` of failures, or one that lasts, raises SendFailed."""

    def __init__(self, producer: Sending, clock: Clock, *, patience_s: float) -> None:
        self._producer = producer
        self._clock = clock
        self._patience_s = patience_s
        self._under_way: dict[object, float] = {}
        self._failing: dict[object, str] = {}
        self._log = get_logger("streams")

    def trouble(self) -> str | None:
        """Why what is sent now may not arrive; None while the broker acknowledges in time."""
        if self._failing:
            return next(iter(self._failing.values()))
        silent_s = self._clock.monotonic() - min(self._under_way.values(), default=self._clock.monotonic())
        return f"Kafka has acknowledged nothing for {silent_s:.0f} s" if silent_s > SILENT_S else None

    async def send(self, records: Sequence[Outgoing]) -> list[Acknowledged]:
        """Where the records are, once all are acknowledged. Raises SendFailed."""
        if not records:
            return []
        this, began = object(), self._clock.monotonic()
        self._under_way[this] = began
        try:
            return await self._patiently(records, this, began + self._patience_s)
        finally:
            del self._under_way[this]
            self._failing.pop(this, None)

    async def _patiently(self, records: Sequence[Outgoing], this: object, deadline: float) -> list[Acknowledged]:
        failed = 0
        while True:
            try:
                return await self._producer.send(records)
            except SendFailed as error:
                failed += 1
                self._failing[this] = error.message
                wait_s = WAITS.wait_s(failed, random.random())  # noqa: S311 - spreads retries, no secret
                if not error.retryable or self._clock.monotonic() + wait_s > deadline:
                    raise
                self._log.warning("sending again", records=len(records), reason=error.message)
                await asyncio.sleep(wait_s)
