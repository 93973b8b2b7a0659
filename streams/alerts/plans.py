"""What the rules make of a look's series: worked out once, and remembered while the look has the same series."""

from dataclasses import dataclass

from schemas.metric_look import MetricLook, Series
from streams.alerts.about import About
from streams.alerts.compiled import AlertPolicy, Compiled, Leaf
from streams.alerts.conditions import Above, Absent, Below, Deviates, Levels, Outside
from streams.alerts.grouping import group_key
from streams.alerts.reductions import AnyReduction

MOST_REMEMBERED = 4_000
"""How many shapes of looks the memo holds."""


@dataclass(frozen=True, slots=True, eq=False)
class Selected:
    """One series of a look that a condition judges: `index` into the look's values; `window` names its window.

    `key` is that of the instance; of a combination, the name of the part and the series.
    """

    compiled: Compiled
    leaf: Leaf
    condition: Levels
    index: int
    series: Series
    key: str
    window: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """The series of a look that belong to one group of a combination."""

    compiled: Compiled
    key: str
    selected: tuple[Selected, ...]


@dataclass(frozen=True, slots=True, eq=False)
class WindowOf:
    """A window that a sample of a look enters."""

    key: str
    reduction: AnyReduction
    index: int


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What to judge of a look, which windows its samples enter, and which rules of absence saw their series."""

    judged: tuple[Selected, ...]
    groups: tuple[Group, ...]
    windows: tuple[WindowOf, ...]
    present: tuple[Compiled, ...]
    plain: bool
    """Nothing but thresholds on last values: where none holds and none is pending, there is nothing to do."""


class Memo:
    """Remembers the plan of each look's series, so that matching is done once and not with every look.

    A plan depends on (rules, series, what is known of the device) and is found by their identity: what is remembered
    never changes a result.
    """

    def __init__(self) -> None:
        self._plans: dict[tuple[str, str], tuple[str, tuple[Series, ...], About, Plan]] = {}

    def plan(self, policy: AlertPolicy, look: MetricLook, about: About) -> Plan:
        """The plan of a look."""
        where = (look.subject, look.source)
        found = self._plans.get(where)
        if found is not None and found[1] is look.series and found[2] is about and found[0] == policy.digest:
            return found[3]
        plan = plan_of(policy, look.subject, look.series, about=about)
        if len(self._plans) >= MOST_REMEMBERED and where not in self._plans:
            del self._plans[next(iter(self._plans))]
        self._plans[where] = (policy.digest, look.series, about, plan)
        return plan


def plan_of(policy: AlertPolicy, device: str, series: tuple[Series, ...], *, about: About) -> Plan:
    """Match every series with the rules of its metric."""
    judged: list[Selected] = []
    grouped: dict[tuple[str, str], list[Selected]] = {}
    present: dict[str, Compiled] = {}
    windows: dict[str, WindowOf] = {}
    for index, one in enumerate(series):
        for compiled, leaf in policy.by_metric.get(one.name, ()):
            if not leaf.watches(device, about.groups) or not leaf.selects(one.labels):
                continue
            if isinstance(leaf.condition, Absent):
                present[compiled.rule.name] = compiled
                continue
            selected = _selected(compiled, leaf, index=index, series=one, about=about)
            if selected is None:
                continue
            if selected.window is not None and leaf.window is not None:
                windows[selected.window] = WindowOf(selected.window, policy.windows[leaf.window], index)
            if compiled.combination is None:
                judged.append(selected)
            else:
                key = group_key(compiled.combination, one.labels)
                grouped.setdefault((compiled.rule.name, key), []).append(selected)
    groups = tuple(Group(found[0].compiled, key, tuple(found)) for (_, key), found in grouped.items())
    plain = not groups and not windows and not present
    return Plan(tuple(judged), groups, tuple(windows.values()), tuple(present.values()), plain)


def _selected(compiled: Compiled, leaf: Leaf, *, index: int, series: Series, about: About) -> Selected | None:
    condition = _levels(leaf, series, about)
    if condition is None:
        return None
    inside = compiled.combination is not None
    key = f"{leaf.number}|{series.key}" if inside else compiled.instance_key(series.key)
    window = None if leaf.window is None else f"{leaf.window}|{series.key}"
    return Selected(compiled, leaf, condition, index, series, key, window)


def _levels(leaf: Leaf, series: Series, about: About) -> Levels | None:
    """The levels that a condition has for a series; None where it is not about values, or no baseline is accepted."""
    condition = leaf.condition
    if isinstance(condition, Above | Below | Outside):
        return condition
    baseline = about.baseline(series.name, series.key) if isinstance(condition, Deviates) else None
    return None if baseline is None or not isinstance(condition, Deviates) else condition.around(baseline)
