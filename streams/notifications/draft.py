"""The state during one step: what it was, what was changed, what follows."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from schemas.notification import (
    Kind,
    NotificationRequested,
    NotificationRequestedData,
    NotificationSuppressed,
    NotificationSuppressedData,
)
from streams.derivation import Moment, Output, instant
from streams.fleet import FleetStep, Key, Parts, Told
from streams.notifications.policy import NotificationPolicy
from streams.notifications.state import ALERT, Alert, Held, Telling

MOST_DETAIL = 1000


class Draft:
    """What a step works on. `now` is the append time of its record, `now_ms` the liveness clock."""

    def __init__(self, parts: Parts, at: Moment[NotificationPolicy]) -> None:
        self._parts = parts
        self._changes: dict[Key, Any] = {}
        self._outputs: list[Told] = []
        self._notes: list[str] = []
        self.at = at
        self.policy = at.policy
        self.now_ms = at.liveness_ms
        self.now: datetime = instant(at.record.appended_ms)

    def get(self, kind: str, name: str) -> Any:
        """A part as it is now, or None."""
        key = (kind, name)
        return self._changes[key] if key in self._changes else self._parts[kind].get(name)

    def put(self, kind: str, name: str, part: Any) -> None:
        """Set a part; None drops it."""
        self._changes[kind, name] = part

    def all(self, kind: str) -> Mapping[str, Any]:
        """All parts of a kind as they are now, by name."""
        changed = {name: part for (one, name), part in self._changes.items() if one == kind}
        merged = {**self._parts[kind], **changed} if changed else self._parts[kind]
        return {name: part for name, part in merged.items() if part is not None}

    def count(self, kind: str) -> int:
        """How many parts of a kind there were before the step."""
        return len(self._parts[kind])

    def alerts(self) -> list[Alert]:
        """The alerts in the order in which they were raised."""
        return sorted(self.all(ALERT).values(), key=lambda alert: alert.offset)

    def alert(self, alert_id: UUID) -> Alert | None:
        """An alert as it is now."""
        return cast("Alert | None", self.get(ALERT, str(alert_id)))

    def put_alert(self, alert: Alert) -> None:
        """Set an alert."""
        self.put(ALERT, str(alert.id), alert)

    def put_telling(self, alert_id: UUID, receiver: str, telling: Telling) -> None:
        """Set how far a receiver is with an alert."""
        alert = self.alert(alert_id)
        if alert is not None and alert.tellings.get(receiver) != telling:
            self.put_alert(replace(alert, tellings={**alert.tellings, receiver: telling}))

    def note(self, what: str) -> None:
        """Count something."""
        self._notes.append(what)

    def request(self, kind: Kind, subject: str, data: NotificationRequestedData) -> None:
        """Let a receiver be told."""
        first = str(data.alert_ids[0])
        output_id = self.at.derive(subject, "requested", data.receiver, kind, first)
        self._outputs.append(Told(subject, Output(output_id, NotificationRequested, data)))

    def suppress(self, alert: Alert, held: Held, detail: str, *, receiver: str | None) -> None:
        """Say that a receiver (None: nobody) is not told, and why."""
        data = NotificationSuppressedData(
            alert_ids=(alert.id,), reason=held.reason, detail=detail[:MOST_DETAIL], receiver=receiver
        )
        output_id = self.at.derive(alert.device, "suppressed", receiver or "", held.reason, str(alert.id))
        self._outputs.append(Told(alert.device, Output(output_id, NotificationSuppressed, data)))

    def hold(self, alert: Alert, receiver: str, telling: Telling, *, held: Held, detail: str) -> Telling:
        """Remember why a receiver is not told; it is said once for the same thing."""
        if telling.held == held:
            return telling
        self.suppress(alert, held, detail, receiver=receiver)
        return replace(telling, held=held)

    def step(self) -> FleetStep:
        """What came of it."""
        return FleetStep(self._changes, tuple(self._outputs), tuple(self._notes))
