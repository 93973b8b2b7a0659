"""The agent of this machine, put together from its settings."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from prometheus_client import CollectorRegistry

from collectors.agent import Parts
from collectors.api.server import OperatorApi
from collectors.devices.fleet import Fleet, Working
from collectors.devices.reach import Reach
from collectors.devices.source import DeviceSource, devices_path
from collectors.front import Front
from collectors.here import this_device
from collectors.link import Link
from collectors.metrics import AgentMetrics, CacheMetrics
from collectors.observer import Observer
from collectors.raw import RawFolder
from collectors.scheduler import Scheduler
from collectors.sender import Sender
from collectors.settings import AgentSettings, socket_path, spool_path
from collectors.skew import SkewMeter
from collectors.spool.file import SetAside, SpoolFile
from collectors.spool.spool import Spool
from collectors.ssh.settings import SshSettings
from runtime.clock import Clock, SystemClock
from runtime.health import Readiness
from runtime.kafka.producer import KafkaProducer
from runtime.log import get_logger
from runtime.metrics import KafkaMetrics
from runtime.settings import KafkaSettings
from schemas.registry import COLLECTIONS, DEVICES, METRICS, OBSERVATIONS

TOPICS = (METRICS, OBSERVATIONS, COLLECTIONS, DEVICES)
"""What an agent writes to."""


def build_parts(
    settings: AgentSettings,
    kafka: KafkaSettings,
    *,
    ssh: SshSettings,
    data_dir: Path,
    registry: CollectorRegistry,
    readiness: Readiness,
    version: str,
) -> Parts:
    """Return the parts of an agent that looks at this machine, and at those it has a list of. Opens the spool.

    To be called in the event loop. Raises AlreadyRunning, SpoolUnusable, SettingsInvalid, InputInvalid (its list).
    """
    clock = SystemClock()
    device = this_device(settings)
    source = _source(settings, device.id, data_dir)
    metrics = AgentMetrics.on(registry)
    spool = _spool(device.id, settings, data_dir=data_dir, clock=clock, metrics=metrics)
    skew, link = SkewMeter(), Link(readiness)
    producer = KafkaProducer(kafka, f"infrastructor-agent-{device.id}")
    observer = Observer(
        spool,
        agent=device.id,
        version=version,
        clock=clock,
        metrics=metrics,
        readiness=readiness,
        skew=skew,
        raw=RawFolder(settings.raw_dir, settings.raw_bytes) if settings.raw_dir is not None else None,
    )
    front = Front(observer, clock=clock, metrics=CacheMetrics.on(registry))
    working = Working(Scheduler(clock), observer, front, metrics, readiness, clock)
    fleet = Fleet(device, settings, source, ways=Reach(ssh, data_dir=data_dir, registry=registry), working=working)
    return Parts(
        device=device.id,
        spool=spool,
        sender=_sender(spool, producer, registry, clock=clock, link=link, skew=skew),
        producer=producer,
        scheduler=working.scheduler,
        appointments=fleet.begin(),
        clock=clock,
        metrics=metrics,
        readiness=readiness,
        skew=skew,
        prepare=_prepare(kafka, producer, link),
        flush_s=settings.flush_s,
        api=operator_api(fleet, front, data_dir=data_dir),
        fleet=fleet,
    )


def _spool(agent: str, settings: AgentSettings, *, data_dir: Path, clock: Clock, metrics: AgentMetrics) -> Spool:
    file = SpoolFile(spool_path(data_dir), agent, clock, settings.limits)
    return Spool(file, on_set_aside=partial(_say_set_aside, metrics))


def _sender(
    spool: Spool,
    producer: KafkaProducer,
    registry: CollectorRegistry,
    *,
    clock: Clock,
    link: Link,
    skew: SkewMeter,
) -> Sender:
    return Sender(
        spool,
        producer,
        clock=clock,
        link=link,
        metrics=KafkaMetrics.on(registry),
        skew=skew,
        rebuilt=lambda: producer.rebuilt,
    )


def operator_api(fleet: Fleet, front: Front, *, data_dir: Path) -> OperatorApi:
    """Return what answers operators; they may ask for collectors that are off, too."""
    path = socket_path(data_dir)
    return OperatorApi(path, front, device=fleet.find, look=fleet.look)


def _source(settings: AgentSettings, agent: str, data_dir: Path) -> DeviceSource:
    """Return the list of devices, read. Raises InputInvalid."""
    required = settings.devices_file is not None
    return DeviceSource(devices_path(settings, data_dir), agent=agent, required=required)


def _prepare(kafka: KafkaSettings, producer: KafkaProducer, link: Link) -> Callable[[], Awaitable[None]]:
    async def prepare() -> None:
        await producer.start(waiting=link.away)
        await require_written_topics(kafka, link)

    return prepare


async def require_written_topics(kafka: KafkaSettings, link: Link) -> None:
    """Raise TopicsMissing unless the topics that an agent writes to are there, as topics.yaml lists them."""
    # Only needed once, and at start the broker may be away for long.
    from runtime.kafka.admin import require_topics  # noqa: PLC0415
    from runtime.kafka.catalog import load_catalog  # noqa: PLC0415

    catalog = await asyncio.to_thread(load_catalog, kafka)
    await require_topics(kafka, catalog, TOPICS, waiting=link.away)


def _say_set_aside(metrics: AgentMetrics, aside: SetAside) -> None:
    metrics.spools_set_aside.inc()
    get_logger("agent").error(
        "the spool was damaged and set aside: a new epoch begins",
        file=str(aside.path),
        reason=aside.why,
        events_lost=aside.lost if aside.lost is not None else "unknown",
    )
