"""The load of the sink's tests: events of every family, with holes, repetitions and bad records planted and noted.

It runs in a thread of its own and sends in order: each turn is acknowledged before the next, and sent again as a whole
when it was not, so that Kafka holds some records twice.
"""

import asyncio
import json
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from tests.faults.planted_events import Document, Maker, example

Stream = tuple[str, str, str]
"""Topic, subject, scope: what a sequence counts within."""

Number = tuple[Stream, int]
Line = tuple[str, bytes, bytes]
"""Topic, key, value."""

METRICS, OBSERVATIONS, COLLECTIONS = "infra.metrics", "infra.observations", "infra.collections"
STATUS, DEVICES, ALERTS, NOTIFICATIONS = "infra.status", "infra.devices", "infra.alerts", "infra.notifications"
PICKY = "infrastructor.packages.observed.v1"
"""The type of which the database of the tests refuses every event whose sequence ends in 3 (see `stage.PREPARE`)."""


@dataclass
class Planted:
    """What was left out or spoilt, number by number; `lost` and `declared` never come."""

    lost: set[Number] = field(default_factory=set)
    declared: set[Number] = field(default_factory=set)
    late: set[Number] = field(default_factory=set)
    dead: set[Number] = field(default_factory=set)
    garbage: int = 0
    sent: int = 0
    again: int = 0

    @property
    def missing(self) -> set[Number]:
        """What must be an open gap in the end."""
        return self.lost | self.declared


