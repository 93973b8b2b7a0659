"""The list of collectors: a new one adds its line here."""

from dataclasses import dataclass
from typing import Any

from collectors.identity.look import identity_look
from collectors.look import Look
from collectors.settings import AgentSettings
from collectors.system.look import system_look


@dataclass(frozen=True, slots=True)
class Planned:
    """A look, and how often: seconds."""

    look: Look[Any]
    interval_s: float


def planned_looks(settings: AgentSettings) -> tuple[Planned, ...]:
    """Return what is looked at on a device. Identity first: a device is registered before it is measured."""
    return (
        Planned(identity_look(), settings.identity_interval_s),
        Planned(system_look(interval_s=settings.interval_s, per_cpu=settings.per_cpu), settings.interval_s),
    )
