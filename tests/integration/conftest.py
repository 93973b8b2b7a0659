"""A migrated database of a test's own, and the sink's writer on it."""

from collections.abc import AsyncIterator

import pytest

from sinks.timescale import schema
from sinks.timescale.writer import Writer
from tests.conftest import TestDatabase
from tests.integration.timescale_setup import settings_of, writer_on


@pytest.fixture
def url(postgres: TestDatabase) -> str:
    """Of a fresh database that was migrated."""
    schema.migrate(settings_of(postgres.url))
    return postgres.url


@pytest.fixture
async def writer(url: str) -> AsyncIterator[Writer]:
    """A writer without Kafka, on the database at `url`."""
    made = writer_on(url)
    yield made
    await made.close()
