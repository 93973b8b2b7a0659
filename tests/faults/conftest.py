"""The pipeline on a real broker and a real database, for the tests that break it."""

import asyncio
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.broker import Broker
from runtime.kafka.admin import apply_topics
from runtime.kafka.catalog import load_catalog
from runtime.settings.kafka import KafkaSettings
from tests.conftest import TestDatabase
from tests.faults.pipeline import Pipeline, run
from tests.faults.stage import Stage


@pytest.fixture
def pipeline(broker: Broker, postgres: TestDatabase, tmp_path: Path) -> Iterator[Pipeline]:
    found = Pipeline(tmp_path, broker, postgres.url)
    settings = KafkaSettings(bootstrap_servers=(broker.bootstrap,))
    asyncio.run(apply_topics(settings, load_catalog(settings)))
    run(("db", "migrate"), found.environment)
    yield found
    found.end()


@pytest.fixture
def seed() -> int:
    """What draws the order of things; a failure prints it."""
    found = int(os.environ.get("INFRASTRUCTOR_TEST_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"seed {found} (repeat with INFRASTRUCTOR_TEST_SEED={found})")
    return found


@pytest.fixture
def stage(topics: KafkaSettings, broker: Broker, postgres: TestDatabase, tmp_path: Path, seed: int) -> Iterator[Stage]:
    """The sinks' stage on an empty log and a database of this test's own."""
    found = Stage(broker, postgres.server, postgres.url, tmp_path, seed)
    yield found
    found.end()
