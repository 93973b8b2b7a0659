"""Rules made ready to judge: found by the metric or the event that they read."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from streams.alerts.combination import Combination
from streams.alerts.conditions import Absent, AnyLeaf, StatusIs
from streams.alerts.lengths import milliseconds
from streams.alerts.reductions import AnyReduction
from streams.alerts.rules import Rule, RuleSet
from streams.alerts.selectors import STATUS_EVENTS, Selector
from streams.patterns import matches_whole

Labels = tuple[tuple[str, str], ...]

Patterns = tuple[tuple[str, str], ...]
"""By name of a label or a field, what it must match."""


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """One condition of a rule with what it selects; `number` is its place in the rule."""

    number: int
    condition: AnyLeaf
    name: str
    """The metric, or the type of the event."""
    device: str | None
    groups: frozenset[str]
    group_patterns: tuple[str, ...]
    """What the file says that its groups are."""
    labels: Labels
    patterns: Patterns
    window: str | None
    """What its windows are called, besides the series; the same for conditions that look at the same window."""
    when: Patterns = ()
    clear: Patterns | None = None

    def selects(self, labels: Labels) -> bool:
        """Whether its label matchers take a series of its metric."""
        found = dict(labels)
        return all(found.get(name) == value for name, value in self.labels) and all(
            matches_whole(pattern, found.get(name, "")) for name, pattern in self.patterns
        )

    def watches(self, device: str, groups: Iterable[str]) -> bool:
        """Whether its matchers of devices take a device that says it is in some groups."""
        if self.device is not None and not matches_whole(self.device, device):
            return False
        return (
            not self.groups
            or any(matches_whole(one, device) for one in self.group_patterns)
            or not self.groups.isdisjoint(groups)
        )


@dataclass(frozen=True, slots=True, eq=False)
class Compiled:
    """A rule made ready; `meaning` is the digest of all but its texts, `selects` that of what it is about."""

    rule: Rule
    meaning: str
    selects: str
    leaves: tuple[Leaf, ...]
    combination: Combination | None
    stale_ms: int | None
    for_ms: int
    clear_ms: int
    quiet_ms: int

    def instance_key(self, series: str) -> str:
        """The name of an instance: a rule on a series, or on a group of a combination."""
        return f"{self.rule.name}|{series}"


@dataclass(frozen=True, slots=True, eq=False)
class AlertPolicy:
    """All rules in force: by name, and by the metric or the type of event that they read."""

    digest: str
    by_name: Mapping[str, Compiled]
    by_metric: Mapping[str, tuple[tuple[Compiled, Leaf], ...]]
    by_event: Mapping[str, tuple[tuple[Compiled, Leaf], ...]]
    meanings: frozenset[str]
    windows: Mapping[str, AnyReduction]
    """Every window that some condition looks at, by its name."""


class PolicyMemo:
    """Remembers the last rules made ready: every partition gets the same document."""

    def __init__(self) -> None:
        self._last: AlertPolicy | None = None

    def read(self, document: Mapping[str, Any] | None, digest: str) -> AlertPolicy:
        """The rules of a document made ready; `digest` is its hash. Raises ValueError."""
        if self._last is None or self._last.digest != digest:
            self._last = compile_rules(document, digest)
        return self._last


def compile_rules(document: Mapping[str, Any] | None, digest: str) -> AlertPolicy:
    """The rules of a document made ready; none without one. Raises ValueError."""
    rules = RuleSet(revision=0) if document is None else RuleSet.model_validate(document)
    compiled = [compile_rule(rule, rules.groups) for rule in rules.rules]
    by_metric: dict[str, tuple[tuple[Compiled, Leaf], ...]] = {}
    by_event: dict[str, tuple[tuple[Compiled, Leaf], ...]] = {}
    windows: dict[str, AnyReduction] = {}
    for one in compiled:
        by_name = by_event if one.rule.reads == "status" else by_metric
        for leaf in one.leaves:
            by_name[leaf.name] = (*by_name.get(leaf.name, ()), (one, leaf))
            if leaf.window is not None and (reduction := reduction_of(leaf.condition)) is not None:
                windows[leaf.window] = reduction
    meanings = frozenset(one.meaning for one in compiled)
    return AlertPolicy(digest, {one.rule.name: one for one in compiled}, by_metric, by_event, meanings, windows)


def compile_rule(rule: Rule, groups: Mapping[str, str]) -> Compiled:
    """One rule made ready."""
    condition = rule.condition
    leaves = tuple(_leaf(number, select, one, groups=groups) for number, (select, one) in enumerate(rule.leaves()))
    return Compiled(
        rule=rule,
        meaning=rule.meaning(groups),
        selects=rule.selects(groups),
        leaves=leaves,
        combination=condition if isinstance(condition, Combination) else None,
        stale_ms=None if rule.stale_after is None else milliseconds(rule.stale_after),
        for_ms=milliseconds(rule.for_),
        clear_ms=milliseconds(rule.clear_for),
        quiet_ms=0 if rule.flapping is None else milliseconds(rule.flapping.quiet),
    )


def _leaf(number: int, select: Selector, condition: AnyLeaf, *, groups: Mapping[str, str]) -> Leaf:
    status = condition if isinstance(condition, StatusIs) else None
    return Leaf(
        number=number,
        condition=condition,
        name=select.metric or STATUS_EVENTS[select.event or ""].TYPE,
        device=select.devices,
        groups=frozenset(select.groups),
        group_patterns=tuple(groups[name] for name in select.groups if name in groups),
        labels=tuple(sorted(select.labels.items())),
        patterns=_patterns(select.labels_match),
        window=window_name(condition),
        when=() if status is None else _patterns(status.when),
        clear=None if status is None or status.clear is None else _patterns(status.clear),
    )


def _patterns(texts: Mapping[str, str]) -> Patterns:
    return tuple(sorted(texts.items()))


def reduction_of(condition: AnyLeaf) -> AnyReduction | None:
    """What a condition looks at instead of the last value, if it does."""
    return None if isinstance(condition, Absent | StatusIs) else condition.of


def window_name(condition: AnyLeaf) -> str | None:
    """What a condition's windows are called: the same for the same kind and length."""
    reduction = reduction_of(condition)
    if reduction is None:
        return None
    return f"{reduction.take}-{hashlib.sha256(reduction.model_dump_json().encode()).hexdigest()[:8]}"
