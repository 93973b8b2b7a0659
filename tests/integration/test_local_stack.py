"""The embedded broker and database, really started, killed and started again."""

import psycopg
import pytest

from deploy.local.broker import Broker
from tests.conftest import TestDatabase

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]


def test_the_broker_answers_and_comes_back_after_a_kill(broker: Broker) -> None:
    assert broker.answers()
    broker.kill()
    assert not broker.answers()
    broker.start()
    assert broker.answers()


def test_each_test_gets_an_empty_database(postgres: TestDatabase) -> None:
    with psycopg.connect(postgres.url) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)


@pytest.mark.timescaledb
def test_timescaledb_is_loaded_where_it_is_offered(postgres: TestDatabase) -> None:
    with psycopg.connect(postgres.url) as connection:
        connection.execute("CREATE EXTENSION timescaledb")
        assert connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'").fetchone()
