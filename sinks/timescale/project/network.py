"""network.observed: interfaces, addresses, routes, neighbours and open ports, as they are now."""

from schemas.network import NetworkObserved
from sinks.timescale.project.sightings import Sighting
from sinks.timescale.rows import Rows


def project(event: NetworkObserved, rows: Rows) -> None:
    """Add what one look shows; a list that was not looked at stays as it is."""
    data = event.data
    look = Sighting(event.subject, event.time, event.id, rows)
    look.listed("interface", complete=data.complete)
    for interface in data.interfaces:
        rows.network_interfaces.append(look.row(interface, without={"addresses"}))
        rows.network_addresses += [look.row(address, interface=interface.name) for address in interface.addresses]
    if data.listening is not None:
        look.listed("listening", complete=data.complete)
        rows.listening_ports += [
            look.plain(**socket.model_dump() | {"program": socket.program or ""}) for socket in data.listening
        ]
    if data.routes is not None:
        look.listed("route", complete=data.complete)
        rows.network_routes += [look.row(route, place=place) for place, route in enumerate(data.routes)]
    if data.neighbours is not None:
        look.listed("neighbour", complete=data.complete)
        rows.network_neighbours += [look.row(neighbour) for neighbour in data.neighbours]
