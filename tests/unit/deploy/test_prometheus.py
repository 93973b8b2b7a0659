"""The Prometheus configuration: it asks the ports that processes have, and its rules name metrics that exist."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from collectors.metrics import AgentMetrics
from runtime.metrics import KafkaMetrics, new_registry
from sinks.telling.metrics import TellingMetrics
from sinks.timescale.metrics import SinkMetrics
from streams.worker.metrics import StreamsMetrics

ROOT = Path(__file__).parents[3]
CONFIG: dict[str, Any] = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((ROOT / "deploy/prometheus/rules.yml").read_text())["groups"]
    for rule in group["rules"]
]
TARGETS = {
    job["labels"]["service"]: job["targets"] for scrape in CONFIG["scrape_configs"] for job in scrape["static_configs"]
}

Metrics = Callable[[CollectorRegistry], object]
PROCESSES: dict[str, tuple[Metrics, ...]] = {
    "agent": (KafkaMetrics.on, AgentMetrics.on),
    "streams": (KafkaMetrics.on, StreamsMetrics.on),
    "sink-timescale": (KafkaMetrics.on, SinkMetrics.on),
    "sink-gotify": (KafkaMetrics.on, lambda registry: TellingMetrics.on(registry, "gotify")),
    "sink-webhook": (KafkaMetrics.on, lambda registry: TellingMetrics.on(registry, "webhook")),
}
OPTIONAL = {"sink-webhook"}
"""Those that not everybody starts: an alert that they are down would be for ever."""

"""What each process puts on its registry."""

# What Prometheus itself adds to each target.
OF_PROMETHEUS = {"up"}
# By Prometheus's own documentation: label names, functions and aggregations are no metrics.
NAME = re.compile(r"\b(up|process_\w+|python_\w+|infrastructor_\w+)\b")


def exposed(process: str) -> set[str]:
    """Return the names on /metrics of a process: counters end in _total, histograms in _bucket, _sum and _count."""
    registry = new_registry(process=process, version="0")
    for metrics in PROCESSES[process]:
        metrics(registry)
    ends = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
    return {family.name + end for family in registry.collect() for end in ends.get(family.type, ("",))}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_names_metrics_that_a_process_shows(rule: dict[str, Any]) -> None:
    expression = re.sub(r"\{[^}]*\}|by \([^)]*\)", "", rule["expr"])
    names = set(NAME.findall(expression))
    assert names
    known = OF_PROMETHEUS.union(*map(exposed, PROCESSES))
    assert names <= known, f"nobody shows {sorted(names - known)}"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_says_how_bad_it_is_and_in_words(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert rule["annotations"]["summary"]


def test_the_rules_are_loaded() -> None:
    for name in CONFIG["rule_files"]:
        assert (ROOT / "deploy/prometheus" / name).is_file()


def test_every_process_is_asked_on_loopback() -> None:
    assert set(TARGETS) == set(PROCESSES) - OPTIONAL
    for targets in TARGETS.values():
        assert all(re.fullmatch(r"127\.0\.0\.1:\d+", target) for target in targets)


def test_compose_publishes_each_process_where_prometheus_asks() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    for process, (target,) in TARGETS.items():
        published = [port.rsplit(":", 1)[0] for port in services[process].get("ports", [])]
        # On the host's network there is nothing to publish: the process listens there.
        assert target in published or services[process].get("network_mode") == "host"
