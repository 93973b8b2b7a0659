"""The metrics that the collectors of this project emit, and what their values can be.

A rule may read others: every service can send its own. `rules check` says so, and names the nearest known one. A test
compares this list with what the collectors' cases emit.
"""

import difflib
from dataclasses import dataclass
from typing import Literal

Kind = Literal["ratio", "amount", "level", "counter"]
"""`ratio`: 0 to 1. `amount`: not negative. `level`: any number. `counter`: rises, and begins anew at 0."""

_NAMES: dict[Kind, str] = {
    "ratio": """
        container.engine.up container.memory.utilization hw.fan.speed_ratio hw.gpu.ecc.enabled hw.gpu.memory.activity
        hw.gpu.memory.utilization hw.gpu.remapped_rows.failure hw.gpu.remapped_rows.pending
        hw.gpu.retired_pages.pending hw.gpu.throttle hw.gpu.utilization hw.network.up
        hw.physical_disk.available_spare hw.physical_disk.available_spare.limit
        hw.physical_disk.endurance_utilization hw.physical_disk.smartctl_exit hw.physical_disk.standby hw.status
        packages.reboot_required system.cpu.utilization system.filesystem.utilization system.linux.psi.pressure
        system.memory.utilization system.paging.utilization zfs.arc.hit_ratio zfs.device.online zfs.pool.fragmentation
        zfs.pool.status zfs.pool.utilization zfs.scan.progress zfs.scan.running
    """,
    "amount": """
        container.count container.cpu.usage container.healthcheck.failing_streak container.memory.limit
        container.memory.usage container.pids.count container.uptime hw.fan.speed hw.gpu.clock.frequency
        hw.gpu.clock.frequency.limit hw.gpu.count hw.gpu.memory.limit hw.gpu.memory.reserved hw.gpu.memory.usage
        hw.gpu.pcie.link.generation hw.gpu.pcie.link.width hw.gpu.pcie.throughput hw.gpu.performance_state
        hw.gpu.process.count hw.gpu.process.memory hw.gpu.remapped_rows hw.gpu.retired_pages hw.gpu.voltage
        hw.network.bandwidth.limit hw.physical_disk.critical_warning hw.physical_disk.endurance_used
        hw.physical_disk.grown_defects hw.physical_disk.pending_sectors hw.physical_disk.reallocated_sectors
        hw.physical_disk.size hw.physical_disk.uncorrectable_sectors hw.power hw.power.limit network.listening.count
        network.neighbour.count network.route.count packages.security_update.count packages.update.count
        system.cpu.load_average.15m system.cpu.load_average.1m system.cpu.load_average.5m system.cpu.logical.count
        system.filesystem.inodes.usage system.filesystem.limit system.filesystem.usage system.memory.limit
        system.memory.linux.available system.memory.linux.shared system.memory.linux.slab.usage system.memory.usage
        system.paging.usage system.process.count system.thread.count system.uptime systemd.service.memory.usage
        systemd.service.task.count systemd.unit.count systemd.unit.failed zfs.arc.compressed_size zfs.arc.data_size
        zfs.arc.metadata_size zfs.arc.metadata_used zfs.arc.mfu_size zfs.arc.mru_size zfs.arc.size zfs.arc.target
        zfs.arc.target.max zfs.arc.target.min zfs.arc.uncompressed_size zfs.dataset.available
        zfs.dataset.compression_ratio zfs.dataset.quota zfs.dataset.referenced zfs.dataset.used zfs.device.errors
        zfs.l2arc.allocated zfs.l2arc.header_size zfs.l2arc.size zfs.pool.allocated zfs.pool.data_errors
        zfs.pool.deduplication_ratio zfs.pool.errors zfs.pool.free zfs.pool.freeing zfs.pool.leaked zfs.pool.size
        zfs.scan.age zfs.scan.errors zfs.scan.remaining
    """,
    "level": """
        hw.gpu.temperature.margin hw.physical_disk.smart hw.temperature hw.temperature.limit
    """,
    "counter": """
        container.cpu.time container.disk.io container.network.io container.restart.count hw.errors
        hw.gpu.throttle.time hw.network.carrier.changes hw.physical_disk.error_log_entries hw.physical_disk.io
        hw.physical_disk.power_cycles hw.physical_disk.power_on_time hw.physical_disk.unsafe_shutdowns
        system.cpu.time system.disk.io system.disk.io_time system.disk.merged system.disk.operation_time
        system.disk.operations system.linux.psi.total_time system.network.errors system.network.io
        system.network.packet.count system.network.packet.dropped system.paging.faults system.paging.operations
        system.process.created systemd.service.cpu.time systemd.service.restarts zfs.arc.accesses
        zfs.arc.memory_throttles zfs.l2arc.accesses zfs.l2arc.io
    """,
}

KNOWN: dict[str, Kind] = {name: kind for kind, names in _NAMES.items() for name in names.split()}


@dataclass(frozen=True, slots=True)
class Bounds:
    """Between which numbers values lie."""

    low: float
    high: float


BOUNDS: dict[Kind, Bounds] = {
    "ratio": Bounds(0, 1),
    "amount": Bounds(0, float("inf")),
    "level": Bounds(float("-inf"), float("inf")),
    "counter": Bounds(0, float("inf")),
}


def nearest(name: str) -> str | None:
    """The known metric that a name may have been meant for."""
    found = difflib.get_close_matches(name, KNOWN, n=1, cutoff=0.6)
    return found[0] if found else None
