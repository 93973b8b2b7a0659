"""From a listed device to what is done about it: a pure comparison of what is and what shall be."""

import getpass
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from collectors.devices.address import split_host
from collectors.devices.model import DeviceList, Entry
from collectors.settings import AgentSettings
from collectors.ssh.target import PORT, Target

ROOT = "root"
PATTERNS = ("proxy_configs", "compose_files")
"""Settings of files that a device may have of its own."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a device is watched; `target` None: the machine itself. Two that are equal need no change.

    `patterns` are the files to read, by the setting that they stand in for.
    """

    id: str
    target: Target | None
    groups: tuple[str, ...]
    parents: tuple[str, ...]
    labels: tuple[tuple[str, str], ...]
    collectors: tuple[str, ...]
    intervals: tuple[str, ...]
    patterns: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def settings(self, settings: AgentSettings) -> AgentSettings:
        """Return the agent's settings as they hold for this device: which collectors, how often, which files."""
        here = settings if self.target is None else settings.over_ssh
        chosen = {"collectors": self.collectors} if self.collectors else {}
        chosen |= dict(self.patterns)
        return here.model_copy(update={**chosen, "intervals": (*settings.intervals, *self.intervals)})

    @property
    def elevates(self) -> bool:
        """Whether programs that want root are run by sudo, because the login is another."""
        user = self.target.user if self.target is not None else None
        return (user or getpass.getuser()) != ROOT


@dataclass(frozen=True, slots=True)
class Difference:
    """What is to be done: devices to begin with, to watch in another way, to leave."""

    begun: tuple[Plan, ...]
    changed: tuple[Plan, ...]
    ended: tuple[str, ...]


def plans(listed: DeviceList, *, agent: str, settings: AgentSettings) -> tuple[Plan, ...]:
    """Return how each device is watched, the agent's own machine first; those that are disabled are left out."""
    own = listed.get(agent)
    others = (entry for entry in listed.devices if entry.id != agent and entry.enabled)
    return (_own(agent, own, settings), *(_remote(entry, listed, agent) for entry in others))


def difference(before: Mapping[str, Plan], after: Iterable[Plan]) -> Difference:
    """Return what leads from one to the other."""
    wanted = {plan.id: plan for plan in after}
    return Difference(
        begun=tuple(plan for plan in wanted.values() if plan.id not in before),
        changed=tuple(plan for plan in wanted.values() if plan.id in before and before[plan.id] != plan),
        ended=tuple(device for device in before if device not in wanted),
    )


def target_of(entry: Entry, listed: DeviceList) -> Target:
    """Return where a device is; a jump that is listed is taken with all that the list says of it."""
    return Target(
        entry.address,
        entry.port or PORT,
        user=entry.user,
        key=entry.key,
        jump=_jump(entry.jump, entry, listed) if entry.jump is not None else None,
        name=entry.id,
    )


def _jump(jump: str, entry: Entry, listed: DeviceList) -> Target:
    known = listed.get(jump)
    if known is not None:
        return target_of(known, listed)
    user, _, where = jump.rpartition("@")
    host, port = split_host(where)
    return Target(host, port, user=user or entry.user, key=entry.key, name=host)


def _own(agent: str, entry: Entry | None, settings: AgentSettings) -> Plan:
    if entry is None:
        return Plan(agent, None, settings.groups, (), (), collectors=(), intervals=())
    groups = tuple(dict.fromkeys((*settings.groups, *entry.groups)))
    return _plan(entry, None, groups, tuple(one for one in entry.parents if one != agent))


def _remote(entry: Entry, listed: DeviceList, agent: str) -> Plan:
    # Who cannot be reached when the agent or the jump host is gone is not down for itself.
    jump = (entry.jump,) if entry.jump is not None and listed.get(entry.jump) is not None else ()
    parents = tuple(dict.fromkeys((agent, *jump, *entry.parents)))
    return _plan(entry, target_of(entry, listed), entry.groups, parents)


def _plan(entry: Entry, target: Target | None, groups: tuple[str, ...], parents: tuple[str, ...]) -> Plan:
    chosen = entry.collectors or {}
    return Plan(
        entry.id,
        target,
        groups,
        parents,
        tuple(sorted(entry.labels.items())),
        collectors=tuple(chosen),
        intervals=tuple(f"{name}={seconds:g}" for name, seconds in chosen.items() if seconds is not None),
        patterns=tuple((name, given) for name in PATTERNS if (given := getattr(entry, name)) is not None),
    )
