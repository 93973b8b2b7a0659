"""What agents would send of many devices, made up and sent by the test: looks, failures, silences, things that change.

All of it is on time, unless a test gives other times. What Kafka did not acknowledge is sent again, as a spool does.
"""

import asyncio
import math
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from runtime.kafka.producer import KafkaProducer, Outgoing, SendFailed
from runtime.settings import KafkaSettings
from schemas.alert import AlertAcknowledged, AlertRemark, AlertSilenced, SilenceData
from schemas.codec import encode
from schemas.envelope import Envelope
from schemas.identity import uuid7
from schemas.record import RawRecord
from schemas.registry import ALERTS
from tests.unit.streams.log_of_events import Collections, Metrics, Observations

TURNS = 4
"""Each device is looked at once in so many turns."""

INTERVAL_S = 1.0
WAVE_S = 9.0
SILENT_S = 6.0
"""One device in ten is not looked at for so long of each three such times: it goes offline, its series are gone."""

Clock = Callable[[], datetime]


def now() -> datetime:
    return datetime.now(UTC)


class Fleet:
    """Devices and what is seen of them; all that was seen stands in three logs, whose places mean nothing."""

    def __init__(self, rng: random.Random, devices: int, *, clock: Clock = now) -> None:
        self._rng = rng
        self._clock = clock
        self.devices = [f"sim-{number:03}" for number in range(devices)]
        start = clock()
        self.collections, self.metrics, self.observations = (
            Collections(start=start),
            Metrics(start=start),
            Observations(start=start),
        )
        self._logs = (self.collections, self.metrics, self.observations)
        self._introduced: set[str] = set()

    def turn(self, number: int) -> list[RawRecord]:
        """What is seen in one turn."""
        at_s = (self._clock() - self.metrics.start).total_seconds()
        before = [len(log.raws) for log in self._logs]
        for log in self._logs:
            log.at_s = at_s
        for index, device in enumerate(self.devices):
            if index % TURNS == number % TURNS and not (index % 10 == 3 and int(at_s / SILENT_S) % 3 == 1):
                self._look(index, device, at_s)
        return [raw for log, start in zip(self._logs, before, strict=True) for raw in log.raws[start:]]

    def _look(self, index: int, device: str, at_s: float) -> None:
        rng = self._rng
        if device not in self._introduced:
            self._introduced.add(device)
            parents = (self.devices[0],) if index else ()
            self.collections.registered(device, groups=("lab",), parents=parents)
            self.metrics.registered(device, groups=("lab",), parents=parents)
        if index % 5 == 1 and int(at_s / 3) % 3 == 0:
            self.collections.failed(device, status=rng.choice(["error", "unreachable"]))
            return
        self.collections.completed(device, shortest_interval_seconds=INTERVAL_S, sent_s=at_s)
        wave = math.sin(2 * math.pi * (at_s / WAVE_S + index / 7))
        values = {f"load.value{{index={place}}}": round(wave + rng.uniform(-0.1, 0.1), 6) for place in range(4)}
        self.metrics.look(values, device=device, interval=INTERVAL_S, sent_s=at_s)
        state = rng.choice(["running", "running", "running", "exited"])
        web = {"name": "web", "state": state} | ({"exit_code": rng.choice([0, 1])} if state == "exited" else {})
        self.observations.look({"engine": "docker", "containers": [web]}, "container", device=device)


class Load:
    """Sends what a fleet sees, turn after turn, until it is asked to stop."""

    def __init__(self, settings: KafkaSettings, fleet: Fleet) -> None:
        self._fleet = fleet
        self._producer = KafkaProducer(settings, "load", patience_s=2)
        self._stopping = asyncio.Event()
        self.sent = 0
        self.again = 0
        """How often something was sent again."""

    async def run(self) -> None:
        """Send until `stop`; what was begun is finished."""
        turn = 0
        while not self._stopping.is_set():
            await self._send([Outgoing(raw.topic, raw.key, raw.value, raw.headers) for raw in self._fleet.turn(turn)])
            turn += 1
            await asyncio.sleep(INTERVAL_S / TURNS)
        await self._producer.close()

    async def say(self, event: Envelope) -> None:
        """An operator says something."""
        await self._send([Outgoing(ALERTS, event.subject.encode(), encode(event))])

    def stop(self) -> None:
        self._stopping.set()

    async def _send(self, records: list[Outgoing]) -> None:
        while True:
            try:
                await self._producer.send(records)
            except SendFailed:
                self.again += 1
                await asyncio.sleep(0.2)
            else:
                self.sent += len(records)
                return


def silence(device: str, *, seconds: float) -> AlertSilenced:
    """Ada silences all of a device for a while."""
    at, said = now(), uuid7(int(now().timestamp() * 1000))
    ends = at + timedelta(seconds=seconds)
    data = SilenceData(silence_id=said, operator="ada", matchers={"device": device}, starts_at=at, ends_at=ends)
    return AlertSilenced(id=said, source="/operators/ada", subject=device, time=at, data=data)


def acknowledge(alert: Envelope) -> AlertAcknowledged:
    """Ada takes an alert on."""
    at = now()
    data = AlertRemark(alert_id=alert.id, operator="ada")
    return AlertAcknowledged(
        id=uuid7(int(at.timestamp() * 1000)), source="/operators/ada", subject=alert.subject, time=at, data=data
    )
