"""The look itself: which version it is, then what there is of pools, devices, datasets and cache."""

from functools import partial

from collectors.look import Look
from collectors.request import Chain
from collectors.zfs.commands import VERSION, commands
from collectors.zfs.reading import Readings, parse
from collectors.zfs.telling import NAME, tell


def zfs_look(*, interval_s: float | None = None) -> Look[Readings]:
    """Return the entry of the command registry."""
    return Look(
        name=NAME,
        category="storage",
        request=Chain(VERSION, commands),
        parse=parse,
        tell=partial(tell, interval_s=interval_s),
        timeout_s=30.0,
        cache_ttl_s=600.0,
        retries=1,
        programs=("zpool", "zfs", "env", "cat"),
    )
