"""The devices of an agent: who is watched, in which way, from when, and that those who are gone are told of."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from collectors.catalog import Planned, named_look, planned_looks, shortest_interval
from collectors.device import Device
from collectors.devices.model import DeviceList
from collectors.devices.plan import Plan, difference, plans
from collectors.devices.source import DeviceSource
from collectors.front import Front
from collectors.look import Look
from collectors.metrics import AgentMetrics
from collectors.observer import Observer
from collectors.owed import Owed
from collectors.scheduler import Appointment, Scheduler
from collectors.settings import AgentSettings
from collectors.ssh.target import Target
from collectors.transport import Transport
from runtime.clock import Clock
from runtime.errors import InfrastructorError, InputInvalid
from runtime.health import Readiness
from runtime.log import get_logger

CONDITION = "devices"
ASK_S = 2.0
MOST_NAMED = 20


class Ways(Protocol):
    """Makes transports: see `collectors.devices.reach`."""

    def transport(self, target: Target, device: str) -> Transport:
        """Return the way to a device; connects nothing yet."""
        ...

    async def close(self) -> None:
        """Close all connections. May be called twice."""
        ...


@dataclass(frozen=True, slots=True)
class Working:
    """The parts of an agent that a fleet works with."""

    scheduler: Scheduler
    observer: Observer
    front: Front
    metrics: AgentMetrics
    readiness: Readiness
    clock: Clock


@dataclass(frozen=True, slots=True)
class _Watched:
    plan: Plan
    device: Device


class Fleet:
    """All devices of one agent, its own machine among them."""

    def __init__(
        self, local: Device, settings: AgentSettings, source: DeviceSource, *, ways: Ways, working: Working
    ) -> None:
        self._local = local
        self._settings = settings
        self._source = source
        self._ways = ways
        self._working = working
        self._watched: dict[str, _Watched] = {}
        self._looks: dict[tuple[object, ...], tuple[Planned, ...]] = {}
        self._owed = Owed()
        self._log = get_logger("agent")
        self._listed = source.first
        working.readiness.set(CONDITION, ok=True)

    def begin(self) -> tuple[Appointment, ...]:
        """Return when each look at each device is due. To be called once, in the event loop."""
        found: list[Appointment] = []
        for plan in plans(self._listed, agent=self._local.id, settings=self._settings):
            found += self._begun(plan)
        return tuple(found)

    def find(self, name: str | None) -> Device:
        """Return a device by its id, the agent's own for None. Raises InputInvalid, naming those there are."""
        watched = self._watched.get(name or self._local.id)
        if watched is not None:
            return watched.device
        names = sorted(self._watched)
        some = ", ".join(names[:MOST_NAMED]) + (f" and {len(names) - MOST_NAMED} more" if names[MOST_NAMED:] else "")
        raise InputInvalid(f"this agent does not watch {name!r}: it watches {some}", operation="find device")

    def look(self, name: str, device: Device) -> Look[Any]:
        """Return a look as it is made at a device, on or off there. Raises InputInvalid for an unknown name."""
        watched = self._watched.get(device.id)
        return named_look(name, watched.plan.settings(self._settings) if watched is not None else self._settings).look

    async def run(self) -> None:
        """Follow the list until cancelled. Raises nothing else: one that is wrong changes nothing, which is said."""
        while True:
            await self._retire_unlisted()
            await self._working.clock.sleep(ASK_S)
            try:
                listed = await self._source.changed()
            except InfrastructorError as error:
                self._log.error("the list of devices is not taken over: the one before holds", error=error)
                self._working.readiness.set(CONDITION, ok=False, why=error.message)
                continue
            if listed is not None:
                self._working.readiness.set(CONDITION, ok=True)
                await self._follow(listed)

    async def close(self) -> None:
        """Close all connections; looks have ended by then."""
        for watched in self._watched.values():
            await watched.device.transport.close()
        await self._ways.close()

    async def _follow(self, listed: DeviceList) -> None:
        self._listed = listed
        after = plans(listed, agent=self._local.id, settings=self._settings)
        what = difference({name: one.plan for name, one in self._watched.items()}, after)
        for device in what.ended:
            await self._end(device)
        for plan in what.changed:
            await self._change(plan)
        for plan in what.begun:
            self._working.scheduler.add(self._begun(plan))
        self._log.info(
            "the list of devices changed", begun=len(what.begun), changed=len(what.changed), ended=len(what.ended)
        )

    async def _retire_unlisted(self) -> None:
        """Tell of those that left the list, now or while this agent was not running; again until it could be kept."""
        for device in self._working.observer.remembered():
            if device not in self._watched:
                await self._working.observer.retire(device, self._why_gone(device))

    def _why_gone(self, device: str) -> str:
        entry = self._listed.get(device)
        return f"disabled in {self._source.path}" if entry is not None else f"not in {self._source.path} any more"

    async def _end(self, device: str) -> None:
        watched = self._watched.pop(device)
        await self._working.scheduler.drop(device)
        await watched.device.transport.close()
        self._working.front.forget(device)
        self._owed.forget(device)
        self._working.observer.forget(device)

    async def _change(self, plan: Plan) -> None:
        before = self._watched[plan.id]
        await self._working.scheduler.drop(plan.id)
        if before.plan.target == plan.target:
            # What the last looks saw stays, and so does the connection.
            self._working.scheduler.add(self._begun(plan, before.device.transport))
            return
        await self._end(plan.id)
        self._working.scheduler.add(self._begun(plan))

    def _begun(self, plan: Plan, transport: Transport | None = None) -> list[Appointment]:
        planned = self._planned(plan)
        device = Device(
            plan.id,
            transport or self._transport(plan),
            shortest_interval(plan.settings(self._settings)),
            groups=plan.groups,
            parents=plan.parents,
            labels=plan.labels,
            elevates=self._local.elevates if plan.target is None else plan.elevates,
        )
        self._watched[plan.id] = _Watched(plan, device)
        return [self._appointment(device, one) for one in planned]

    def _transport(self, plan: Plan) -> Transport:
        return self._local.transport if plan.target is None else self._ways.transport(plan.target, plan.id)

    def _appointment(self, device: Device, planned: Planned) -> Appointment:
        missed: Callable[[int], None] = self._working.metrics.looks_missed.labels(planned.look.name, "under_way").inc
        run = partial(self._scheduled, device, planned)
        return Appointment(device.id, planned.look.name, planned.interval_s, run=run, missed=missed)

    async def _scheduled(self, device: Device, planned: Planned) -> None:
        """Look, and if the device answers, have what it owes from when it did not."""
        looked = await self._working.front.scheduled(device, planned.look)
        watched, now = self._watched.get(device.id), self._working.clock.monotonic()
        if looked is None or watched is None:
            return
        self._owed.ended(device.id, planned.look.name, looked, now=now)
        if looked.status == "success":
            every = {one.look.name: one.interval_s for one in self._planned(watched.plan)}
            self._working.scheduler.hasten(device.id, self._owed.due(device.id, every, now=now))

    def _planned(self, plan: Plan) -> tuple[Planned, ...]:
        """Return the looks at a device; devices that are looked at alike share them."""
        key = (plan.target is None, plan.collectors, plan.intervals, plan.patterns)
        if key not in self._looks:
            self._looks[key] = planned_looks(plan.settings(self._settings))
        return self._looks[key]
