"""The cases of tests/cases/rules: values over time in, transitions out."""

import math
from pathlib import Path
from typing import Any

import pytest
import yaml

from schemas.alert import AlertRaised, AlertResolved
from streams.alerts.core import MetricAlerts
from streams.alerts.rules import load_rules
from streams.fold import PartitionFold
from tests.unit.streams.log_of_events import START, Metrics

ROOT = Path(__file__).parents[3]
CASES = yaml.safe_load((ROOT / "tests/cases/rules/shipped.yaml").read_text())
INTERVAL_S = 10.0


def values_over_time(notation: str) -> list[float]:
    """`0.5x3 _x2` as [0.5, 0.5, 0.5, nan, nan]."""
    found: list[float] = []
    for part in str(notation).split():
        value, _, times = part.partition("x")
        found += [math.nan if value == "_" else float(value)] * int(times or 1)
    return found


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_case(case: dict[str, Any]) -> None:
    log = Metrics()
    _, document = load_rules(ROOT / "rules.yaml")
    log.rules("alert_rules", document, document["revision"])
    series = {name: values_over_time(notation) for name, notation in case["series"].items()}
    for index in range(max(map(len, series.values()))):
        log.tick(INTERVAL_S, after=INTERVAL_S if index else 0.0)
        log.look({name: values[index] for name, values in series.items() if not math.isnan(values[index])})
    assert transitions(log) == case["expect"]


def transitions(log: Metrics) -> list[str]:
    fold: PartitionFold[Any, Any] = PartitionFold(MetricAlerts(), log.partition)
    found = []
    for record in log.records:
        for one in fold.apply(record).outputs:
            event = one.event
            assert isinstance(event, AlertRaised | AlertResolved)
            what = "raised" if isinstance(event, AlertRaised) else event.data.reason
            found.append(f"{(event.time - START).total_seconds():.0f} {what} {event.data.rule}")
    return found
