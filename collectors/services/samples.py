"""The numbers of services, named as the systemd receiver of the OpenTelemetry collector names them."""

from collections import Counter
from collections.abc import Iterable, Iterator

from collectors.services.units import Unit
from collectors.system.samples import BYTES, SECONDS, sample
from schemas.metric import Sample
from schemas.service import Service

_ALWAYS = ("active", "inactive", "failed")
"""States that are counted even when no unit is in them: zero failed ones is what people want to see."""


def unit_samples(units: Iterable[Unit], failed: int | None) -> Iterator[Sample]:
    """Yield how many units there are by type and state, and of all types the failed ones as systemd counts them."""
    counts = Counter((unit.type, unit.service.active_state) for unit in units)
    for kind in {kind: None for kind, _ in counts}:
        for state in _ALWAYS:
            counts.setdefault((kind, state), 0)
    for (kind, state), count in sorted(counts.items()):
        labels = {"systemd.unit.type": kind, "systemd.unit.active_state": state}
        yield sample("systemd.unit.count", count, "{unit}", labels)
    if failed is not None:
        yield sample("systemd.unit.failed", failed, "{unit}")


def service_samples(service: Service) -> Iterator[Sample]:
    """Yield what one service uses, and how often it was restarted. A transient one has a name for a moment only."""
    if not service.unit.endswith(".service") or service.enabled == "transient":
        return
    labels = {"systemd.unit.name": service.unit}
    if service.restarts is not None:
        yield sample("systemd.service.restarts", service.restarts, "{restart}", labels)
    if service.active_state == "inactive":
        return
    if service.cpu_seconds is not None:
        yield sample("systemd.service.cpu.time", service.cpu_seconds, SECONDS, labels)
    if service.memory_bytes is not None:
        yield sample("systemd.service.memory.usage", service.memory_bytes, BYTES, labels)
    if service.tasks is not None:
        yield sample("systemd.service.task.count", service.tasks, "{task}", labels)
