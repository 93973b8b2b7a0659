"""Who observes a device: which agents' looks come, from which machine, and what they say that it is in and depends on.

One device is one machine, observed by one agent. Two that observe it at the same time (a list that has it twice, a host
name that was cloned) mix two machines, or two orders, into one: that is told. An agent that took over from another is
no such case: the other's looks ended before its own began.
"""

from dataclasses import dataclass, replace

from schemas.collection import CollectionCompleted, CollectionFailed
from schemas.device import DeviceRegistered, DeviceUpdated
from schemas.identity import agent_of, sequence_scope
from streams.place import Place

MOST_OBSERVERS = 4
"""How many are remembered a device, the most recent ones."""


@dataclass(frozen=True, slots=True)
class Observer:
    """An agent with its epoch; `first_ms` and `last_ms` of the liveness clock are its first and last sign."""

    epoch: str
    agent: str
    first_ms: int
    last_ms: int
    place: Place
    machine_id: str | None = None
    groups: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()


Observers = tuple[Observer, ...]
Said = CollectionCompleted | CollectionFailed | DeviceRegistered | DeviceUpdated


def heard(observers: Observers, event: Said, *, place: Place, liveness_ms: int, within_ms: int) -> Observers:
    """The observers after an event of one of them, the last one then; who was silent for longer begins anew."""
    agent = agent_of(event.source)
    if agent is None:
        return observers
    epoch = sequence_scope(event.source)
    now = next((one for one in observers if one.epoch == epoch), None)
    if now is None:
        now = Observer(epoch, agent, first_ms=liveness_ms, last_ms=liveness_ms, place=place)
    elif liveness_ms - now.last_ms > within_ms:
        now = replace(now, first_ms=liveness_ms)
    data = event.data
    now = replace(now, last_ms=liveness_ms, place=place, groups=data.groups, parents=data.parents)
    if isinstance(event, DeviceRegistered | DeviceUpdated):
        now = replace(now, machine_id=event.data.machine_id)
    others = tuple(one for one in observers if one.epoch != epoch)
    return (*others, now)[-MOST_OBSERVERS:]


def together(observers: Observers, *, liveness_ms: int, within_ms: int) -> Observers:
    """Those that observe at the same time, by name; empty when it is one.

    Of two, each was heard after the other had begun, and both within a time.
    """
    recent = _recent(observers, liveness_ms=liveness_ms, within_ms=within_ms)
    found = [
        one
        for one in recent
        if any(other is not one and one.last_ms > other.first_ms and other.last_ms > one.first_ms for other in recent)
    ]
    return tuple(sorted(found, key=lambda one: (one.agent, one.epoch)))


def without(observers: Observers, source: str, *, liveness_ms: int, within_ms: int) -> Observers:
    """Those who still observe when the agent of an event does so no more; none when an operator says it is over."""
    agent = agent_of(source)
    recent = _recent(observers, liveness_ms=liveness_ms, within_ms=within_ms)
    return () if agent is None else tuple(one for one in recent if one.agent != agent)


@dataclass(frozen=True, slots=True)
class Described:
    """What a device is in, and what it depends on."""

    groups: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()


def described(observers: Observers, *, liveness_ms: int, within_ms: int) -> Described:
    """What those who observe say of it, together; when all are silent, who was heard last."""
    recent = _recent(observers, liveness_ms=liveness_ms, within_ms=within_ms) or observers[-1:]
    of = sorted(recent, key=lambda one: (one.agent, one.epoch))
    groups = dict.fromkeys(name for one in of for name in one.groups)
    parents = dict.fromkeys(name for one in of for name in one.parents)
    return Described(tuple(groups), tuple(parents))


def _recent(observers: Observers, *, liveness_ms: int, within_ms: int) -> Observers:
    return tuple(one for one in observers if liveness_ms - one.last_ms <= within_ms)
