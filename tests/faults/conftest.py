"""The pipeline on a real broker and a real database, for the tests that break it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.broker import Broker
from runtime.kafka.admin import apply_topics
from runtime.kafka.catalog import load_catalog
from runtime.settings.kafka import KafkaSettings
from tests.conftest import TestDatabase
from tests.faults.pipeline import Pipeline, run


@pytest.fixture
def pipeline(broker: Broker, postgres: TestDatabase, tmp_path: Path) -> Iterator[Pipeline]:
    found = Pipeline(tmp_path, broker, postgres.url)
    settings = KafkaSettings(bootstrap_servers=(broker.bootstrap,))
    asyncio.run(apply_topics(settings, load_catalog(settings)))
    run(("db", "migrate"), found.environment)
    yield found
    found.end()
