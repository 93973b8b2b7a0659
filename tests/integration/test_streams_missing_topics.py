"""The streams worker without its topics: it ends, and says what to do."""

from pathlib import Path

import pytest

from deploy.local.broker import Broker
from tests.integration.streams_worker import Worker

pytestmark = pytest.mark.kafka


def test_missing_topics_end_the_worker_with_what_to_do(broker: Broker, tmp_path: Path) -> None:
    with Worker(broker.bootstrap, tmp_path) as worker:
        assert worker.process.wait(30) == 69
    text = worker.log.read_text()
    assert "infrastructor topics apply" in text
    assert "Traceback" not in text
