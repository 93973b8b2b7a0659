"""What is told of a network: one event with what there is, one with the numbers."""

from collectors.look import Observation, Told
from collectors.network.reading import Readings
from collectors.network.samples import count_samples, link_samples
from schemas.metric import MAX_SAMPLES, MetricCollected, MetricCollectedData
from schemas.network import NetworkObserved, NetworkObservedData
from schemas.registry import METRICS, OBSERVATIONS

NAME = "network"
MOST = 1_000
"""More routes, neighbours or sockets are left out of an event; default routes come first."""
MOST_INTERFACES = 500
"""More are left out of an event, the ends of containers' cables first."""


def tell(now: Readings, _before: Readings | None, *, interval_s: float | None = None) -> Told:
    """Return one event with the network, and one with the numbers."""
    interfaces = sorted(now.interfaces, key=lambda one: one.kind == "veth")
    routes = sorted(now.routes, key=lambda one: one.destination != "default") if now.routes is not None else None
    lists = (routes or (), now.neighbours or (), now.listening or ())
    data = NetworkObservedData(
        interfaces=tuple(interfaces[:MOST_INTERFACES]),
        routes=tuple(routes[:MOST]) if routes is not None else None,
        neighbours=now.neighbours[:MOST] if now.neighbours is not None else None,
        listening=now.listening[:MOST] if now.listening is not None else None,
        complete=not now.unread and len(interfaces) <= MOST_INTERFACES and all(len(one) <= MOST for one in lists),
    )
    samples = [one for interface in interfaces for one in link_samples(interface, now.links)]
    samples += count_samples(now.routes, now.neighbours, now.listening)
    observations = [Observation(NetworkObserved, OBSERVATIONS, data)]
    if samples:
        numbers = MetricCollectedData(collector=NAME, interval_seconds=interval_s, samples=tuple(samples[:MAX_SAMPLES]))
        observations.append(Observation(MetricCollected, METRICS, numbers))
    return Told(tuple(observations), partial=now.unread)
