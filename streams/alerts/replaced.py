"""Rules that were replaced: what becomes of the alerts, windows and memories of those that are gone or changed."""

from schemas.alert import ResolvedBecause
from streams.alerts.conditions import Absent
from streams.alerts.draft import Draft


def take_rules(draft: Draft) -> None:
    """End what was raised by rules that are gone or mean something else; it is judged anew from here on."""
    policy = draft.at.policy
    for key, instance in list(draft.instances.now.items()):
        rule = policy.by_name.get(instance.rule)
        if rule is not None and rule.meaning == instance.meaning:
            continue
        if instance.raised is None:
            draft.instances.drop(key)
            continue
        reason: ResolvedBecause = "rule_removed" if rule is None else "rule_changed"
        draft.resolve(key, instance, instance.raised, reason)
    for name in list(draft.seen.now):
        rule = policy.by_name.get(name)
        if rule is None or not isinstance(rule.rule.condition, Absent):
            draft.seen.drop(name)
    for key in list(draft.windows.now):
        if key.partition("|")[0] not in policy.windows:
            draft.windows.drop(key)
    for group in list(draft.held.now):
        if group.partition("|")[0] not in policy.meanings:
            draft.held.drop(group)
    for key in list(draft.recent.now):
        if key.partition("|")[0] not in policy.by_name:
            draft.recent.drop(key)
