"""What `infrastructor up` starts: decided from the settings, before anything runs."""

import os
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cli.up.logs import WorkerLog
from deploy.local.ports import free_port
from runtime.settings import DataSettings, HttpSettings, KafkaSettings, LogSettings, PostgresSettings, World, load
from runtime.supervise import ChildSpec
from sinks.telling.settings import TellingSettings
from sinks.webhook.settings import WebhookSettings

WORKERS: Mapping[str, tuple[str, ...]] = {
    "agent": ("agent",),
    "streams": ("streams",),
    "sink-timescale": ("sink", "timescale"),
    "sink-gotify": ("sink", "gotify"),
    "sink-webhook": ("sink", "webhook"),
}
"""The workers by name, and the subcommand that each is."""

WHERE_CONFIGURED: Mapping[str, type[TellingSettings]] = {"sink-webhook": WebhookSettings}
"""The workers that are started only where their settings say whom they tell."""

_DATABASE_ELSEWHERE = ("url", "host")


@dataclass(frozen=True, slots=True)
class Plan:
    """Where data is, and which parts of the local stack are needed: those that no setting points elsewhere."""

    data_dir: Path
    local_kafka: bool
    local_database: bool
    log_file: Path | None = None
    """Where the settings want a log besides."""
    workers: tuple[str, ...] = tuple(WORKERS)

    @property
    def logs(self) -> Path:
        """The folder of the workers' logs."""
        return self.data_dir / "logs"

    def environment(self, local_stack: Mapping[str, str]) -> dict[str, str]:
        """Return the variables that point processes at the parts of the local stack that are in use."""
        wanted = {KafkaSettings.variable(""): self.local_kafka, PostgresSettings.variable(""): self.local_database}
        return {
            name: value
            for name, value in local_stack.items()
            if any(name.startswith(prefix) and used for prefix, used in wanted.items())
        }


def make_plan(world: World, *, without: Collection[str] = ()) -> Plan:
    """Return the plan that the settings ask for, less some workers; SettingsInvalid when the data folder's is wrong."""
    # What an earlier run, or one that still runs, has written is no wish of the user's.
    world = world.given
    elsewhere = [PostgresSettings.variable(field) for field in _DATABASE_ELSEWHERE]
    elsewhere.append(PostgresSettings.variable("url") + "_FILE")
    return Plan(
        data_dir=load(DataSettings, world).data_dir.absolute(),
        local_kafka=not is_set(world, KafkaSettings.variable("bootstrap_servers")),
        local_database=not any(is_set(world, variable) for variable in elsewhere),
        log_file=load(LogSettings, world).file,
        workers=tuple(
            name
            for name in WORKERS
            if name not in without and (name not in WHERE_CONFIGURED or load(WHERE_CONFIGURED[name], world).configured)
        ),
    )


def is_set(world: World, variable: str) -> bool:
    """Tell whether any source sets a variable; an empty value counts as not set."""
    return any(variables.get(variable) for _, variables in world.layers)


def worker(
    name: str, plan: Plan, environment: Mapping[str, str], *, port: int, tell: Callable[[str], None]
) -> ChildSpec:
    """Return the child that one worker is, with its own port for `/metrics` and a rotating log.

    What it logs of level error is told, too.
    """
    root = Path(__file__).resolve().parents[2]
    path = os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH"))))
    ours = {
        DataSettings.variable("data_dir"): str(plan.data_dir),
        HttpSettings.variable("port"): str(port),
        LogSettings.variable("format"): "json",
        "PYTHONPATH": path,
        "PYTHONUNBUFFERED": "1",
    }
    if (file := plan.log_file) is not None:
        # A file that several processes rotate loses lines.
        ours[LogSettings.variable("file")] = str(file.with_name(f"{file.stem}-{name}{file.suffix}"))
    return ChildSpec(
        name=name,
        # -P: a folder `cli` where the user happens to be is not ours.
        argv=(sys.executable, "-P", "-m", "cli.main", *WORKERS[name]),
        env={**environment, **ours},
        on_line=WorkerLog(plan.logs / f"{name}.log", tell=lambda said: tell(f"{name}: {said}")).write,
    )


def http_ports(names: Iterable[str]) -> dict[str, int]:
    """Return a free loopback port for each of the workers."""
    ports: dict[str, int] = {}
    for name in names:
        ports[name] = free_port(besides=frozenset(ports.values()))
    return ports
