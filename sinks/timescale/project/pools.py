"""pool.observed: pools with their devices and datasets, as they are now."""

from schemas.pool import PoolObserved
from sinks.timescale.project.sightings import Sighting
from sinks.timescale.rows import Rows


def project(event: PoolObserved, rows: Rows) -> None:
    """Add the pools of one look."""
    look = Sighting(event.subject, event.time, event.id, rows)
    look.listed("pool", complete=event.data.complete)
    for pool in event.data.pools:
        scan = {} if pool.scan is None else {f"scan_{name}": value for name, value in pool.scan.model_dump().items()}
        rows.pools.append(look.row(pool, without={"scan", "devices", "datasets"}, **scan))
        rows.pool_devices += [
            look.row(device, pool=pool.name, place=place) for place, device in enumerate(pool.devices)
        ]
        rows.datasets += [look.row(dataset, pool=pool.name) for dataset in pool.datasets]
