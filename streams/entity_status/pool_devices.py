"""The devices of a pool: which failed, recovered, were replaced, and whose errors rose."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from schemas.pool import Pool, PoolDevice, PoolHappening
from streams.entity_status.change import Facts, facts
from streams.entity_status.state import MOST_POOL_DEVICES, KnownPoolDevice

_GOOD = frozenset({"online", "avail", "inuse"})
_WORDS = {"unavail": "unavailable", "offline": "taken out of service"}

Devices = Mapping[str, KnownPoolDevice]


@dataclass(frozen=True, slots=True)
class DeviceHappening:
    """Something that happened to a device of a pool."""

    what: PoolHappening
    summary: str
    before: Facts
    after: Facts
    device: str


def in_words(state: str) -> str:
    """A state of ZFS as people say it."""
    return _WORDS.get(state, state)


def next_told(told: int, errors: int) -> int:
    """The count that is told last: a dying device is told of at its first error, then whenever they doubled.

    A count that went down was cleared, and begins anew from there.
    """
    if errors < told:
        return errors
    return errors if errors >= max(1, 2 * told) else told


def known_devices(before: Devices, devices: Iterable[PoolDevice]) -> dict[str, KnownPoolDevice]:
    """What is remembered of a pool's devices, each once: a spare in use stands among the spares a second time."""
    found: dict[str, KnownPoolDevice] = {}
    for one in devices:
        if one.name in found or len(found) >= MOST_POOL_DEVICES:
            continue
        errors = (one.read_errors or 0) + (one.write_errors or 0) + (one.checksum_errors or 0)
        told = before[one.name].told if one.name in before else 0
        found[one.name] = KnownPoolDevice(one.state, one.parent, errors, next_told(told, errors))
    return found


def bad_devices(devices: Devices) -> list[str]:
    """The devices that are not well, without the vdevs that are not for their sake."""
    bad = {name for name, one in devices.items() if one.state not in _GOOD}
    blamed = {devices[name].parent for name in bad}
    return [name for name in devices if name in bad and name not in blamed]


def device_happenings(before: Devices | None, after: Devices, *, pool: Pool) -> Iterator[DeviceHappening]:
    """What happened to the devices of a pool; of a pool that is first seen, what is wrong with them."""
    known: Devices = before or {}
    seen = {one.name: one for one in reversed(pool.devices)}
    bad, were_bad = bad_devices(after), set(bad_devices(known))
    for name in bad:
        if name not in were_bad:
            now = facts(state=after[name].state) | _errors(seen[name])
            state = known[name].state if name in known else None
            said = f"{name} of pool {pool.name} is {in_words(after[name].state)}"
            yield DeviceHappening("device_failed", said, facts(state=state), now, name)
    for name, one in after.items():
        if name in known and one.state in _GOOD and name in were_bad:
            said = f"{name} of pool {pool.name} is {one.state} again"
            yield DeviceHappening(
                "device_recovered", said, facts(state=known[name].state), facts(state=one.state), name
            )
        earlier = known[name] if name in known else KnownPoolDevice("")
        if one.told > earlier.told:
            said = f"{name} of pool {pool.name} has errors: {_said(seen[name])}"
            yield DeviceHappening("errors_rose", said, facts(errors=earlier.errors), _errors(seen[name]), name)
    yield from _replaced(known, after, pool)


def _replaced(before: Devices, after: Devices, pool: Pool) -> Iterator[DeviceHappening]:
    """A device that went, alone of its vdev, while one other of it stays or came in its place."""
    went = [name for name in before if name not in after and not _has_members(before, name)]
    for name in went:
        parent = before[name].parent
        if sum(1 for other in went if before[other].parent == parent) > 1:
            continue
        if parent is not None and parent.startswith("replacing"):
            others = [other for other, one in before.items() if one.parent == parent and other in after]
        else:
            others = [other for other, one in after.items() if one.parent == parent and other not in before]
            others = [other for other in others if not _has_members(after, other)]
        if len(others) == 1:
            said = f"{name} of pool {pool.name} was replaced by {others[0]}"
            now = facts(device=others[0], state=after[others[0]].state)
            yield DeviceHappening("device_replaced", said, facts(device=name, state=before[name].state), now, others[0])


def _has_members(devices: Devices, name: str) -> bool:
    return any(one.parent == name for one in devices.values())


def _errors(device: PoolDevice) -> Facts:
    return facts(
        read_errors=device.read_errors or None,
        write_errors=device.write_errors or None,
        checksum_errors=device.checksum_errors or None,
        note=device.note,
    )


def _said(device: PoolDevice) -> str:
    counts = (("read", device.read_errors), ("write", device.write_errors), ("checksum", device.checksum_errors))
    return ", ".join(f"{count} {kind}" for kind, count in counts if count)