class Planter:
    """Sends from `start` until `finish`; then `planted` is what it says."""

    def __init__(self, bootstrap: str, *, seed: int, devices: int = 10, a_turn: int = 40, every_s: float = 0.1) -> None:
        self.planted = Planted()
        self._bootstrap = bootstrap
        self._chance = random.Random(seed)
        self._maker = Maker(self._chance)
        self._epochs = {f"dev-{number:02}": self._maker.id() for number in range(devices)}
        self._a_turn = a_turn
        self._every_s = every_s
        self._numbers: dict[Stream, int] = {}
        self._kept: list[tuple[float, Line]] = []
        self._before: list[Line] = []
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="planter", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def finish(self) -> None:
        """Send what was kept, and one event of each stream, so that no hole is at an end; return when all is there."""
        self.halt()
        if self._failure is not None:
            raise self._failure
        assert not self._thread.is_alive(), "the planter did not come to its end"

    def halt(self) -> None:
        """Stop, whatever it was at."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(60)

    def _run(self) -> None:
        try:
            asyncio.run(self._send_all())
        except BaseException as error:
            self._failure = error

    async def _send_all(self) -> None:
        while not self._stop.is_set():
            await self._deliver(self._turn())
            await asyncio.sleep(self._every_s)
        await self._deliver(self._last())
        await self._close()

    _client: AIOKafkaProducer | None = None

    async def _deliver(self, lines: list[Line]) -> None:
        """Send until all is acknowledged, from the beginning after each failure."""
        while lines:
            try:
                async with asyncio.timeout(8):
                    client = await self._connected()
                    sent = [await client.send(topic, key=key, value=value) for topic, key, value in lines]
                    for future in sent:
                        await future
            except (KafkaError, OSError):
                await self._close()
                self.planted.again += 1
                await asyncio.sleep(0.3)
                continue
            self.planted.sent += len(lines)
            return

    async def _connected(self) -> AIOKafkaProducer:
        if self._client is None:
            client = AIOKafkaProducer(
                bootstrap_servers=self._bootstrap, enable_idempotence=True, request_timeout_ms=5000, linger_ms=5
            )
            self._client = client
            await client.start()
        return self._client

    async def _close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(KafkaError, OSError):
                async with asyncio.timeout(3):
                    await client.stop()

    def made(self, turns: int) -> list[Line]:
        """A whole load, without a broker: instead of `start` and `finish`."""
        return [*(line for _ in range(turns) for line in self._turn()), *self._last()]

    def _last(self) -> list[Line]:
        """What was kept, and one event of each stream, so that no hole is at an end."""
        closing = [line for stream in list(self._numbers) for line in self._closing(stream)]
        return [*(line for _, line in self._kept), *closing]

    def _turn(self) -> list[Line]:
        now = time.monotonic()
        due = [line for at, line in self._kept if at <= now]
        self._kept = [(at, line) for at, line in self._kept if at > now]
        lines = [line for _ in range(self._a_turn) for line in self._one()]
        if self._chance.random() < 0.05:
            lines += self._chance.sample(self._before, len(self._before) // 3)
        if self._chance.random() < 0.1:
            self.planted.garbage += 1
            lines.append((METRICS, b"garbage", b'{"no json'))
        self._before = lines
        return [*due, *lines]

    def _one(self) -> list[Line]:
        device = self._chance.choice(list(self._epochs))
        agent = f"/agents/{device}/{self._epochs[device]}/system"
        maker = self._maker
        plain: tuple[tuple[float, str, str, Callable[[int], Document]], ...] = (
            (0.45, METRICS, agent, maker.metric),
            (0.65, OBSERVATIONS, agent, maker.observed),
            (0.80, COLLECTIONS, agent, maker.collected),
            (0.84, DEVICES, agent, maker.device),
            (0.88, STATUS, "/streams/device_status", maker.device_status),
            (0.92, STATUS, "/streams/entity_status", maker.entity_status),
        )
        drawn = self._chance.random()
        for below, topic, source, make in plain:
            if drawn < below:
                return self._planted((topic, device, _scope(source)), source, make)
        if drawn < 0.96:
            source, id_ = "/streams/alerts-metrics", maker.id()
            return self._counted((ALERTS, device, source), source, lambda n: maker.alert(device, n, id_), id_=id_)
        return self._told(device)

    def _told(self, device: str) -> list[Line]:
        source, id_ = "/streams/notifications", self._maker.id()
        stream = (NOTIFICATIONS, device, source)
        outcome = self._maker.outcome(device, self._numbers.get(stream, 0))
        if outcome is not None:
            outcome |= {"id": id_, "source": "/sinks/gotify", "subject": device}
            return [_line(NOTIFICATIONS, outcome)]
        return self._counted(stream, source, lambda n: self._maker.request(device, n, id_), id_=id_)

    def _counted(
        self, stream: Stream, source: str, make: Callable[[int], Document], *, id_: str | None = None
    ) -> list[Line]:
        """The next event of a stream, as it should be."""
        return [_line(stream[0], self._next(stream, source, make, id_=id_))]

    def _next(
        self, stream: Stream, source: str, make: Callable[[int], Document], *, id_: str | None = None
    ) -> Document:
        number = self._numbers[stream] = self._numbers.get(stream, 0) + 1
        document = make(number)
        document |= {"id": id_ or self._maker.id(), "source": source, "subject": stream[1], "sequence": number}
        if document["type"] == PICKY and number % 10 == 3:
            self.planted.dead.add((stream, number))
        return document

    def _planted(self, stream: Stream, source: str, make: Callable[[int], Document]) -> list[Line]:
        """The next event of a stream, or something that goes wrong with it."""
        document = self._next(stream, source, make)
        place, drawn = (stream, int(document["sequence"])), self._chance.random()
        if drawn > 0.06 or stream[0] == DEVICES or place in self.planted.dead:
            return [_line(stream[0], document)]
        if drawn < 0.012:
            self.planted.lost.add(place)
            return []
        if drawn < 0.016 and stream[0] == METRICS:
            self.planted.declared.add(place)
            return self._declaration(place, source)
        if drawn < 0.045:
            self._keep(stream[0], document)
            self.planted.late.add(place)
            return []
        self.planted.dead.add(place)
        spoilt = self._maker.spoilt(document)
        if drawn < 0.052:
            self._keep(stream[0], spoilt)
            self.planted.late.add(place)
            return []
        return [_line(stream[0], spoilt)]

    def _keep(self, topic: str, document: Document) -> None:
        self._kept.append((time.monotonic() + self._chance.choice((0.5, 2, 12)), _line(topic, document)))

    def _declaration(self, place: Number, source: str) -> list[Line]:
        """The agent says itself what it dropped."""
        (topic, device, scope), number = place

        def declared(told: int) -> Document:
            document = example("gap.detected")
            document["time"] = self._maker.time(told)
            document["data"] |= {"scope": scope, "topic": topic, "subject": device, "first": number, "last": number}
            return document

        return self._counted((COLLECTIONS, device, scope), source, declared)

    def _closing(self, stream: Stream) -> list[Line]:
        topic, device, scope = stream
        source = scope if scope.startswith("/") else f"/agents/{device}/{scope}/system"
        kinds: dict[str, Callable[[int], Document]] = {
            METRICS: self._maker.metric,
            COLLECTIONS: self._maker.collected,
            DEVICES: self._maker.device,
        }
        if topic in {ALERTS, NOTIFICATIONS}:
            return []
        if topic == OBSERVATIONS:
            # Two: one that the database refuses is not missing, but let the last one be stored.
            return [line for _ in range(2) for line in self._counted(stream, source, self._maker.observed)]
        statuses = self._maker.entity_status if source.endswith("entity_status") else self._maker.device_status
        return self._counted(stream, source, kinds.get(topic, statuses))


def _scope(source: str) -> str:
    return source.split("/")[3] if source.startswith("/agents/") else source


def _line(topic: str, document: dict[str, Any]) -> Line:
    return topic, str(document["subject"]).encode(), json.dumps(document).encode()
