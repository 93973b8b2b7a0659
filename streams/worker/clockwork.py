"""Ticks: time put into each partition that this worker owns, so that a timeout sits at a place in the log."""

from runtime.clock import Clock
from runtime.kafka.outgoing import outgoing
from runtime.kafka.producer import Outgoing
from runtime.process import Stop
from schemas.clock import ClockTicked, ClockTickedData
from schemas.identity import uuid7
from streams.worker.owned import Owned, Ownership
from streams.worker.writing import PatientSender


class Clockwork:
    """Puts a tick into each owned partition every `period_s`."""

    def __init__(self, ownership: Ownership, sender: PatientSender, clock: Clock, *, period_s: float) -> None:
        self._ownership = ownership
        self._sender = sender
        self._clock = clock
        self._period_s = period_s

    async def run(self, stop: Stop) -> None:
        """Tick until asked to stop. Raises SendFailed."""
        due = self._clock.monotonic() + self._period_s
        while not await stop.wait(max(0.0, due - self._clock.monotonic())):
            await self.tick()
            # No hurry after a pause: missed ticks are not made up for, liveness counts at most two periods each.
            due = max(due + self._period_s, self._clock.monotonic())

    async def tick(self) -> None:
        """Put one tick into each partition that is ours now."""
        owned = list(self._ownership)
        places = await self._sender.send([self._tick(one) for one in owned])
        for one, place in zip(owned, places, strict=True):
            one.end = max(one.end, place.offset + 1)

    def _tick(self, owned: Owned) -> Outgoing:
        now_ms = self._clock.now_ms()
        event = ClockTicked(
            id=uuid7(now_ms),
            source="/streams/clock",
            subject=f"_partition-{owned.partition}",
            time=self._clock.now(),
            data=ClockTickedData(period_seconds=self._period_s),
        )
        return outgoing(event, owned.topic, sent_ms=now_ms, partition=owned.partition)
