"""alert.*: what the rules derive, and what operators say to it. An alert's id is the id of its alert.raised."""

from typing import ClassVar, Literal

from pydantic import Field

from schemas.envelope import Envelope
from schemas.fields import DeviceId, EventId, Evidence, Finite, Labels, Name, Part, Text, UtcTime

Severity = Literal["info", "warning", "critical"]
ResolvedBecause = Literal["cleared", "no_data", "rule_removed", "rule_changed", "device_retired"]


class AlertFacts(Part):
    """Which rule and which instance of it: the same from raised to resolved."""

    rule: Name
    rule_revision: int = Field(ge=0)
    severity: Severity
    labels: Labels = Field(default_factory=dict, description="The rule's labels and those of the series.")
    groups: tuple[Name, ...] = Field(default=(), description="The groups of its device, as in devices.yaml.")
    parents: tuple[DeviceId, ...] = Field(
        default=(), description="What its device depends on, the device whose agent observes it included."
    )
    value: Finite | None = None
    unit: Name | None = None
    evidence: tuple[Evidence, ...] = ()
    historical: bool = Field(default=False, description="Derived from a backlog: it was over before it could be told.")
    flapping: bool = Field(default=False, description="It came and went so often that it now ends only after a calm.")


class AlertRaisedData(AlertFacts):
    """What holds, since when, and in words."""

    threshold: Finite | None = None
    since: UtcTime = Field(description="When the condition began to hold, in event time.")
    summary: Text
    description: Text | None = None
    runbook: Text | None = None


class AlertRaised(Envelope):
    """A rule's condition holds."""

    TYPE: ClassVar[str] = "infrastructor.alert.raised.v1"
    type: Literal["infrastructor.alert.raised.v1"] = "infrastructor.alert.raised.v1"
    data: AlertRaisedData


class AlertResolvedData(AlertFacts):
    """Which alert is over, and why."""

    alert_id: EventId
    reason: ResolvedBecause
    raised_at: UtcTime
    summary: Text


class AlertResolved(Envelope):
    """An alert is over."""

    TYPE: ClassVar[str] = "infrastructor.alert.resolved.v1"
    type: Literal["infrastructor.alert.resolved.v1"] = "infrastructor.alert.resolved.v1"
    data: AlertResolvedData


class AlertRemark(Part):
    """What an operator says to one alert."""

    alert_id: EventId
    operator: Name
    comment: Text | None = None


class AlertAcknowledged(Envelope):
    """An operator takes an alert on."""

    TYPE: ClassVar[str] = "infrastructor.alert.acknowledged.v1"
    type: Literal["infrastructor.alert.acknowledged.v1"] = "infrastructor.alert.acknowledged.v1"
    data: AlertRemark


class AlertUnacknowledged(Envelope):
    """An operator gives an alert back."""

    TYPE: ClassVar[str] = "infrastructor.alert.unacknowledged.v1"
    type: Literal["infrastructor.alert.unacknowledged.v1"] = "infrastructor.alert.unacknowledged.v1"
    data: AlertRemark


class SilenceData(Part):
    """Alerts that match all labels are not told of until `ends_at`; label values are regular expressions."""

    silence_id: EventId
    operator: Name
    matchers: Labels
    starts_at: UtcTime
    ends_at: UtcTime
    comment: Text | None = None


class AlertSilenced(Envelope):
    """An operator silences alerts; the subject is a device, or `_fleet`."""

    TYPE: ClassVar[str] = "infrastructor.alert.silenced.v1"
    type: Literal["infrastructor.alert.silenced.v1"] = "infrastructor.alert.silenced.v1"
    data: SilenceData


class UnsilenceData(Part):
    """Which silence ends."""

    silence_id: EventId
    operator: Name
    comment: Text | None = None


class AlertUnsilenced(Envelope):
    """An operator ends a silence."""

    TYPE: ClassVar[str] = "infrastructor.alert.unsilenced.v1"
    type: Literal["infrastructor.alert.unsilenced.v1"] = "infrastructor.alert.unsilenced.v1"
    data: UnsilenceData
