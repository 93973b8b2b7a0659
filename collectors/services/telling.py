"""What is told of services: one event with the units that concern anybody, one with the numbers."""

from collectors.look import Observation, Told
from collectors.services.reading import Readings
from collectors.services.samples import service_samples, unit_samples
from schemas.metric import MAX_SAMPLES, MetricCollected, MetricCollectedData
from schemas.registry import METRICS, OBSERVATIONS
from schemas.service import ServiceObserved, ServiceObservedData

NAME = "services"
MOST_SERVICES = 1_000
"""More are left out of an event, inactive ones first."""


def tell(now: Readings, _before: Readings | None, *, interval_s: float | None = None) -> Told:
    """Return one event with the services, and one with the numbers."""
    told = [unit.service for unit in now.units if unit.told]
    told.sort(key=lambda service: service.active_state == "inactive")
    data = ServiceObservedData(
        manager_version=now.version,
        system_state=now.system_state,
        services=tuple(told[:MOST_SERVICES]),
        complete=now.complete and len(told) <= MOST_SERVICES,
    )
    samples = [*unit_samples(now.units, now.failed)]
    samples += [one for service in told for one in service_samples(service)]
    observations = [Observation(ServiceObserved, OBSERVATIONS, data)]
    if samples:
        numbers = MetricCollectedData(collector=NAME, interval_seconds=interval_s, samples=tuple(samples[:MAX_SAMPLES]))
        observations.append(Observation(MetricCollected, METRICS, numbers))
    return Told(tuple(observations), partial=now.unread)
