"""container.observed: containers and their ports, as they are now."""

from schemas.container import ContainerObserved, ContainerUsage
from sinks.timescale.project.sightings import Sighting
from sinks.timescale.rows import Rows

_NO_USAGE = ContainerUsage()


def project(event: ContainerObserved, rows: Rows) -> None:
    """Add the containers of one look; each engine has a list of its own."""
    data = event.data
    look = Sighting(event.subject, event.time, event.id, rows)
    look.listed("container", data.engine, complete=data.complete)
    for container in data.containers:
        usage = (container.usage or _NO_USAGE).model_dump()
        rows.containers.append(look.row(container, without={"usage", "ports"}, engine=data.engine, **usage))
        for place, port in enumerate(container.ports):
            rows.container_ports.append(look.row(port, engine=data.engine, container=container.name, place=place))
