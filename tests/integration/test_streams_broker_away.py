"""The streams worker and a broker that goes away: it ends with one clear line, and goes on where it was."""

import json
import os
import signal
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deploy.local.broker import Broker
from runtime.kafka.admin import apply_topics
from runtime.kafka.catalog import load_catalog
from runtime.settings import KafkaSettings
from tests.integration.streams_worker import (
    SESSION_S,
    Worker,
    all_applied,
    compare_with_the_fold,
    logged,
    now,
    send,
    until,
)
from tests.unit.streams.log_of_events import Collections

pytestmark = [pytest.mark.kafka, pytest.mark.faults]


async def test_a_broker_that_is_away_for_long_ends_the_worker_and_a_new_one_goes_on(
    broker: Broker, tmp_path: Path
) -> None:
    settings = KafkaSettings(bootstrap_servers=(broker.bootstrap,), session_timeout_s=SESSION_S, heartbeat_s=1)
    await apply_topics(settings, load_catalog(settings))
    log = Collections(start=now())
    log.completed("away-1")
    await send(settings, log.raws)
    with Worker(broker.bootstrap, tmp_path, STREAMS__PATIENCE_S="1", KAFKA__PATIENCE_S="1") as worker:
        await until(lambda: logged(worker, "rules put"))
        await all_applied(settings, worker)
        broker.kill()
        assert worker.process.wait(60) == 69
        last = worker.log.read_text().strip().splitlines()[-1]
        assert "cannot be reached" in last
        assert "Traceback" not in worker.log.read_text()
        worker.start()
        await until(lambda: logged(worker, "waiting for Kafka"))
        broker.start()
        log.failed("away-1")
        await send(settings, log.raws[1:])
        await all_applied(settings, worker)
        assert worker.terminate() == 0
    assert (await compare_with_the_fold(settings))["device_status"] == 2


async def test_a_broker_that_is_silent_is_seen_in_readyz_until_it_answers(
    broker: Broker, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    settings = KafkaSettings(bootstrap_servers=(broker.bootstrap,), session_timeout_s=SESSION_S, heartbeat_s=1)
    await apply_topics(settings, load_catalog(settings))
    port = free_port()
    log = Collections(start=now())
    log.completed("silent-1")
    with Worker(broker.bootstrap, tmp_path, HTTP__ENABLED="true", HTTP__PORT=str(port)) as worker:
        await until(lambda: _ready(port))
        assert broker.pid is not None
        os.kill(broker.pid, signal.SIGSTOP)
        try:
            await until(lambda: _silent(port))
        finally:
            os.kill(broker.pid, signal.SIGCONT)
        await until(lambda: _ready(port))
        await send(settings, log.raws)
        await all_applied(settings, worker)
        assert worker.terminate() == 0
    await compare_with_the_fold(settings)


async def _ready(port: int) -> bool:
    return _readyz(port)[0] == 200


async def _silent(port: int) -> bool:
    status, conditions = _readyz(port)
    return status == 503 and "acknowledged nothing" in conditions["kafka"]["why"]


def _readyz(port: int) -> tuple[int, dict[str, Any]]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return answer.status, json.load(answer)["conditions"]
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)["conditions"]
    except OSError:
        return 0, {}
