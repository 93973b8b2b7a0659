"""A log of `infra.alerts` told in a few words, and what came of it as lines: `35 gotify raised web-1:disk`."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from schemas.alert import (
    AlertAcknowledged,
    AlertRaised,
    AlertRaisedData,
    AlertRemark,
    AlertResolved,
    AlertResolvedData,
    AlertSilenced,
    AlertUnacknowledged,
    AlertUnsilenced,
    ResolvedBecause,
    SilenceData,
    UnsilenceData,
)
from schemas.envelope import Envelope
from schemas.headers import CAUSE_APPENDED, Header
from schemas.identity import derived_id
from schemas.maintenance import MaintenanceEnded, MaintenanceEndedData, MaintenanceStarted, MaintenanceStartedData
from schemas.notification import NotificationRequested, NotificationSuppressed
from schemas.record import RecordReader
from schemas.registry import ALERTS
from streams.fleet_fold import FleetFold
from streams.notifications.core import Notifications
from streams.notifications.policy import NotificationPolicy
from tests.unit.streams.log_of_events import START, Log

_NAMES = UUID("00000000-0000-4000-8000-000000000001")


class Story(Log):
    """The one partition of `infra.alerts`; alerts are called `<device>:<rule>`, and their rule may end in a number."""

    def __init__(self, policy: Mapping[str, Any] | None = None, *, start: datetime = START) -> None:
        super().__init__(ALERTS, start=start)
        self.ids: dict[str, UUID] = {}
        self.names: dict[UUID, str] = {}
        self._facts: dict[UUID, dict[str, Any]] = {}
        self._sent: dict[str, int] = {}
        self._revision = 0
        self._said = 0
        if policy is not None:
            self.policy(policy)

    def policy(self, document: Mapping[str, Any]) -> None:
        """A new policy."""
        self._revision += 1
        self.rules("notification_policy", document, self._revision)

    def up(self, name: str, severity: str = "warning", *, late_s: float = 0.0, **facts: Any) -> UUID:
        """An alert is raised; `late_s` after its cause. Raised again, it is another alert of the same name."""
        device, _, rule = name.partition(":")
        envelope = self._derived(device, f"up {name} {len(self.raws)}")
        alert_id: UUID = envelope["id"]
        self.ids[name], self.names[alert_id] = alert_id, name
        known = {"rule": rule, "rule_revision": 1, "severity": severity, **facts}
        self._facts[alert_id] = known
        data = {"since": self.now() - timedelta(seconds=late_s), "summary": f"{rule} on {device}", **known}
        self._put(AlertRaised(**envelope, data=AlertRaisedData(**data)), late_s)
        return alert_id

    def down(self, name: str, reason: ResolvedBecause = "cleared", *, late_s: float = 0.0) -> None:
        """The alert of that name is over."""
        alert_id = self.ids[name]
        envelope = self._derived(name.partition(":")[0], f"down {name} {len(self.raws)}")
        facts = self._facts[alert_id]
        known = {key: value for key, value in facts.items() if key in AlertResolvedData.model_fields}
        said = {"summary": f"{facts['rule']} is over", **known}
        data = AlertResolvedData(**said, alert_id=alert_id, reason=reason, raised_at=self.now())
        self._put(AlertResolved(**envelope, data=data), late_s)

    def ack(self, name: str) -> None:
        """Ada acknowledges."""
        remark = AlertRemark(alert_id=self.ids[name], operator="ada", comment="on it")
        self.append(AlertAcknowledged(**self._operators(name.partition(":")[0]), data=remark))

    def unack(self, name: str) -> None:
        """Ada gives it back."""
        remark = AlertRemark(alert_id=self.ids[name], operator="ada")
        self.append(AlertUnacknowledged(**self._operators(name.partition(":")[0]), data=remark))

    def silence(self, seconds: float, subject: str = "_fleet", *, after_s: float = 0.0, **matchers: str) -> UUID:
        """Ada silences for so long."""
        said = self._operators(subject)
        starts_at = self.now() + timedelta(seconds=after_s)
        data = SilenceData(
            silence_id=said["id"], operator="ada", matchers=matchers, starts_at=starts_at,
            ends_at=starts_at + timedelta(seconds=seconds), comment="known",
        )  # fmt: skip
        self.append(AlertSilenced(**said, data=data))
        return data.silence_id

    def unsilence(self, silence_id: UUID) -> None:
        """Ada ends a silence."""
        data = UnsilenceData(silence_id=silence_id, operator="ada")
        self.append(AlertUnsilenced(**self._operators("_fleet"), data=data))

    def maintain(self, subject: str = "_fleet", *, seconds: float | None = None, **facts: Any) -> UUID:
        """Ada announces maintenance."""
        said = self._operators(subject)
        ends_at = None if seconds is None else self.now() + timedelta(seconds=seconds)
        data = MaintenanceStartedData(
            maintenance_id=said["id"], operator="ada", starts_at=self.now(), ends_at=ends_at, **facts
        )
        self.append(MaintenanceStarted(**said, data=data))
        return data.maintenance_id

    def end(self, maintenance_id: UUID, subject: str = "_fleet") -> None:
        """Ada ends maintenance."""
        data = MaintenanceEndedData(maintenance_id=maintenance_id, operator="ada")
        self.append(MaintenanceEnded(**self._operators(subject), data=data))

    def again(self, place: int) -> None:
        """The record at that place is delivered once more, as a record of its own."""
        event = self.records[place].event
        assert isinstance(event, Envelope)
        self.append(event)
        self._with_headers(self.raws[place].headers)

    def told(self, *kinds: str) -> list[str]:
        """What came of it, in a fold from the beginning; only of these kinds or reasons, if any are named."""
        lines = [self.line(event) for event in self.events()]
        return [line for line in lines if not kinds or line.split()[2] in kinds]

    def events(self) -> list[NotificationRequested | NotificationSuppressed]:
        """The same as events."""
        return [
            event for _, event in self.outcomes() if isinstance(event, NotificationRequested | NotificationSuppressed)
        ]

    def outcomes(self) -> list[tuple[int, Envelope]]:
        """What came of it with the offset of the cause."""
        fold = new_fold()
        found: list[tuple[int, Envelope]] = []
        for record in self.records:
            applied = fold.apply(record)
            assert not [one for one in applied.problems if not one.reason.startswith("rules_")]
            found += [(record.offset, one.event) for one in applied.outputs]
        return found

    def line(self, event: NotificationRequested | NotificationSuppressed) -> str:
        """An event in a few words: seconds, receiver, what, which alerts."""
        what = event.data.kind if isinstance(event, NotificationRequested) else event.data.reason
        names = " ".join(self.names[one] for one in event.data.alert_ids)
        return f"{(event.time - self.start).total_seconds():.0f} {event.data.receiver or '-'} {what} {names}"

    def _put(self, event: Envelope, late_s: float) -> None:
        record = self.append(event)
        self._with_headers(((CAUSE_APPENDED, str(record.appended_ms - int(late_s * 1000)).encode()),))

    def _with_headers(self, headers: tuple[Header, ...]) -> None:
        """Give the last record other headers."""
        self.raws[-1] = self.raws[-1]._replace(headers=headers)
        self.records[-1] = RecordReader().read(self.raws[-1])

    def _derived(self, device: str, what: str) -> dict[str, Any]:
        self._sent[device] = self._sent.get(device, 0) + 1
        return {
            "id": derived_id(_NAMES, what),
            "source": "/streams/alerts-metrics",
            "subject": device,
            "time": self.now(),
            "sequence": self._sent[device],
        }

    def _operators(self, subject: str) -> dict[str, Any]:
        self._said += 1
        return {
            "id": derived_id(_NAMES, "operator", str(self._said)),
            "source": "/operators/ada",
            "subject": subject,
            "time": self.now(),
        }


def new_fold() -> FleetFold[NotificationPolicy]:
    """A fold with nothing applied."""
    return FleetFold(Notifications(), 0)


def bodies(events: Iterable[NotificationRequested | NotificationSuppressed]) -> list[str]:
    """The texts of what was requested, the details of what was not."""
    return [one.data.body if isinstance(one, NotificationRequested) else one.data.detail for one in events]
