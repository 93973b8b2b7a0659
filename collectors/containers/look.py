"""The look itself: which engines there are and their containers, then what each engine says of them."""

from functools import partial

from collectors.containers.api import asked_first, then_asked
from collectors.containers.engines import LIST, PROGRAMS, then
from collectors.containers.reading import Readings, parse
from collectors.containers.telling import NAME, tell
from collectors.look import Look
from collectors.request import Chain


def containers_look(*, sockets: tuple[str, ...] = (), interval_s: float | None = None) -> Look[Readings]:
    """Return the entry of the command registry. The script finds out which of `docker` and `podman` is there.

    With `sockets`, the engines behind them are asked instead, and no program is run.
    """
    if sockets:
        return Look(
            name=NAME,
            category="containers",
            request=Chain(asked_first(sockets), then_asked),
            parse=parse,
            tell=partial(tell, interval_s=interval_s),
            timeout_s=30.0,
            cache_ttl_s=30.0,
            retries=1,
        )
    return Look(
        name=NAME,
        category="containers",
        request=Chain(LIST, then),
        parse=parse,
        tell=partial(tell, interval_s=interval_s),
        # Docker's `stats` watches for two seconds.
        timeout_s=30.0,
        cache_ttl_s=30.0,
        retries=1,
        programs=("sh", "date"),
        any_of=PROGRAMS,
        # Who is not in docker's group has not been given this to look at; a daemon that is down is a failure.
        absent=("permission denied while trying to connect",),
    )
