"""From the spool to Kafka: in sequence by topic and subject, subjects taking turns, and gone only when acknowledged.

One round is under way at a time. Of a backlog the next is read meanwhile, and the one before deleted; a round that was
read ahead is given back when the one under way fails, for nothing may overtake.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from collectors.link import Link
from collectors.skew import SkewMeter
from collectors.spool.spool import Spool, Taken
from collectors.spool.store import Kept
from runtime.backoff import Backoff
from runtime.clock import Clock
from runtime.errors import InfrastructorError, KafkaUnavailable, SpoolUnusable
from runtime.kafka.dead_letters import DeadLetter, to_record
from runtime.kafka.outgoing import outgoing_bytes
from runtime.kafka.producer import Acknowledged, Outgoing, SendFailed, Sending
from runtime.log import get_logger
from runtime.metrics import KafkaMetrics
from schemas.record import RawRecord

CONSUMER = "agent"
WAITS = Backoff(first_s=0.3, longest_s=10.0)


@dataclass(frozen=True, slots=True)
class Round:
    """What is under way at a time: events, bytes; after `notice_s` without an answer that is said, after `patience_s`
    the producer is given up: it may wait for a broker that never comes back."""

    max_events: int = 4000
    max_bytes: int = 2 * 1024 * 1024
    notice_s: float = 5.0
    patience_s: float = 45.0


class Sender:
    """Sends what the spool holds until it is cancelled."""

    def __init__(
        self,
        spool: Spool,
        producer: Sending,
        *,
        clock: Clock,
        link: Link,
        metrics: KafkaMetrics,
        skew: SkewMeter,
        bounds: Round | None = None,
        rebuilt: Callable[[], int] = lambda: 0,
    ) -> None:
        """`rebuilt` tells how often the producer was given up so far."""
        self._spool = spool
        self._producer = producer
        self._clock = clock
        self._link = link
        self._metrics = metrics
        self._skew = skew
        self._bounds = bounds or Round()
        self._at_most = self._bounds.max_events
        self._rebuilt = rebuilt
        self._rebuilt_before = 0
        self._failures = 0
        self._ahead: Taken | None = None
        self._owing: list[tuple[Taken, Collection[int]]] = []
        self._log = get_logger("agent")
        self.idle = asyncio.Event()
        """Set while nothing waits."""

    def look_again(self) -> None:
        """Be idle only once nothing was found from now on: what was just kept may not have been noticed yet."""
        self.idle.clear()
        self._spool.news.set()

    async def run(self, prepare: Callable[[], Awaitable[None]] | None = None) -> None:
        """Send until cancelled; `prepare` first, whose errors are raised: a login refused, a topic that is missing.

        To be called once: what is under way at the end waits again when the spool is opened again.
        """
        if prepare is not None:
            await prepare()
            self._link.taken()
        try:
            while True:
                try:
                    await self._round()
                except SpoolUnusable as error:
                    self._log.error("the spool cannot be read", error=error)
                    await self._wait()
        finally:
            # What Kafka has is not to be sent again by the next start.
            with contextlib.suppress(InfrastructorError):
                await self._settle()

    async def _round(self) -> None:
        taken = await self._next()
        if not taken.events:
            # With news, something was kept after we had looked.
            if not self._spool.news.is_set():
                self.idle.set()
            await self._spool.news.wait()
            return
        self.idle.clear()
        meanwhile = asyncio.create_task(self._meanwhile(taken))
        try:
            gone, failure = await self._send(taken)
            self._owing.append((taken, gone))
            await asyncio.wait({meanwhile})
        finally:
            meanwhile.cancel()
            await asyncio.wait({meanwhile})
        if failure is None:
            self._failures = 0
            self._at_most = min(self._at_most * 2, self._bounds.max_events)
            self._link.taken()
            self._ahead = meanwhile.result()
            return
        await self._give_back(meanwhile)
        # Fewer next time: of a batch of several nobody can say which event Kafka refuses.
        self._at_most = max(1, min(self._at_most, len(taken.events)) // 2)
        self._metrics.send_failures.inc()
        rebuilt = self._rebuilt()
        self._metrics.rebuilt.inc(rebuilt - self._rebuilt_before)
        self._rebuilt_before = rebuilt
        if not gone:
            self._link.away(failure)
            await self._wait()

    async def _next(self) -> Taken:
        """Return what was read ahead, or else what waits now."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead.events:
            return ahead
        await self._settle()
        self._spool.news.clear()
        return await self._take()

    async def _take(self) -> Taken:
        return await self._spool.take(max_events=self._at_most, max_bytes=self._bounds.max_bytes)

    async def _meanwhile(self, taken: Taken) -> Taken | None:
        """Delete what the round before sent, and read the next when there is one."""
        await self._settle()
        return await self._take() if taken.more else None

    async def _give_back(self, meanwhile: "asyncio.Task[Taken | None]") -> None:
        """Let what was read ahead wait again, then what was not acknowledged."""
        ahead = meanwhile.result() if meanwhile.exception() is None else None
        if ahead is not None:
            await self._spool.settle(ahead, ())
        await self._settle()

    async def _settle(self) -> None:
        """End the rounds that were sent, in their order; one that cannot be ended now is when this is called again."""
        while self._owing:
            await self._spool.settle(*self._owing[0])
            del self._owing[0]

    async def _wait(self) -> None:
        self._failures += 1
        await self._clock.sleep(WAITS.wait_s(self._failures))

    async def _send(self, taken: Taken) -> tuple[Collection[int], InfrastructorError | None]:
        """Return the indexes of the events that are done with, and why the others are not."""
        sent_ms = self._clock.now_ms()
        records = [
            outgoing_bytes(event.subject, event.value, topic=event.topic, sent_ms=sent_ms) for event in taken.events
        ]
        began = self._clock.monotonic()
        failure: InfrastructorError | None = None
        done: list[Acknowledged] = []
        gone: Collection[int] = range(len(records))
        try:
            done = await self._patiently(records)
        except SendFailed as error:
            failure = error
            done = list(error.acknowledged.values())
            gone = {*error.acknowledged, *await self._buried(taken, error, sent_ms)}
        self._note(done, sent_ms=sent_ms, under_way_s=self._clock.monotonic() - began)
        return gone, failure

    async def _patiently(self, records: list[Outgoing]) -> list[Acknowledged]:
        sending = asyncio.ensure_future(self._producer.send(records))
        try:
            done, _ = await asyncio.wait({sending}, timeout=self._bounds.notice_s)
            if not done:
                self._link.away(f"Kafka has acknowledged nothing for {self._bounds.notice_s:g} s")
                done, _ = await asyncio.wait({sending}, timeout=self._bounds.patience_s - self._bounds.notice_s)
        finally:
            if not sending.done():
                sending.cancel()
                await asyncio.wait({sending})
        if done:
            return sending.result()
        await self._producer.close()
        raise SendFailed(
            KafkaUnavailable(f"Kafka has acknowledged nothing for {self._bounds.patience_s:g} s", operation="send"),
            acknowledged={},
            refused={},
        )

    async def _buried(self, taken: Taken, error: SendFailed, sent_ms: int) -> set[int]:
        """Send what Kafka will never take to the dead letters; return the indexes of what arrived there."""
        buried: set[int] = set()
        for index, reason in error.refused.items():
            event = taken.events[index]
            letter = _letter(taken, event, reason=reason, failed_at_ms=sent_ms)
            try:
                await self._producer.send([to_record(letter)])
            except SendFailed as failed:
                self._log.error("an event is refused, and so is its dead letter", error=failed, subject=event.subject)
                continue
            self._metrics.dead_letters.labels(event.topic, letter.reason).inc()
            self._log.error("Kafka refuses an event: it is in the dead letters", subject=event.subject, reason=reason)
            buried.add(index)
        return buried

    def _note(self, done: list[Acknowledged], *, sent_ms: int, under_way_s: float) -> None:
        by_topic: dict[str, int] = {}
        for one in done:
            by_topic[one.topic] = by_topic.get(one.topic, 0) + 1
        for topic, count in by_topic.items():
            self._metrics.sent.labels(topic).inc(count)
        appended = [one.appended_ms for one in done if one.appended_ms is not None and one.appended_ms >= 0]
        if appended:
            self._skew.add(sent_ms=sent_ms, appended_ms=min(appended), under_way_s=under_way_s)


def _letter(taken: Taken, event: Kept, *, reason: str, failed_at_ms: int) -> DeadLetter:
    # It has no place in the log: its place in the spool, within the epoch, is what names it.
    origin = RawRecord(event.topic, 0, event.place, 0, event.subject.encode(), event.value)
    return DeadLetter(
        f"{CONSUMER}-{taken.epoch}", origin, "refused_by_kafka", f"Kafka refuses it: {reason}", failed_at_ms
    )
