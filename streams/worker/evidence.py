"""What the log says of the states that there must be: whether a worker that finds none has lost them.

A worker with no state would derive all from the beginning of the log. Where that is still kept the events come out the
same, but receivers of notifications, who remember little, would be told of everything once more; where retention has
taken it, sequences would begin at one again and nobody would take what follows. So a worker that lost its states says
so and ends; `infrastructor streams rebuild` makes them anew.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from runtime.errors import InfrastructorError
from runtime.kafka.admin import group_state, offsets_of
from runtime.kafka.catalog import TopicCatalog
from runtime.kafka.connect import Waiting
from runtime.kafka.consumer import read_topics
from runtime.settings import KafkaSettings
from streams.fleet import AnyDerivation
from streams.origin import Origin

Place = tuple[str, int]
"""Topic and partition."""

Verdict = Literal["whole", "behind", "lost"]
"""All that must be there is; it went back, but what follows can be derived again; it is lost."""

MOST_NAMED = 5


class StateLost(InfrastructorError):
    """The state of a derivation is not there any more, although there was one."""

    error_code = "state_lost"
    exit_code = 70


@dataclass(frozen=True, slots=True)
class Evidence:
    """Of one partition that a derivation reads: where its log begins and ends, and what is known of its state."""

    begin: int
    end: int
    committed: int | None = None
    """What the group has committed, which it does after the states are stored."""

    told: bool = False
    """Its changelog once held something, or what was derived from it is in the log."""

    first_batch: int = 0
    """So much may be committed without a state: the first batch, when a rebalance took the partition away meanwhile."""

    def verdict(self, next_offset: int) -> Verdict:
        """What a stored state that goes on at `next_offset` (0: there is none) comes to."""
        committed = self.committed or 0
        if next_offset == 0:
            # Where all is kept, a first batch that was cut off by a kill or a rebalance is done again without harm.
            is_lost = self.told or committed > 0 if self.begin > 0 else committed > self.first_batch
            return "lost" if is_lost else "whole"
        if committed <= next_offset:
            return "whole"
        return "lost" if self.begin > next_offset else "behind"


async def gather(
    settings: KafkaSettings,
    catalog: TopicCatalog,
    derivations: Sequence[AnyDerivation],
    *,
    batch_records: int,
    waiting: Waiting | None = None,
) -> dict[Place, Evidence]:
    """The evidence of every partition that the derivations read. With `waiting`, Kafka is waited for."""
    group = await group_state(settings, catalog.changelogs.app, waiting=waiting)
    changelogs = {one.reads: catalog.changelog(one.table) for one in derivations}
    offsets = await offsets_of(settings, sorted({*changelogs, *changelogs.values()}))
    found: dict[Place, Evidence] = {}
    for derivation in derivations:
        written = {partition for partition, _, end in offsets[changelogs[derivation.reads]] if end > 0}
        places = {
            (derivation.reads, partition): Evidence(
                begin, end, group.committed.get((derivation.reads, partition)), partition in written, batch_records
            )
            for partition, begin, end in offsets[derivation.reads]
        }
        if any(one.begin > 0 and one.committed is None and not one.told for one in places.values()):
            told = await _told(settings, derivation, [partition for _, partition in places])
            places = {place: replace(one, told=one.told or place[1] in told) for place, one in places.items()}
        found |= places
    return found


async def _told(settings: KafkaSettings, derivation: AnyDerivation, inputs: Sequence[int]) -> set[int]:
    """The partitions of its input of which the log holds anything that was derived. Reads all of its output."""
    origin = Origin(derivation, inputs)
    return {origin.of(raw) async for raw in read_topics(settings, [derivation.writes]) if origin.event(raw) is not None}


def require_states(
    positions: Mapping[Place, int], evidence: Mapping[Place, Evidence], derivations: Mapping[str, AnyDerivation]
) -> list[Place]:
    """The places whose state went back. Raises StateLost when one is lost.

    `positions` has where each partition goes on by its state, `derivations` who reads a topic.
    """
    verdicts = {place: evidence[place].verdict(at) for place, at in positions.items() if place in evidence}
    lost = [place for place, verdict in verdicts.items() if verdict == "lost"]
    if lost:
        names = sorted({derivations[topic].name for topic, _ in lost})
        raise StateLost(
            f"the state of {', '.join(names)} is lost: there was one of {_named(lost, evidence)}; stop all streams "
            f"workers and run `infrastructor streams rebuild {' '.join(f'--derivation {name}' for name in names)}`",
            operation="load state",
            derivations=names,
        )
    return [place for place, verdict in verdicts.items() if verdict == "behind"]


def _named(lost: Iterable[Place], evidence: Mapping[Place, Evidence]) -> str:
    """The partitions in words, the first ones of many."""
    places = sorted(lost)
    named = [
        f"{topic}/{partition} (up to offset {evidence[topic, partition].committed or 'unknown'})"
        for topic, partition in places[:MOST_NAMED]
    ]
    more = len(places) - len(named)
    return ", ".join(named) + (f" and {more} more partitions" if more else "")
