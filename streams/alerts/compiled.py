"""Rules made ready to judge, and the memo of which series of a look they select."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schemas.metric_look import MetricLook, Series
from streams.alerts.conditions import Absent, Threshold
from streams.alerts.lengths import milliseconds
from streams.alerts.rules import Rule, RuleSet, Selector

MOST_REMEMBERED = 4_000
"""How many shapes of looks the memo holds."""


@dataclass(frozen=True, slots=True, eq=False)
class Compiled:
    """A rule with its regular expressions compiled; `meaning` is the digest of all but its texts."""

    rule: Rule
    meaning: str
    device: re.Pattern[str] | None
    labels: tuple[tuple[str, str], ...]
    patterns: tuple[tuple[str, re.Pattern[str]], ...]
    stale_ms: int | None

    def selects(self, series: Series) -> bool:
        """Whether the rule's label matchers take a series of its metric."""
        labels = dict(series.labels)
        return all(labels.get(name) == value for name, value in self.labels) and all(
            pattern.fullmatch(labels.get(name, "")) for name, pattern in self.patterns
        )


@dataclass(frozen=True, slots=True, eq=False)
class AlertPolicy:
    """All rules in force, by name and by the metric that they read."""

    digest: str
    by_name: Mapping[str, Compiled]
    by_metric: Mapping[str, tuple[Compiled, ...]]


def compile_rule(rule: Rule) -> Compiled:
    """One rule made ready."""
    select: Selector = rule.select
    return Compiled(
        rule=rule,
        meaning=rule.meaning(),
        device=None if select.devices is None else re.compile(select.devices),
        labels=tuple(sorted(select.labels.items())),
        patterns=tuple((name, re.compile(pattern)) for name, pattern in sorted(select.labels_match.items())),
        stale_ms=None if rule.stale_after is None else milliseconds(rule.stale_after),
    )


def compile_rules(document: Mapping[str, Any] | None, digest: str) -> AlertPolicy:
    """The rules of a document made ready; none without one. Raises ValueError."""
    rules = RuleSet(revision=0) if document is None else RuleSet.model_validate(document)
    compiled = [compile_rule(rule) for rule in rules.rules]
    by_metric: dict[str, tuple[Compiled, ...]] = {}
    for one in compiled:
        by_metric[one.rule.select.metric] = (*by_metric.get(one.rule.select.metric, ()), one)
    return AlertPolicy(digest, {one.rule.name: one for one in compiled}, by_metric)


@dataclass(frozen=True, slots=True, eq=False)
class Selected:
    """One series of a look that a threshold rule judges: `index` into the look's values."""

    compiled: Compiled
    condition: Threshold
    index: int
    series: Series
    key: str


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What the rules make of a look's series: what to judge, and which rules of absence saw theirs."""

    judged: tuple[Selected, ...]
    present: tuple[Compiled, ...]


class Memo:
    """Remembers the plan of each look's series, so that matching is done once and not with every look.

    A plan depends on (rules, device, series) and is found by their identity: what is remembered never changes a result.
    """

    def __init__(self) -> None:
        self._plans: dict[tuple[str, str], tuple[str, tuple[Series, ...], Plan]] = {}

    def plan(self, policy: AlertPolicy, look: MetricLook) -> Plan:
        """The plan of a look."""
        where = (look.subject, look.source)
        found = self._plans.get(where)
        if found is not None and found[1] is look.series and found[0] == policy.digest:
            return found[2]
        plan = plan_of(policy, look.subject, look.series)
        if len(self._plans) >= MOST_REMEMBERED and where not in self._plans:
            del self._plans[next(iter(self._plans))]
        self._plans[where] = (policy.digest, look.series, plan)
        return plan


def plan_of(policy: AlertPolicy, device: str, series: tuple[Series, ...]) -> Plan:
    """Match every series with the rules of its metric."""
    judged: list[Selected] = []
    present: dict[str, Compiled] = {}
    for index, one in enumerate(series):
        for compiled in policy.by_metric.get(one.name, ()):
            if compiled.device is not None and compiled.device.fullmatch(device) is None:
                continue
            if not compiled.selects(one):
                continue
            condition = compiled.rule.condition
            if isinstance(condition, Absent):
                present[compiled.rule.name] = compiled
            else:
                judged.append(Selected(compiled, condition, index, one, instance_key(compiled.rule.name, one.key)))
    return Plan(tuple(judged), tuple(present.values()))


def instance_key(rule: str, series: str) -> str:
    """The name of an instance: a rule on a series; a rule of absence has one a device."""
    return f"{rule}|{series}"
