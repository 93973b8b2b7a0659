"""What is told of packages: one event with what waits, one with the numbers."""

from collections.abc import Iterator

from collectors.look import Observation, Told
from collectors.packages.reading import Readings
from collectors.system.samples import sample
from schemas.metric import MetricCollected, MetricCollectedData, Sample
from schemas.packages import PackagesObserved, PackagesObservedData
from schemas.registry import METRICS, OBSERVATIONS

NAME = "packages"
MOST_UPDATES = 1_000
"""More are left out of an event, those for security last; the counts hold."""


def tell(now: Readings, _before: Readings | None, *, interval_s: float | None = None) -> Told:
    """Return one event with what waits, and one with the numbers."""
    updates = sorted(now.updates, key=lambda one: not one.security)
    left_out = len(updates) - MOST_UPDATES
    data = PackagesObservedData(
        manager=now.manager,
        updates_count=len(updates),
        security_count=security_count(now),
        updates=tuple(updates[:MOST_UPDATES]),
        reboot_required=now.reboot_required,
        reboot_because=now.reboot_because,
        running_kernel=now.running_kernel,
        installed_kernel=now.installed_kernel,
        index_updated_at=now.index_updated_at,
        note=f"{left_out} more updates are not listed" if left_out > 0 else None,
    )
    numbers = MetricCollectedData(collector=NAME, interval_seconds=interval_s, samples=tuple(samples(now)))
    return Told(
        (Observation(PackagesObserved, OBSERVATIONS, data), Observation(MetricCollected, METRICS, numbers)),
        partial=now.unread,
    )


def security_count(now: Readings) -> int | None:
    """Return how many updates are for security; None when the package manager does not tell."""
    return sum(1 for one in now.updates if one.security) if now.tells_security else None


def samples(now: Readings) -> Iterator[Sample]:
    """Yield how many updates wait, how many of them for security, and whether a reboot is due (1 or 0)."""
    labels = {"packages.manager": now.manager}
    yield sample("packages.update.count", len(now.updates), "{package}", labels)
    security = security_count(now)
    if security is not None:
        yield sample("packages.security_update.count", security, "{package}", labels)
    if now.reboot_required is not None:
        yield sample("packages.reboot_required", now.reboot_required, "1", labels)
