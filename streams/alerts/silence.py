"""What silence means, counted in liveness at ticks: absence, alerts without samples, and what may be forgotten."""

from streams.alerts.conditions import Absent
from streams.alerts.draft import Draft
from streams.alerts.lengths import milliseconds
from streams.alerts.plans import Plan
from streams.alerts.state import MOST_INSTANCES, Held, Seen
from streams.alerts.telling import silent_since
from streams.place import place_of

FORGET_MS = 300_000
"""A window without a sample for its own length, and at least so long, is dropped."""


def saw(draft: Draft, plan: Plan) -> None:
    """Remember that rules of absence saw their series; end the alerts that said they were gone."""
    at = draft.at
    for compiled in plan.present:
        now = Seen(at.liveness_ms, at.record.event.time, place_of(at.record), compiled.selects)
        name = compiled.rule.name
        before = draft.seen.now.get(name)
        if before is None or before.seen_ms != now.seen_ms:
            # Within one tick of liveness the first is as good as the last, and nothing has to be written.
            draft.seen.put(name, now)
        if not draft.withholding:
            _end_absence(draft, compiled.instance_key(""))


def settle_absences(draft: Draft) -> None:
    """End the alerts of series that came back while transitions were withheld."""
    for key, instance in list(draft.instances.now.items()):
        seen = draft.seen.now.get(instance.rule)
        if seen is not None and key == f"{instance.rule}|" and seen.at > instance.last:
            _end_absence(draft, key)


def _end_absence(draft: Draft, key: str) -> None:
    instance = draft.instances.now.get(key)
    if instance is not None and instance.raised is not None:
        draft.resolve(key, instance, instance.raised, "cleared")


def end_stale(draft: Draft) -> None:
    """Drop what has had no sample for too long: what is pending in silence, what is firing as `no_data`."""
    at = draft.at
    for key, instance in list(draft.instances.now.items()):
        # Instances of absence and of status (without a bound) end otherwise.
        if not instance.stale_ms or at.liveness_ms - instance.seen_ms < instance.stale_ms:
            continue
        if instance.raised is None:
            draft.instances.drop(key)
        elif (rule := at.policy.by_name.get(instance.rule)) is None or rule.rule.no_data == "resolve":
            draft.resolve(key, instance, instance.raised, "no_data")


def raise_absent(draft: Draft) -> None:
    """Raise what rules of absence say of series that were seen before; give up those that are gone for good."""
    at = draft.at
    for name, one in list(draft.seen.now.items()):
        compiled = at.policy.by_name.get(name)
        condition = None if compiled is None else compiled.rule.condition
        if compiled is None or not isinstance(condition, Absent):
            continue
        key, silent_ms = compiled.instance_key(""), at.liveness_ms - one.seen_ms
        instance = draft.instances.now.get(key)
        if silent_ms >= milliseconds(condition.give_up_after):
            draft.seen.drop(name)
            if instance is not None and instance.raised is not None:
                draft.resolve(key, instance, instance.raised, "no_data")
            continue
        after_ms = max(milliseconds(condition.after), 3 * at.period_ms)
        if instance is not None or silent_ms < after_ms or len(draft.instances.now) >= MOST_INSTANCES:
            continue
        silent = silent_since(one.at, one.place, rule=name, meaning=compiled.meaning, seen_ms=one.seen_ms)
        draft.raise_alert(key, silent, compiled.rule, labels=dict(compiled.leaves[0].labels))


def forget(draft: Draft) -> None:
    """Drop windows, parts of combinations and recent alerts that are too old to count."""
    at = draft.at
    for key, window in list(draft.windows.now.items()):
        reduction = at.policy.windows.get(key.partition("|")[0])
        longest = FORGET_MS if reduction is None else max(FORGET_MS, reduction.window_ms)
        if at.liveness_ms - window.seen_ms >= max(longest, 3 * at.period_ms):
            draft.windows.drop(key)
    for group, parts in list(draft.held.now.items()):
        left = {name: one for name, one in parts.items() if not _silent(one, at.liveness_ms)}
        if not left:
            draft.held.drop(group)
        elif len(left) < len(parts):
            draft.held.put(group, left)
    newest = max(draft.looks.values(), default=None)
    for key, times in list(draft.recent.now.items()):
        rule = at.policy.by_name.get(key.partition("|")[0])
        bounds = None if rule is None else rule.rule.flapping
        if bounds is None or (newest is not None and newest - times[-1] >= bounds.within):
            draft.recent.drop(key)


def _silent(held: Held, liveness_ms: int) -> bool:
    return held.stale_ms > 0 and liveness_ms - held.seen_ms >= held.stale_ms
