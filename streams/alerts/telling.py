"""Alerts as events: what `alert.raised` and `alert.resolved` say of an instance."""

from dataclasses import replace
from datetime import datetime

from schemas.alert import AlertRaised, AlertRaisedData, AlertResolved, AlertResolvedData, ResolvedBecause
from schemas.fields import Evidence
from streams.alerts.compiled import AlertPolicy
from streams.alerts.rules import Rule
from streams.alerts.state import Instance, Raised
from streams.alerts.templates import Facts, render
from streams.derivation import Moment, Output
from streams.place import Place

MOST_LABELS = 32


def raise_alert(
    instance: Instance,
    rule: Rule,
    *,
    key: str,
    device: str,
    labels: dict[str, str],
    unit: str | None,
    threshold: float | None,
    at: Moment[AlertPolicy],
) -> tuple[Instance, Output]:
    """The instance as firing, and the event that says so."""
    alert_id = at.derive(device, "raised", key)
    # The rule's own labels go first: of a series with very many, the last are left out.
    labels = dict([*rule.labels.items(), *((n, v) for n, v in labels.items() if n not in rule.labels)][:MOST_LABELS])
    facts = Facts(device, rule.name, rule.severity, instance.value, threshold, unit, instance.since, labels)
    summary = render(rule.annotations.summary, facts)
    description = rule.annotations.description
    data = AlertRaisedData(
        rule=rule.name,
        rule_revision=at.revision,
        severity=rule.severity,
        labels=labels,
        value=instance.value,
        unit=unit,
        evidence=_evidence(instance.first, at),
        threshold=threshold,
        since=instance.since,
        summary=summary,
        description=None if description is None else render(description, facts),
        runbook=rule.runbook,
    )
    raised = Raised(alert_id, at.at, at.revision, rule.severity, labels, unit, summary)
    return replace(instance, raised=raised), Output(alert_id, AlertRaised, data)


def resolve_alert(
    instance: Instance, raised: Raised, reason: ResolvedBecause, *, key: str, device: str, at: Moment[AlertPolicy]
) -> Output:
    """The event that says an alert is over."""
    data = AlertResolvedData(
        rule=instance.rule,
        rule_revision=raised.revision,
        severity=raised.severity,
        labels=raised.labels,
        value=instance.value,
        unit=raised.unit,
        evidence=_evidence(instance.first, at),
        alert_id=raised.alert_id,
        reason=reason,
        raised_at=raised.at,
        summary=raised.summary,
    )
    return Output(at.derive(device, "resolved", key, str(raised.alert_id)), AlertResolved, data)


def silent_since(seen: datetime, place: Place, *, rule: str, meaning: str, seen_ms: int) -> Instance:
    """The instance of a rule of absence: since the last look that had its series."""
    return Instance(rule, meaning, since=seen, last=seen, value=None, first=place, seen_ms=seen_ms, stale_ms=0)


def _evidence(first: Place, at: Moment[AlertPolicy]) -> tuple[Evidence, ...]:
    cause = at.evidence()
    return (cause,) if first.id == cause.id else (first.evidence(), cause)
