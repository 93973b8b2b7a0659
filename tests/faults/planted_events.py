"""Made events of every family as plain JSON, from the examples in `schemas/examples`: what the planter sends.

Made without the product's models, so that the oracle's reading and the product's meet only in the bytes.
"""

import copy
import json
import random
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

Document = dict[str, Any]

EXAMPLES = Path(__file__).parents[2] / "schemas" / "examples"
AHEAD = timedelta(days=1)


@cache
def _read(kind: str) -> Document:
    document: Document = json.loads((EXAMPLES / f"infrastructor.{kind}.v1.json").read_text())
    return document


def example(kind: str) -> Document:
    """A copy of the example of one event type, `container.observed` say, without what is of its own place."""
    document = copy.deepcopy(_read(kind))
    for name in ("correlationid", "causationid", "sequence"):
        document.pop(name, None)
    return document


class Maker:
    """Makes the contents of events; what it makes depends on the seed alone, its times on when it began."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.began = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=20)
        self._open_alerts: dict[str, str] = {}
        self._requests: dict[str, str] = {}

    def id(self) -> str:
        """A new id; any version will do where the log is read."""
        return str(UUID(int=self.chance.getrandbits(128), version=4))

    def time(self, number: int) -> str:
        """A coarse time that goes on with `number`: equal ones and late ones are wanted, ids then decide."""
        at = self.began + timedelta(seconds=number // 4 + self.chance.randrange(-6, 1))
        return at.isoformat()

    def metric(self, number: int) -> Document:
        """Samples at a time of their own, so that no two events of a device claim the same."""
        document = example("metric.collected")
        document["time"] = (self.began + timedelta(milliseconds=100 * number)).isoformat()
        for place, sample in enumerate(document["data"]["samples"]):
            sample["value"] = round(self.chance.random() * 100 + place, 3)
        return document

    def observed(self, number: int) -> Document:
        """A look at things, some of which come and go."""
        makers = (self._containers, self._drives, self._pools, self._services, self._network, self._packages)
        document = self.chance.choice((*makers, self._config))(number)
        document["time"] = self.time(number)
        return document

    def _some(self, things: list[Document], more: int, key: str) -> list[Document]:
        """Some of the things, and some that differ from the first in their name."""
        named = [*things, *({**copy.deepcopy(things[0]), key: f"other-{index}"} for index in range(more))]
        return [copy.deepcopy(thing) for thing in named if self.chance.random() < 0.6]

    def _containers(self, number: int) -> Document:
        document = example("container.observed")
        data = document["data"]
        data["engine"] = self.chance.choice(("docker", "podman"))
        data["complete"] = self.chance.random() < 0.7
        data["containers"] = self._some(data["containers"], 3, "name")
        for container in data["containers"]:
            container["restart_count"] = number
            container["state"] = self.chance.choice(("running", "exited", "paused"))
            ports = [{"container_port": 80 + place} for place in range(self.chance.randrange(3))]
            container["ports"] = ports
        return document

    def _drives(self, number: int) -> Document:
        document = example("drive.observed")
        data = document["data"]
        data["complete"] = self.chance.random() < 0.7
        data["drives"] = self._some(data["drives"], 1, "id")
        for drive in data["drives"]:
            drive["power_cycles"] = number
            drive["standby"] = self.chance.random() < 0.3
            for attribute in drive["attributes"]:
                attribute["raw"] = number
        return document

    def _pools(self, number: int) -> Document:
        document = example("pool.observed")
        data = document["data"]
        data["complete"] = self.chance.random() < 0.7
        data["pools"] = self._some(data["pools"], 2, "name")
        for pool in data["pools"]:
            pool["state"] = self.chance.choice(("online", "degraded"))
            pool["data_errors"] = number
        return document

    def _services(self, number: int) -> Document:
        document = example("service.observed")
        data = document["data"]
        data["complete"] = self.chance.random() < 0.7
        data["services"] = self._some(data["services"], 2, "unit")
        for service in data["services"]:
            service["active_state"] = self.chance.choice(("active", "failed", "inactive"))
            service["restarts"] = number
        return document

    def _network(self, number: int) -> Document:
        document = example("network.observed")
        data = document["data"]
        data["complete"] = self.chance.random() < 0.7
        data["interfaces"] = self._some(data["interfaces"], 2, "name")
        for interface in data["interfaces"]:
            interface["state"] = self.chance.choice(("up", "down"))
            interface["received_bytes"] = number
        return document

    def _packages(self, number: int) -> Document:
        document = example("packages.observed")
        data = document["data"]
        data["updates"] = self._some(data["updates"], 2, "name")
        data["updates_count"] = len(data["updates"])
        for update in data["updates"]:
            update["available"] = str(number)
        return document

    def _config(self, _: int) -> Document:
        document = example("config.observed")
        data = document["data"]
        data["path"] = self.chance.choice(("/srv/a.yaml", "/srv/b.yaml"))
        data["content_hash"] = self.chance.choice("abc") * 64
        data.pop("previous_hash", None)
        return document

    def collected(self, number: int) -> Document:
        """A look's end, or news of the device itself."""
        kinds = ("collection.completed", "collection.completed", "collection.failed", "device.updated")
        document = example(self.chance.choice(kinds))
        if document["type"].startswith("infrastructor.device."):
            document["data"]["kernel"] = f"6.1.{number}"
            document["data"]["labels"] = {"number": str(number)}
        document["time"] = self.time(number)
        return document

    def device(self, number: int) -> Document:
        """News of the device for the inventory's own topic."""
        document = example("device.updated")
        document["data"]["kernel"] = f"6.2.{number}"
        document["time"] = self.time(number)
        return document

    def device_status(self, number: int) -> Document:
        """A change of the derived status."""
        document = example("device.status_changed")
        document["data"]["status"] = self.chance.choice(("online", "degraded", "offline"))
        document["data"]["summary"] = f"number {number}"
        document["time"] = self.time(number)
        return document

    def entity_status(self, number: int) -> Document:
        """A change of a watched thing."""
        kinds = ("container.status_changed", "drive.health_changed", "config.changed")
        document = example(self.chance.choice(kinds))
        document["data"]["entity"] = f"thing-{self.chance.randrange(3)}"
        document["data"]["summary"] = f"number {number}"
        document["time"] = self.time(number)
        return document

    def alert(self, subject: str, number: int, id_: str) -> Document:
        """An alert raised, or the device's open one resolved."""
        known = self._open_alerts.pop(subject, None)
        document = example("alert.raised" if known is None else "alert.resolved")
        if known is None:
            self._open_alerts[subject] = id_
        else:
            document["data"]["alert_id"] = known
        document["time"] = self.time(number)
        return document

    def request(self, subject: str, number: int, id_: str) -> Document:
        """Somebody is to be told."""
        document = example("notification.requested")
        self._requests[subject] = id_
        document["time"] = self.time(number)
        return document

    def outcome(self, subject: str, number: int) -> Document | None:
        """What became of the device's last request: an event without a sequence. None when there was none."""
        request = self._requests.pop(subject, None)
        if request is None:
            return None
        document = example(self.chance.choice(("notification.delivered", "notification.suppressed")))
        document["data"]["request_id"] = request
        document["time"] = self.time(number)
        return document

    def spoilt(self, document: Document) -> Document:
        """The event with its envelope whole, and something in it that nobody takes."""
        match self.chance.randrange(3):
            case 0:
                return {**document, "data": "nothing"}
            case 1:
                return {**document, "time": (datetime.now(UTC) + AHEAD).isoformat()}
            case _:
                return {**document, "padding": float("nan")}
