"""A streams worker as benchmarks watch it: its environment, and what it tells on /metrics and /readyz."""

import re
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from benchmarks.surroundings import ROOT, Stack, until
from deploy.local.ports import free_port
from runtime.settings import KafkaSettings

AT_ONCE = ROOT / "tests" / "policies_at_once.yaml"
"""Policies under which everybody is told at the next tick."""


@dataclass(frozen=True, slots=True)
class Worker:
    """Where it answers, and what it is started with."""

    port: int
    environment: dict[str, str]
    log: Path

    @classmethod
    def on(cls, made: Stack, kafka: KafkaSettings, *, rules: Path, **settings: str) -> Self:
        """A worker that is not started yet; more settings by their names without the prefix."""
        port = free_port()
        environment = made.environment | {
            "INFRASTRUCTOR_HTTP__ENABLED": "true",
            "INFRASTRUCTOR_HTTP__PORT": str(port),
            "INFRASTRUCTOR_KAFKA__TOPICS_FILE": str(kafka.topics_file),
            "INFRASTRUCTOR_STREAMS__RULES_FILE": str(rules),
            **{f"INFRASTRUCTOR_{name}": value for name, value in settings.items()},
        }
        return cls(port, environment, made.folder / f"worker-{port}.log")

    def records(self, derivation: str) -> float:
        """How many records it has folded; 0 while it does not answer."""
        return self._metric("streams_records_total", derivation)

    def partitions(self, derivation: str) -> float:
        """How many partitions it owns."""
        return self._metric("streams_partitions", derivation)

    def ready(self) -> bool:
        """Whether it has its partitions, states recovered."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def wait_ready(self, seconds: float = 60.0) -> None:
        until(self.ready, seconds=seconds, why="a worker that is ready")

    def wait_records(self, derivation: str, count: float, *, seconds: float = 120.0) -> None:
        until(lambda: self.records(derivation) >= count, seconds=seconds, why=f"{count:.0f} records of {derivation}")

    def _metric(self, name: str, derivation: str) -> float:
        with suppress(OSError):
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=2) as answer:
                text = answer.read().decode()
            found = re.search(rf'{name}\{{derivation="{derivation}"\}} (\S+)', text)
            return float(found[1]) if found else 0.0
        return 0.0
