"""The look itself: which package manager there is, then what it says."""

from functools import partial
from pathlib import PurePosixPath

from collectors.look import Look
from collectors.packages.programs import MANAGERS, STAT, then
from collectors.packages.reading import Readings, parse
from collectors.packages.telling import NAME, tell
from collectors.request import Chain, Command


def packages_look(*, interval_s: float | None = None) -> Look[Readings]:
    """Return the entry of the command registry."""
    return Look(
        name=NAME,
        category="packages",
        # 1: most of the paths are not there, and stat says so.
        request=Chain(Command(STAT, frozenset({0, 1})), then),
        parse=parse,
        tell=partial(tell, interval_s=interval_s),
        # dnf and apt-get work out a whole upgrade: seconds, a minute on a small board.
        timeout_s=120.0,
        cache_ttl_s=3600.0,
        programs=("stat", "uname"),
        any_of=tuple(PurePosixPath(one.programs[0]).name for one in MANAGERS),
        absent=("no package manager is there",),
    )
