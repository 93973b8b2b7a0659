"""Two hours of what agents kept while Kafka was away: worked off without a message for the past but one digest.

What still holds is told once, with since when; the whole size is measured by `make bench ARGS=outage`.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from benchmarks.outage import Outage, fill, policies, requested, rules, told
from deploy.local.broker import Broker
from runtime.kafka.producer import KafkaProducer
from schemas.alert import AlertRaised, AlertResolved
from schemas.notification import NotificationRequested
from tests.faults.streams_stage import Stage, judge, on_stage
from tests.integration.streams_worker import events, read, until

pytestmark = [pytest.mark.kafka, pytest.mark.faults, pytest.mark.timeout(200)]

DEVICES = 60


async def test_nobody_is_paged_for_the_past(broker: Broker, tmp_path: Path) -> None:
    outage = Outage(datetime.now(UTC), devices=DEVICES, looks=40, interval_s=180, samples=5)
    assert outage.looks * outage.interval_s == timedelta(hours=2).total_seconds()
    files = {"STREAMS__RULES_FILE": tmp_path / "rules.yaml", "STREAMS__POLICIES_FILE": tmp_path / "policies.yaml"}
    for file, document in zip(files.values(), (rules(), policies()), strict=True):
        file.write_text(yaml.safe_dump(document))
    names = {key: str(file) for key, file in files.items()}
    async with on_stage(Stage(broker, tmp_path, workers=1, **names)) as stage:
        await until(lambda: _rules_are_in(stage))
        await fill(stage.settings, outage, range(outage.looks))
        back = asyncio.create_task(_on_time(stage, outage))
        await until(lambda: _all_is_told(stage, outage))
        # And nothing more comes of it, though looks go on.
        await stage.for_a_while(3)
        back.cancel()
        found = await requested(stage.settings)
        assert found.wrong(outage) == [], stage.story()
        await stage.all_end()
        topics, _ = await judge(stage)
    asked = [
        one
        for one in events(await read(stage.settings, "infra.notifications"))
        if isinstance(one, NotificationRequested)
    ]
    assert {one.data.since for one in asked if one.data.kind == "raised"} == {outage.since}
    alerts = events(await read(stage.settings, "infra.alerts"))
    raised = {one.id: one for one in alerts if isinstance(one, AlertRaised)}
    ended = [one for one in alerts if isinstance(one, AlertResolved)]
    assert {one.subject for one in ended} == set(outage.over)
    for one in ended:
        # Raised and resolved at their own times, long ago.
        assert one.data.historical
        assert raised[one.data.alert_id].data.historical
        assert raised[one.data.alert_id].time < one.time < outage.end - timedelta(minutes=50)
    assert {one.subject for one in raised.values() if not one.data.historical} == set(outage.holding)
    assert not [one for one in topics["infra.status"] if one.event and one.event["data"].get("status") == "offline"]


async def _rules_are_in(stage: Stage) -> bool:
    found = events(await read(stage.settings, "infra.metrics", "infra.alerts"), ours_only=False)
    return sum(event.type == "infrastructor.rules.loaded.v1" for event in found) == 13


async def _on_time(stage: Stage, outage: Outage) -> None:
    """The devices go on, once a second."""
    producer, turn = KafkaProducer(stage.settings, "load"), outage.looks
    try:
        while True:
            await producer.send(list(outage.turn(turn)))
            turn += 1
            await asyncio.sleep(1)
    finally:
        await producer.close()


async def _all_is_told(stage: Stage, outage: Outage) -> bool:
    stage.tend()
    found = told(events(await read(stage.settings, "infra.notifications")))
    return found.digests > 0 and sum(found.holding.values()) >= len(outage.holding)
