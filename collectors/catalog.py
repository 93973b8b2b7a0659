"""The registry: the list of collectors. A new one adds its line here, and nowhere else."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from collectors.compose_files.look import compose_files_look
from collectors.containers.look import containers_look
from collectors.drives.look import drives_look
from collectors.gpu.look import amd_gpu_look, gpu_look
from collectors.identity.look import identity_look
from collectors.look import Look
from collectors.memory import tell_changed
from collectors.network.look import network_look
from collectors.packages.look import packages_look
from collectors.proxy_configs.look import proxy_configs_look
from collectors.services.look import services_look
from collectors.settings import AgentSettings
from collectors.system.look import system_look
from collectors.zfs.look import zfs_look
from runtime.errors import InputInvalid, SettingsInvalid

Build = Callable[[AgentSettings, float], Look[Any]]
"""Makes a look, told the settings and the seconds between two."""


@dataclass(frozen=True, slots=True)
class Collector:
    """A line of the registry: the name, the seconds between two looks when no setting says otherwise, how it is made.

    `everywhere`: whatever is a Linux machine answers it, so that a device's liveness can be counted in its interval.
    """

    name: str
    interval_s: float
    build: Build
    everywhere: bool = False


def _proxy_configs(settings: AgentSettings, _: float) -> Look[Any]:
    patterns = settings.proxy_configs
    return replace(proxy_configs_look(patterns=patterns) if patterns else proxy_configs_look(), recall=tell_changed)


def _compose_files(settings: AgentSettings, _: float) -> Look[Any]:
    patterns = settings.compose_files
    return replace(compose_files_look(patterns=patterns) if patterns else compose_files_look(), recall=tell_changed)


COLLECTORS = (
    # Identity first: a device is registered before it is measured.
    Collector("identity", 300, lambda _, __: identity_look(), everywhere=True),
    Collector("system", 10, lambda s, every: system_look(interval_s=every, per_cpu=s.per_cpu), everywhere=True),
    Collector("containers", 30, lambda s, every: containers_look(sockets=s.container_sockets, interval_s=every)),
    Collector("network", 120, lambda _, every: network_look(interval_s=every)),
    Collector("services", 600, lambda _, every: services_look(interval_s=every)),
    Collector("zfs", 600, lambda _, every: zfs_look(interval_s=every)),
    Collector("drives", 3600, lambda _, every: drives_look(interval_s=every)),
    Collector("packages", 3600, lambda _, every: packages_look(interval_s=every)),
    Collector("proxy_configs", 300, _proxy_configs),
    Collector("compose_files", 300, _compose_files),
    Collector("gpu", 30, lambda _, every: gpu_look(interval_s=every)),
    Collector("gpu_amd", 30, lambda _, every: amd_gpu_look(interval_s=every)),
)
NAMES = tuple(one.name for one in COLLECTORS)


@dataclass(frozen=True, slots=True)
class Planned:
    """A look, and how often: seconds."""

    look: Look[Any]
    interval_s: float


def planned_looks(settings: AgentSettings) -> tuple[Planned, ...]:
    """Return what is looked at on a device, in the order of the list. Raises SettingsInvalid for an unknown name."""
    _refuse_unknown(settings.collectors, variable="INFRASTRUCTOR_AGENT__COLLECTORS")
    _refuse_unknown((one.partition("=")[0] for one in settings.intervals), variable="INFRASTRUCTOR_AGENT__INTERVALS")
    chosen = settings.collectors or NAMES
    return tuple(_planned(one, settings) for one in COLLECTORS if one.name in chosen)


def shortest_interval(settings: AgentSettings) -> float:
    """Return the interval, in seconds, that a device's liveness is counted in.

    That of a look that may not apply to a device, say containers, counts only when nothing else is looked at.
    """
    chosen = planned_looks(settings)
    everywhere = {one.name for one in COLLECTORS if one.everywhere}
    sure = [one.interval_s for one in chosen if one.look.name in everywhere]
    return min(sure or (one.interval_s for one in chosen))


def named_look(name: str, settings: AgentSettings) -> Planned:
    """Return one look, on or off. Raises InputInvalid for an unknown name."""
    for one in COLLECTORS:
        if one.name == name:
            return _planned(one, settings)
    raise InputInvalid(f"there is no collector {name!r}{_meant(name)}", operation="find collector")


def _planned(one: Collector, settings: AgentSettings) -> Planned:
    own = {"system": settings.interval_s, "identity": settings.identity_interval_s}
    every = settings.interval_of(one.name, own.get(one.name, one.interval_s))
    return Planned(one.build(settings, every), every)


def _refuse_unknown(names: Iterable[str], *, variable: str) -> None:
    for name in names:
        if name not in NAMES:
            raise SettingsInvalid(
                f"{variable}: there is no collector {name!r}{_meant(name)}",
                operation="choose collectors",
                variables=[variable],
            )


def _meant(name: str) -> str:
    close = get_close_matches(name, NAMES, n=1)
    return f": did you mean {close[0]}?" if close else f"; there are {', '.join(NAMES)}"
