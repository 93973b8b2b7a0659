"""Derive everything again with the pure cores, and compare with what the workers have put into the topics.

Workers may go on meanwhile: outputs are looked at before the inputs (what is there must follow from them) and after
them (what follows must be there, or arrive within a while).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from replay.compare import MOST_NAMED, Comparison
from replay.log import bounds_of, read_reaches
from replay.plan import Place, Reach
from runtime.clock import Clock
from runtime.errors import InputInvalid
from runtime.settings import KafkaSettings
from schemas.codec import encode
from schemas.record import RawRecord
from streams.batch import Deriver
from streams.derivations import all_derivations
from streams.fleet import AnyDerivation
from streams.origin import Origin

_LOOK_AGAIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Compared:
    """What came of one derivation. `differences` are the first ones, `skipped` says what could not be compared."""

    name: str
    reads: str
    writes: str
    derived: int
    found: int
    differing: int
    differences: tuple[str, ...]
    skipped: tuple[str, ...]
    compared: bool
    """Whether there was any part of the log that could be."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of all of them."""

    derivations: tuple[Compared, ...]

    @property
    def differing(self) -> int:
        """How many differences there are."""
        return sum(one.differing for one in self.derivations)

    @property
    def good(self) -> bool:
        """No difference, and every derivation was compared at least in part."""
        return not self.differing and all(one.compared for one in self.derivations)

    def document(self) -> dict[str, object]:
        """As plain data."""
        return {
            "good": self.good,
            "differing": self.differing,
            "derivations": [asdict(one) for one in self.derivations],
        }


async def verify(settings: KafkaSettings, *, topic: str | None, wait_s: float, clock: Clock) -> Verdict:
    """Compare every derivation that reads or writes `topic` (None: all). Raises InputInvalid, TopicsMissing, ..."""
    chosen = [one for one in all_derivations() if topic in {None, one.reads, one.writes}]
    if not chosen:
        names = ", ".join(sorted({name for one in all_derivations() for name in (one.reads, one.writes)}))
        raise InputInvalid(f"--topic: nothing is derived from or into {topic!r}; there are {names}", operation="verify")
    return Verdict(tuple([await _Check(settings, one, clock).run(wait_s) for one in chosen]))


class _Check:
    """One derivation's."""

    def __init__(self, settings: KafkaSettings, derivation: AnyDerivation, clock: Clock) -> None:
        self._settings = settings
        self._derivation = derivation
        self._clock = clock
        self._comparison = Comparison()
        self._seen: dict[Place, int] = {}
        self._cut: set[int] = set()
        self._origin = Origin(derivation, ())

    async def run(self, wait_s: float) -> Compared:
        """Outputs, inputs, outputs again until nothing is missing or time is up."""
        derivation, comparison = self._derivation, self._comparison
        before = await bounds_of(self._settings, [derivation.reads])
        self._origin = Origin(derivation, [partition for _, partition in before])
        # What a state held from before the first record that is left cannot be known.
        self._cut = {partition for (_, partition), bound in before.items() if bound.begin > 0}
        await self._look(early=True)
        await self._derive(await self._first_kept())
        deadline = self._clock.monotonic() + wait_s
        await self._look(early=False)
        while comparison.missing() and self._clock.monotonic() < deadline:
            await self._clock.sleep(_LOOK_AGAIN_S)
            await self._look(early=False)
        differences = comparison.differences()
        return Compared(
            name=derivation.name,
            reads=derivation.reads,
            writes=derivation.writes,
            derived=len(comparison.derived),
            found=len(comparison.found),
            differing=len(differences),
            differences=tuple(differences[:MOST_NAMED]),
            skipped=tuple(
                f"{derivation.reads}/{one}, whose beginning is no longer kept: states from before it are not known"
                for one in sorted(self._cut)
            ),
            compared=len(self._cut) < len(before),
        )

    async def _derive(self, first_kept: Mapping[int, int]) -> None:
        deriver = Deriver(self._derivation)
        inputs = await bounds_of(self._settings, [self._derivation.reads])
        reaches = [Reach(*place, 0, bound.end) for place, bound in inputs.items() if place[1] not in self._cut]
        async for piece in read_reaches(self._settings, reaches):
            for raw in piece.raws:
                kept_from_ms = first_kept.get(raw.partition, first_kept.get(-1, 0))
                for one in deriver.feed(raw):
                    if one.cause_appended_ms >= kept_from_ms:
                        why = f"{raw.topic}/{raw.partition}@{raw.offset}"
                        self._comparison.derive(one.event.id, encode(one.event), why)

    async def _first_kept(self) -> dict[int, int]:
        """By partition, from which append time on outputs are kept where retention took some; -1: the only one."""
        bounds = await bounds_of(self._settings, [self._derivation.writes])
        found: dict[int, int] = {}
        for (topic, partition), bound in bounds.items():
            if bound.begin in {0, bound.end}:
                continue
            async for piece in read_reaches(self._settings, [Reach(topic, partition, bound.begin, bound.begin + 1)]):
                for raw in piece.raws:
                    found[partition if len(bounds) > 1 else -1] = raw.appended_ms
        return found

    async def _look(self, *, early: bool) -> None:
        """Take in what the topic has more than at the last look."""
        bounds = await bounds_of(self._settings, [self._derivation.writes])
        reaches = [Reach(*at, max(bound.begin, self._seen.get(at, 0)), bound.end) for at, bound in bounds.items()]
        async for piece in read_reaches(self._settings, reaches):
            self._seen[piece.place] = piece.next
            self._take(piece.raws, early=early)

    def _take(self, raws: Sequence[RawRecord], *, early: bool) -> None:
        for raw in raws:
            event = self._origin.event(raw)
            if event is not None and raw.value is not None and self._origin.of(raw) not in self._cut:
                self._comparison.find(event.id, raw.value, f"{raw.topic}/{raw.partition}@{raw.offset}", early=early)
