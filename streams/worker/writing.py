"""Sending with patience: what is sent here may be sent again, so a failure is tried anew before the worker gives up."""

import asyncio
import random
from collections.abc import Sequence

from runtime.backoff import Backoff
from runtime.clock import Clock
from runtime.kafka.producer import Acknowledged, Outgoing, SendFailed, Sending
from runtime.log import get_logger

WAITS = Backoff(first_s=0.2, longest_s=5.0)


class PatientSender:
    """Sends until all is acknowledged; after `patience_s` of failures, or one that lasts, raises SendFailed."""

    def __init__(self, producer: Sending, clock: Clock, *, patience_s: float) -> None:
        self._producer = producer
        self._clock = clock
        self._patience_s = patience_s
        self._log = get_logger("streams")

    async def send(self, records: Sequence[Outgoing]) -> list[Acknowledged]:
        """Where the records are, once all are acknowledged. Raises SendFailed."""
        if not records:
            return []
        deadline = self._clock.monotonic() + self._patience_s
        failed = 0
        while True:
            try:
                return await self._producer.send(records)
            except SendFailed as error:
                failed += 1
                wait_s = WAITS.wait_s(failed, random.random())  # noqa: S311 - spreads retries, no secret
                if not error.retryable or self._clock.monotonic() + wait_s > deadline:
                    raise
                self._log.warning("sending again", records=len(records), reason=error.message)
                await asyncio.sleep(wait_s)
