"""The look itself: which files, how they are read, what they tell."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from collectors import sections
from collectors.errors import ParseError
from collectors.look import Look, Observation, Told
from collectors.request import STATVFS, FileSet
from collectors.system import cpu, disk, filesystem, load, memory, network, paging, pressure, temperature
from schemas.metric import MAX_SAMPLES, MetricCollected, MetricCollectedData, Sample
from schemas.registry import METRICS

NAME = "system"
BOOT_ID = "/proc/sys/kernel/random/boot_id"

FILES = FileSet(
    (
        cpu.SECTION,
        BOOT_ID,
        load.LOADAVG,
        load.UPTIME,
        memory.SECTION,
        paging.SWAPS,
        paging.VMSTAT,
        disk.SECTION,
        network.SECTION,
        filesystem.MOUNTS,
        *(pressure.FOLDER + resource for resource in pressure.RESOURCES),
        *temperature.PATTERNS,
    ),
    filesystems=filesystem.TYPES,
)


@dataclass(frozen=True, slots=True)
class Readings:
    """What one look read; what the device does not have is None or empty."""

    stat: cpu.CpuStat
    boot_id: str
    averages: load.Load | None = None
    uptime_s: float | None = None
    meminfo: memory.Meminfo | None = None
    swaps: tuple[paging.Swap, ...] = ()
    vmstat: dict[str, int] | None = None
    disks: tuple[disk.Disk, ...] = ()
    filesystems: tuple[filesystem.Filesystem, ...] = ()
    interfaces: tuple[network.Interface, ...] = ()
    stalls: tuple[pressure.Stall, ...] = ()
    temperatures: tuple[temperature.Temperature, ...] = ()


def parse(text: str) -> Readings:
    """Read the sections of a look; a file that is not there is absent, one that is not as it should be a ParseError."""
    found = sections.split(text)
    if cpu.SECTION not in found:
        raise ParseError("is not there: this is not Linux, or /proc is not mounted", section=cpu.SECTION)
    given = {name: content for name, content in found.items() if content}
    vmstat = given.get(paging.VMSTAT)
    return Readings(
        stat=cpu.parse_stat(found[cpu.SECTION]),
        boot_id=given.get(BOOT_ID, "").strip(),
        averages=load.parse_loadavg(given[load.LOADAVG]) if load.LOADAVG in given else None,
        uptime_s=load.parse_uptime(given[load.UPTIME]) if load.UPTIME in given else None,
        meminfo=memory.parse_meminfo(given[memory.SECTION]) if memory.SECTION in given else None,
        swaps=paging.parse_swaps(given.get(paging.SWAPS, "")),
        vmstat=dict(paging.parse_vmstat(vmstat)) if vmstat else None,
        disks=disk.parse_diskstats(given.get(disk.SECTION, "")),
        filesystems=filesystem.filesystems(
            filesystem.parse_mounts(given.get(filesystem.MOUNTS, "")), filesystem.parse_statvfs(given.get(STATVFS, ""))
        ),
        interfaces=network.parse_net_dev(given.get(network.SECTION, "")),
        stalls=tuple(
            stall
            for resource in pressure.RESOURCES
            for stall in pressure.parse_pressure(given.get(pressure.FOLDER + resource, ""), resource)
        ),
        temperatures=temperature.parse_temperatures(given),
    )


def samples(now: Readings, before: Readings | None, *, per_cpu: bool = False) -> Iterator[Sample]:
    """Yield all samples of one look; `before` is the look before, for what needs two."""
    same_boot = before is not None and before.boot_id == now.boot_id
    yield from cpu.cpu_samples(now.stat, before.stat if before is not None and same_boot else None, per_cpu=per_cpu)
    yield from cpu.process_samples(now.stat)
    if now.averages is not None:
        yield from load.load_samples(now.averages)
    if now.uptime_s is not None:
        yield from load.uptime_samples(now.uptime_s)
    if now.meminfo is not None:
        yield from memory.memory_samples(now.meminfo)
    yield from paging.swap_samples(now.swaps)
    yield from paging.paging_samples(now.vmstat or {})
    for one_disk in now.disks:
        yield from disk.disk_samples(one_disk)
    for one_filesystem in now.filesystems:
        yield from filesystem.filesystem_samples(one_filesystem)
    for interface in now.interfaces:
        yield from network.network_samples(interface)
    for stall in now.stalls:
        yield from pressure.pressure_samples(stall)
    for one_temperature in now.temperatures:
        yield from temperature.temperature_samples(one_temperature)


def tell(now: Readings, before: Readings | None, *, interval_s: float | None, per_cpu: bool) -> Told:
    """Return the one event of this look; a series that two sensors share is told once."""
    by_series: dict[tuple[str, frozenset[tuple[str, str]]], Sample] = {}
    for one in samples(now, before, per_cpu=per_cpu):
        by_series.setdefault((one.name, frozenset(one.labels.items())), one)
    chosen = tuple(by_series.values())[:MAX_SAMPLES]
    data = MetricCollectedData(collector=NAME, interval_seconds=interval_s, samples=chosen)
    return Told((Observation(MetricCollected, METRICS, data),))


def system_look(*, interval_s: float | None = None, per_cpu: bool = False) -> Look[Readings]:
    """Return the entry of the command registry."""
    return Look(
        name=NAME,
        category="metrics",
        request=FILES,
        parse=parse,
        tell=partial(tell, interval_s=interval_s, per_cpu=per_cpu),
        timeout_s=10.0,
        cache_ttl_s=30.0,
        retries=1,
        programs=("sh", "head", "stat"),
    )
