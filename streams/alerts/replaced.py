"""What becomes of alerts, windows and memories when rules are gone or changed, or the device is another or none."""

from schemas.alert import ResolvedBecause
from streams.alerts import backlog
from streams.alerts.about import About
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
    for name, seen in list(draft.seen.now.items()):
        rule = policy.by_name.get(name)
        if rule is None or not isinstance(rule.rule.condition, Absent) or seen.selects not in {None, rule.selects}:
            # Of another series it is not known that the device ever had it.
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


def take_about(draft: Draft, after: About) -> None:
    """Go on with what is now known of the device; what rules say that are no longer about it is over."""
    before, draft.about = draft.about, after
    if before.groups == after.groups:
        return
    for name, compiled in draft.at.policy.by_name.items():
        lost = any(
            leaf.watches(draft.device, before.groups) and not leaf.watches(draft.device, after.groups)
            for leaf in compiled.leaves
        )
        if not lost:
            continue
        for key, instance in list(draft.instances.now.items()):
            if instance.rule != name:
                continue
            if instance.raised is None:
                draft.instances.drop(key)
            else:
                draft.resolve(key, instance, instance.raised, "rule_removed")
        draft.seen.drop(name)
        for group in list(draft.held.now):
            if group.partition("|")[0] == compiled.meaning:
                draft.held.drop(group)


def retire(draft: Draft) -> None:
    """Nothing of a retired device is watched any more: end what fires, also what was withheld, and forget the rest."""
    for key, instance in list(draft.instances.now.items()):
        if instance.raised is not None:
            draft.resolve(key, instance, instance.raised, "device_retired")
        else:
            draft.instances.drop(key)
    if draft.withholding:
        backlog.tell(draft)
    draft.about = About(agent=draft.about.agent, retired_at=draft.at.record.event.time)
    draft.clear()
