"""The look itself: which units there are, what each is up to, how the whole system is."""

from functools import partial

from collectors.look import Look
from collectors.request import Chain, Command
from collectors.services.commands import LIST, then
from collectors.services.reading import Readings, parse
from collectors.services.telling import NAME, tell


def services_look(*, interval_s: float | None = None) -> Look[Readings]:
    """Return the entry of the command registry."""
    return Look(
        name=NAME,
        category="services",
        request=Chain(Command(LIST), then),
        parse=parse,
        tell=partial(tell, interval_s=interval_s),
        timeout_s=30.0,
        cache_ttl_s=600.0,
        retries=1,
        programs=("systemctl", "env"),
        # What systemctl says where something else is the first process: with and without a bus.
        absent=("not been booted with systemd", "connect to bus: Host is down", "connect to bus: No such file"),
    )
