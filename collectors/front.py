"""Where looks are asked for: the schedule always looks, everybody else is served by what was seen when it is fresh."""

from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from collectors.absence import RETRY_S, DoesNotApply
from collectors.cache import Cache
from collectors.device import Device
from collectors.look import Look
from collectors.looked import Looked, put_by
from collectors.metrics import CacheMetrics
from collectors.observer import Observer
from runtime.clock import Clock
from schemas.collection import Requester


@dataclass(frozen=True, slots=True)
class Served:
    """What somebody who asked is told; `age_s` is None when it was looked for him. `correlation` is his run's."""

    looked: Looked
    correlation: UUID
    age_s: float | None = None


class Front:
    """One an agent. Remembers, too, what does not apply to which device, until it is tried again."""

    def __init__(self, observer: Observer, *, clock: Clock, metrics: CacheMetrics) -> None:
        self._observer = observer
        self._clock = clock
        self._cache: Cache[Looked] = Cache(clock, metrics, keep=put_by)
        self._again: dict[tuple[str, str], float] = {}

    async def scheduled(self, device: Device, look: Look[Any]) -> Looked | None:
        """Look because it is time; None for what the device has nothing for: left alone for a day. Raises nothing."""
        again = self._again.get((device.id, look.name))
        if again is not None and self._clock.monotonic() < again:
            return None
        return await self._cache.run(_key(device, look), partial(self._look, device, look, "schedule"))

    def forget(self, device: str) -> None:
        """Forget a device that is watched no more, or in another way."""
        self._again = {key: again for key, again in self._again.items() if key[0] != device}
        self._cache.forget(lambda key: key[0] == device)

    async def asked(self, device: Device, look: Look[Any], *, requested_by: Requester, force: bool = False) -> Served:
        """Answer one who asks; `force` looks in any case. Raises nothing but cancellation."""
        run = partial(self._look, device, look, requested_by)
        if force:
            looked = await self._cache.run(_key(device, look), run)
            return Served(looked, looked.correlation)
        answer = await self._cache.get(_key(device, look), run, fresh_s=look.cache_ttl_s)
        if answer.how == "run" or answer.value.status != "success":
            return Served(answer.value, answer.value.correlation)
        correlation = await self._observer.tell_cached(
            device, look, requested_by=requested_by, events=len(answer.value.lines()), age_s=answer.age_s
        )
        return Served(answer.value, correlation, answer.age_s)

    async def _look(self, device: Device, look: Look[Any], requested_by: Requester) -> Looked:
        looked = await self._observer.look(device, look, requested_by=requested_by)
        if isinstance(looked.error, DoesNotApply):
            self._again[device.id, look.name] = self._clock.monotonic() + RETRY_S
        else:
            self._again.pop((device.id, look.name), None)
        return looked


def _key(device: Device, look: Look[Any]) -> tuple[str, str, str]:
    return device.id, look.name, look.hash
