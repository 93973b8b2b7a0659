"""What is known of a device besides its series: its groups, what it depends on, its accepted baselines, its end."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from schemas.baseline import METRIC_VALUE, BaselineAcceptedData
from schemas.identity import agent_of

MOST_BASELINES = 500
"""How many accepted baselines are kept a device, the most recent ones."""


@dataclass(frozen=True, slots=True)
class About:
    """What is known of a device. The same object while nothing changes: plans are found by it."""

    groups: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    agent: str | None = None
    """Whose agent told of it last."""

    retired_at: datetime | None = None
    """What was seen before that is of no interest any more; cleared when it is told of again."""

    baselines: dict[str, float] = field(default_factory=dict)
    """By series (as `schemas.metric_look.series_key` writes them), or by metric for all of its series."""

    def baseline(self, metric: str, series: str) -> float | None:
        """The accepted value of a series, if there is one."""
        baselines: Mapping[str, float] = self.baselines
        return baselines.get(series, baselines.get(metric))


UNKNOWN = About()
"""Of a device of which nothing was said: one object for all of them."""


def told(about: About, *, groups: tuple[str, ...], parents: tuple[str, ...], agent: str | None) -> About:
    """What is known after a device was told of; the same object if that is no news."""
    after = replace(about, groups=groups, parents=parents, agent=agent, retired_at=None)
    return about if after == about else after


def watched_by_another(about: About, source: str) -> bool:
    """Whether the agent that an event comes from is not the one that told of the device last: it may be moved."""
    agent = agent_of(source)
    return agent is not None and about.agent is not None and agent != about.agent


def accepted(about: About, data: BaselineAcceptedData) -> About:
    """What is known after an operator accepted the value of a series; other baselines are not about metrics."""
    value = data.values.get(METRIC_VALUE)
    if data.kind != "metric" or isinstance(value, str | bool) or value is None:
        return about
    if about.baselines.get(data.entity) == float(value):
        return about
    baselines = {series: one for series, one in about.baselines.items() if series != data.entity}
    baselines[data.entity] = float(value)
    if len(baselines) > MOST_BASELINES:
        del baselines[next(iter(baselines))]
    return replace(about, baselines=baselines)
