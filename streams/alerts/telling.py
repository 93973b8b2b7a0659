"""Alerts as events: what `alert.raised` and `alert.resolved` say of an instance."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from schemas.alert import AlertRaisedData, AlertResolvedData, ResolvedBecause
from schemas.fields import Evidence
from streams.alerts.about import About
from streams.alerts.compiled import AlertPolicy
from streams.alerts.rules import Rule
from streams.alerts.state import Instance, Raised
from streams.alerts.templates import Facts, render
from streams.derivation import Moment
from streams.place import Place

MOST_LABELS = 32


def raised_data(
    instance: Instance,
    rule: Rule,
    *,
    device: str,
    about: About,
    labels: dict[str, str],
    unit: str | None,
    threshold: float | None,
    flapping: bool,
    at: Moment[AlertPolicy],
) -> AlertRaisedData:
    """What is said when an instance begins to fire."""
    # The rule's own labels go first: of a series with very many, the last are left out.
    labels = dict([*rule.labels.items(), *((n, v) for n, v in labels.items() if n not in rule.labels)][:MOST_LABELS])
    facts = Facts(
        device,
        rule.name,
        rule.severity,
        instance.value,
        threshold,
        unit,
        instance.since,
        labels,
        instance.value if instance.current is None else instance.current,
        instance.facts or {},
    )
    description = rule.annotations.description
    return AlertRaisedData(
        rule=rule.name,
        rule_revision=at.revision,
        severity=rule.severity,
        labels=labels,
        groups=about.groups,
        parents=about.parents,
        value=instance.value,
        unit=unit,
        evidence=_evidence(instance.first, at),
        flapping=flapping,
        threshold=threshold,
        since=instance.since,
        summary=render(rule.annotations.summary, facts),
        description=None if description is None else render(description, facts),
        runbook=rule.runbook,
    )


def raised_of(
    instance: Instance, data: AlertRaisedData, alert_id: UUID, when: datetime, *, withheld: dict[str, Any] | None
) -> Instance:
    """The instance as firing, with what was said or is withheld."""
    raised = Raised(
        alert_id,
        when,
        data.rule_revision,
        data.severity,
        data.labels,
        data.unit,
        data.summary,
        data.flapping,
        withheld,
        data.groups,
        data.parents,
    )
    return replace(instance, raised=raised)


def resolved_data(
    instance: Instance, raised: Raised, reason: ResolvedBecause, at: Moment[AlertPolicy]
) -> AlertResolvedData:
    """What is said when an alert is over."""
    return AlertResolvedData(
        rule=instance.rule,
        rule_revision=raised.revision,
        severity=raised.severity,
        labels=raised.labels,
        groups=raised.groups,
        parents=raised.parents,
        value=instance.value,
        unit=raised.unit,
        evidence=_evidence(instance.first, at),
        flapping=raised.flapping,
        alert_id=raised.alert_id,
        reason=reason,
        raised_at=raised.at,
        summary=raised.summary,
    )


def silent_since(seen: datetime, place: Place, *, rule: str, meaning: str, seen_ms: int) -> Instance:
    """The instance of a rule of absence: since the last look that had its series."""
    return Instance(rule, meaning, since=seen, last=seen, value=None, first=place, seen_ms=seen_ms, stale_ms=0)


def _evidence(first: Place, at: Moment[AlertPolicy]) -> tuple[Evidence, ...]:
    cause = at.evidence()
    return (cause,) if first.id == cause.id else (first.evidence(), cause)
