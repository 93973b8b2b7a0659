"""The look itself: interfaces, where packets go, who is near, which ports are open."""

from functools import partial

from collectors.look import Look
from collectors.network.commands import ADDRESSES, then
from collectors.network.reading import Readings, parse
from collectors.network.telling import NAME, tell
from collectors.request import Chain, Command


def network_look(*, interval_s: float | None = None) -> Look[Readings]:
    """Return the entry of the command registry."""
    return Look(
        name=NAME,
        category="network",
        request=Chain(Command(ADDRESSES, frozenset({0, 1, 255})), then),
        parse=parse,
        tell=partial(tell, interval_s=interval_s),
        timeout_s=30.0,
        cache_ttl_s=120.0,
        retries=1,
        programs=("ip", "ss", "head"),
        # Without it all is told but the ports.
        optional=("ss",),
    )
