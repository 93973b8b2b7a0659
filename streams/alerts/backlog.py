"""Late input: transitions are withheld until the device is on time again, then told as what they are.

What began and ended inside becomes raised and resolved at its times, marked `historical`; what still holds is raised
once, with the time since when. What was told before the backlog and ended inside is resolved at its time.
"""

from dataclasses import replace
from datetime import timedelta

import orjson

from schemas.alert import AlertRaised, AlertRaisedData, AlertResolved, AlertResolvedData
from streams.alerts.draft import Draft
from streams.alerts.state import Instance, Past, Raised
from streams.alerts.telling import raised_data
from streams.derivation import Output

CALM_MS = 60_000
"""Ticks without a late record for so long end a backlog, too."""


def is_over(late_ms: int, *, liveness_ms: int) -> bool:
    """Whether no late record came for long enough."""
    return liveness_ms - late_ms >= CALM_MS


def tell(draft: Draft) -> None:
    """End the backlog: tell what was withheld."""
    _end_what_fell_silent(draft)
    draft.withholding = False
    past, draft.past, draft.late_ms = draft.past, (), None
    for one in past:
        draft.outputs += _told(one)
    for key, instance in list(draft.instances.now.items()):
        if instance.raised is not None and instance.raised.withheld is not None:
            _tell_what_holds(draft, key, instance=instance, raised=instance.raised)


def _told(past: Past) -> list[Output]:
    inside = past.raised is not None
    facts = {**past.resolved, "historical": inside}
    resolved = AlertResolvedData.model_validate_json(orjson.dumps(facts))
    outputs = [Output(past.resolved_id, AlertResolved, resolved, at=past.resolved_at)]
    if past.raised is not None:
        raised = AlertRaisedData.model_validate_json(orjson.dumps({**past.raised, "historical": True}))
        outputs.insert(0, Output(past.alert_id, AlertRaised, raised, at=past.raised_at))
    return outputs


def _tell_what_holds(draft: Draft, key: str, *, instance: Instance, raised: Raised) -> None:
    """Raise it now, with what is known now."""
    compiled = draft.at.policy.by_name.get(instance.rule)
    if compiled is None:
        return
    data = raised_data(
        instance,
        compiled.rule,
        device=draft.device,
        about=draft.about,
        labels=raised.labels,
        unit=raised.unit,
        threshold=(raised.withheld or {}).get("threshold"),
        flapping=raised.flapping,
        at=draft.at,
    )
    told = replace(
        raised,
        at=draft.at.at,
        revision=data.rule_revision,
        summary=data.summary,
        withheld=None,
        groups=data.groups,
        parents=data.parents,
    )
    draft.instances.put(key, replace(instance, raised=told))
    draft.outputs.append(Output(raised.alert_id, AlertRaised, data))


def _end_what_fell_silent(draft: Draft) -> None:
    """What had no sample any more in the backlog itself was over by then: nothing of it is news."""
    newest = max(draft.looks.values(), default=None)
    for key, instance in list(draft.instances.now.items()):
        raised, rule = instance.raised, draft.at.policy.by_name.get(instance.rule)
        if newest is None or raised is None or raised.withheld is None or not instance.stale_ms:
            continue
        over = instance.last + timedelta(milliseconds=instance.stale_ms)
        if over < newest and rule is not None and rule.rule.no_data == "resolve":
            draft.resolve(key, instance, raised, "no_data", when=over)
