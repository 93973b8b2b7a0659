"""What tests of the spool share: events to keep, a spool in a folder, what it holds."""

from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import blake2b
from pathlib import Path

from collectors.spool.draft import Commit, Draft
from collectors.spool.file import SetAside, SpoolFile
from collectors.spool.limits import MIB, SpoolLimits
from collectors.spool.spool import Spool
from runtime.clock import Clock, ManualClock
from schemas.codec import decode
from schemas.collection import CollectionCompleted, CollectionCompletedData
from schemas.envelope import Envelope
from schemas.fields import Part
from schemas.gap import GapDetected
from schemas.identity import uuid7
from schemas.metric import MetricCollected, MetricCollectedData, Sample
from schemas.registry import COLLECTIONS, METRICS, Event

AGENT = "agent-1"


def _noise(number: int) -> str:
    return blake2b(number.to_bytes(4, "big"), digest_size=40).hexdigest()


@dataclass
class Bench:
    """A spool in a folder, and a clock to move."""

    folder: Path
    clock: Clock = field(default_factory=ManualClock)
    max_bytes: int = 64 * MIB
    set_aside: list[SetAside] = field(default_factory=list)

    @property
    def path(self) -> Path:
        return self.folder / "spool.db"

    def open(self) -> Spool:
        limits = SpoolLimits(max_bytes=self.max_bytes, max_metrics_age=timedelta(days=7))
        file = SpoolFile(self.path, AGENT, self.clock, limits)
        return Spool(file, on_set_aside=self.set_aside.append)

    def metric(self, subject: str = "web-1", size: int = 1, *, label: str = "") -> Draft:
        # Labels that do not compress: what is kept of an event takes as much room as the tests reckon with.
        samples = tuple(
            Sample(name="system.cpu.time", value=1.0, unit="s", labels={"n": f"{n:08d}{label}", "r": _noise(n)})
            for n in range(size)
        )
        return self._draft(MetricCollected, METRICS, subject, MetricCollectedData(collector="system", samples=samples))

    def completed(self, subject: str = "web-1") -> Draft:
        data = CollectionCompletedData(collector="system", duration_seconds=0.1, shortest_interval_seconds=10)
        return self._draft(CollectionCompleted, COLLECTIONS, subject, data)

    def look(self, subject: str = "web-1", size: int = 1) -> Commit:
        return Commit((self.metric(subject, size), self.completed(subject)))

    def _draft(self, model: type[Envelope], topic: str, subject: str, data: Part) -> Draft:
        return Draft(
            model,
            topic,
            subject,
            id=uuid7(self.clock.now_ms()),
            time=self.clock.now(),
            collector="system",
            data=data,
        )


async def take_all(spool: Spool, *, at_a_time: int = 100) -> list[tuple[str, Event]]:
    """Take and acknowledge all that waits; return (topic, event) in the order taken."""
    found: list[tuple[str, Event]] = []
    while (taken := await spool.take(max_events=at_a_time, max_bytes=MIB)).events:
        found += [(kept.topic, decode(kept.value)) for kept in taken.events]
        await spool.settle(taken, range(len(taken.events)))
    return found


def sequences(found: list[tuple[str, Event]], topic: str = METRICS, subject: str = "web-1") -> list[int]:
    return [e.sequence or 0 for t, e in found if t == topic and e.subject == subject]


def gaps(found: list[tuple[str, Event]]) -> list[GapDetected]:
    return [event for _, event in found if isinstance(event, GapDetected)]
