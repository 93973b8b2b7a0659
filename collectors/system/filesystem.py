"""/proc/self/mounts and the section `statvfs`. Source of the formats: fstab(5), statvfs(3)."""

from collections.abc import Iterator
from dataclasses import dataclass

from collectors.errors import ParseError
from collectors.mounts import unescaped
from collectors.system.reading import numbered, whole
from collectors.system.samples import BYTES, RATIO, ratio, sample
from schemas.metric import Sample

MOUNTS = "/proc/self/mounts"

TYPES = (
    "ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "bcachefs", "jfs", "reiserfs", "vfat", "exfat", "ntfs",
    "ntfs3", "hfsplus", "overlay",
)  # fmt: skip
"""The types that are asked for their usage: on disks of the machine, so that no question hangs on a server."""


_LENT_TO_CONTAINERS = frozenset({"/etc/hosts", "/etc/hostname", "/etc/resolv.conf"})
"""Single files of the host that container runtimes mount into every container."""


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of /proc/self/mounts."""

    device: str
    mountpoint: str
    type: str
    mode: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What statvfs(3) says; bytes and inodes. `free` counts what only root may use, `available` does not."""

    size: int
    free: int
    available: int
    inodes: int
    inodes_free: int


@dataclass(frozen=True, slots=True)
class Filesystem:
    """A mounted file system and its usage."""

    mount: Mount
    usage: Usage


def parse_mounts(text: str) -> dict[str, Mount]:
    """Read /proc/self/mounts; return the mounts by mount point, the last on top of the others. Raises ParseError."""
    found: dict[str, Mount] = {}
    for number, line in numbered(text):
        fields = line.split(" ")
        if len(fields) < 4:
            raise ParseError("fewer than four columns", section=MOUNTS, line=number, text=line)
        device, mountpoint, kind, options = fields[:4]
        mode = "ro" if "ro" in options.split(",") else "rw"
        found[mountpoint] = Mount(unescaped(device), unescaped(mountpoint), kind, mode)
    return found


def parse_statvfs(text: str) -> dict[str, Usage]:
    """Read the section `statvfs`; return usage by mount point as it stands there, escaped. Raises ParseError."""
    found: dict[str, Usage] = {}
    for number, line in numbered(text):
        fields = line.split(" ", 6)
        if len(fields) != 7:
            raise ParseError("not six numbers and a mount point", section="statvfs", line=number, text=line)
        blocks, free, available, block_size, inodes, inodes_free = (
            whole(field, section="statvfs", line=number) for field in fields[:6]
        )
        found[fields[6]] = Usage(
            blocks * block_size, free * block_size, available * block_size, inodes=inodes, inodes_free=inodes_free
        )
    return found


def filesystems(mounts: dict[str, Mount], usages: dict[str, Usage]) -> tuple[Filesystem, ...]:
    """Return the file systems that hold something, each device once, under its shortest mount point.

    An overlay counts as the root of a container only: a host has one for each of its containers, over its own disk.
    """
    found: dict[str, Filesystem] = {}
    for place, usage in sorted(usages.items(), key=lambda item: (len(item[0]), item[0])):
        mount = mounts.get(place)
        if mount is None or usage.size == 0 or mount.mountpoint in _LENT_TO_CONTAINERS:
            continue
        if mount.type == "overlay" and mount.mountpoint != "/":
            continue
        found.setdefault(mount.device, Filesystem(mount, usage))
    return tuple(found.values())


def filesystem_samples(filesystem: Filesystem) -> Iterator[Sample]:
    """Yield space and inodes by state; reserved is what only root may still use, and utilization is as df(1) counts."""
    mount, usage = filesystem.mount, filesystem.usage
    labels = {
        "system.device": mount.device,
        "system.filesystem.mountpoint": mount.mountpoint,
        "system.filesystem.type": mount.type,
        "system.filesystem.mode": mount.mode,
    }
    used = max(0, usage.size - usage.free)
    states = {"used": used, "free": usage.available, "reserved": max(0, usage.free - usage.available)}
    yield sample("system.filesystem.limit", usage.size, BYTES, labels)
    for state, size in states.items():
        yield sample("system.filesystem.usage", size, BYTES, {**labels, "system.filesystem.state": state})
    yield sample("system.filesystem.utilization", ratio(used, used + usage.available), RATIO, labels)
    if usage.inodes:
        for state, count in (("used", usage.inodes - usage.inodes_free), ("free", usage.inodes_free)):
            inode_labels = {**labels, "system.filesystem.state": state}
            yield sample("system.filesystem.inodes.usage", max(0, count), "{inode}", inode_labels)
