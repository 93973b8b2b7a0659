"""Dead letters put back, on a real broker: for one consumer, in order, once in the database, with their history."""

import asyncio
import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from deploy.local.broker import Broker
from runtime.kafka.consumer import read_topics
from runtime.kafka.dead_letters import DeadLetter, from_record
from runtime.settings import KafkaSettings
from schemas.headers import REDRIVE_ATTEMPT, REDRIVE_FOR, header
from schemas.registry import DEAD_LETTERS, METRICS
from tests.integration.streams_worker import Worker
from tests.integration.streams_worker import until as until_async
from tests.integration.test_backfill import environment
from tests.integration.timescale_log import running, until, write, write_raw
from tests.integration.timescale_setup import looked, one, rows

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]

ROOT = Path(__file__).parents[2]
TYPE = "infrastructor.metric.collected.v1"


async def said(env: dict[str, str], *arguments: str, code: int = 0) -> str:
    """What `infrastructor dead-letters ...` prints."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli.main", "dead-letters", *arguments),
        env=env,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, wrong = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == code, (out.decode(), wrong.decode())
    return out.decode()


async def redrive(env: dict[str, str], *arguments: str, code: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(await said(env, "redrive", "--json", *arguments, code=code))
    return found


async def letters_of(kafka: KafkaSettings, key: str, consumer: str) -> list[DeadLetter]:
    found = [from_record(raw) async for raw in read_topics(kafka, [DEAD_LETTERS])]
    return [one for one in found if one is not None and one.origin.key == key.encode() and one.consumer == consumer]


async def test_rows_that_the_database_refused_are_stored_once_when_the_cause_is_mended(
    broker: Broker, topics: KafkaSettings, url: str, tmp_path: Path
) -> None:
    device, env = f"mend-{uuid4().hex[:6]}", environment(broker, url, tmp_path)
    with psycopg.connect(url) as connection:
        connection.execute(
            f"ALTER TABLE events ADD CONSTRAINT picky CHECK (subject <> '{device}' OR sequence NOT IN (3, 5))".encode()
        )
    await write(topics, METRICS, [looked(number, device=device) for number in range(1, 8)])
    count = f"SELECT count(*) FROM events WHERE subject = '{device}'"
    letters = f"SELECT count(*) FROM dead_letters WHERE key = '{device}'"
    async with running(topics, url) as (_, task):
        await until(lambda: bool(one(url, count) == 5 and one(url, letters) == 2), task=task)
        chosen = ("--consumer", "timescale", "--reason", "sqlstate_23514", "--since", "1h", "--type", TYPE)
        assert (await redrive(env, *chosen, "--dry-run"))["sent"][0]["count"] == 2
        with psycopg.connect(url) as connection:
            connection.execute("ALTER TABLE events DROP CONSTRAINT picky")
        done = await redrive(env, *chosen)
        assert done == {
            "dry_run": False,
            "sent": [{"consumer": "timescale", "topic": METRICS, "count": 2}],
            "left": {},
        }
        await until(lambda: bool(one(url, count) == 7), task=task)
        assert await redrive(env, *chosen) == {"dry_run": False, "sent": [], "left": {"already_put_back": 2}}
        again = await redrive(env, *chosen, "--again")
        assert again["sent"][0]["count"] == 2
        await write(topics, METRICS, [looked(8, device=device)])
        await until(lambda: bool(one(url, count) == 8), task=task)
    assert one(url, f"SELECT count(DISTINCT id) FROM events WHERE subject = '{device}'") == 8
    assert one(url, f"SELECT count(*) FROM metrics WHERE device_id = '{device}'") == 16
    assert rows(url, f"SELECT seen::text, dead::text FROM sequence_ledger WHERE subject = '{device}'") == [
        ("{[1,9)}", "{}")
    ]
    assert one(url, letters) == 2
    assert one(url, f"SELECT sum(times) FROM dead_letters WHERE key = '{device}'") == 2

    originals = [raw async for raw in read_topics(topics, [METRICS]) if raw.key == device.encode()]
    back = [raw for raw in originals if header(raw.headers, REDRIVE_FOR)]
    assert [header(raw.headers, REDRIVE_ATTEMPT) for raw in back] == [b"1"] * 2 + [b"2"] * 2
    assert [raw.value for raw in back[:2]] == [originals[2].value, originals[4].value]
    assert {raw.partition for raw in originals} == {originals[0].partition}


async def test_what_fails_again_comes_back_with_its_history_and_others_ignore_it(
    broker: Broker, topics: KafkaSettings, url: str, tmp_path: Path
) -> None:
    device, env = f"again-{uuid4().hex[:6]}", environment(broker, url, tmp_path)
    chosen = ("--consumer", "timescale", "--reason", "not_json")
    with Worker(broker.bootstrap, tmp_path) as worker:
        async with running(topics, url):
            await write_raw(topics, METRICS, [(device.encode(), b"\xff no json")], headers=[("trace", b"abc")])

            async def failed(times: int) -> bool:
                return len(await letters_of(topics, device, "timescale")) == times

            async def derived_failed() -> bool:
                return len(await letters_of(topics, device, "alerts-metrics")) == 1

            await until_async(lambda: failed(1))
            await until_async(derived_failed)
            for times in range(2, 7):
                assert (await redrive(env, *chosen))["sent"][0]["count"] == 1
                await until_async(partial(failed, times))
            assert await redrive(env, *chosen, code=1) == {
                "dry_run": False,
                "sent": [],
                "left": {"failed_again": 5, "too_many_attempts": 1},
            }
            last = (await letters_of(topics, device, "timescale"))[-1]
            assert (last.attempts, last.redriven, last.origin.value) == (6, 5, b"\xff no json")
            assert header(last.origin.headers, "trace") == b"abc"
            await write(topics, METRICS, [looked(1, device=device)])
            await until(lambda: bool(one(url, f"SELECT count(*) FROM events WHERE subject = '{device}'") == 1))
        # What is put back for one is not even looked at by the other, though it could not read it either.
        await asyncio.sleep(2)
        assert await derived_failed()
        assert worker.terminate() == 0

    place = f"{last.origin.topic}/{last.origin.partition}@{last.origin.offset}"
    shown = await said(env, "show", place)
    assert shown.count("before    ") == 5
    assert "6 attempts" in shown
    assert "header    trace: abc" in shown
    assert "00000000  ff 20 6e 6f 20 6a 73 6f 6e" in shown
    document = json.loads(await said(env, "show", place, "--json", "--consumer", "timescale"))
    assert [before["reason"] for before in document["history"]] == ["not_json"] * 5
    assert "(put back)" in await said(env, "list", *chosen)
    await said(env, "show", "infra.metrics/0@999999", code=1)
    await said(env, "show", "nonsense", code=65)
