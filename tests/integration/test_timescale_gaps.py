"""Holes in sequences: watched, told as gaps after the grace, closed when they are filled, explained to people."""

import asyncio
import json
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest
from click.testing import CliRunner
from prometheus_client import CollectorRegistry

from cli.gaps import gaps
from runtime.clock import SystemClock
from runtime.errors import InputInvalid
from runtime.kafka.dead_letters import DeadLetter, to_record
from runtime.kafka.producer import SendFailed
from schemas.codec import decode
from schemas.gap import GapClosed, GapData, GapDetected
from schemas.identity import uuid7
from schemas.record import RawRecord
from schemas.registry import COLLECTIONS, DEAD_LETTERS, METRICS
from sinks.timescale.batch import Owned
from sinks.timescale.gap_watch import GapWatch
from sinks.timescale.metrics import SinkMetrics
from sinks.timescale.tables import sink_statements
from sinks.timescale.writer import Writer
from tests.contract.memory_log import MemoryLog
from tests.integration.timescale_log import surroundings
from tests.integration.timescale_setup import (
    EPOCH,
    START,
    admitted,
    collections,
    connecting,
    looked,
    metrics,
    ms,
    one,
    owned,
    rows,
)

pytestmark = pytest.mark.postgres


def log() -> MemoryLog:
    return MemoryLog({COLLECTIONS: 1}, clock=SystemClock())


def watch(url: str, to: MemoryLog, *, grace_s: float = 0) -> tuple[GapWatch, SinkMetrics]:
    registry = CollectorRegistry()
    counted = SinkMetrics.on(registry)
    made = GapWatch(
        connecting(url), sink_statements(), to, around=surroundings(registry), metrics=counted, grace_s=grace_s
    )
    return made, counted


def told(to: MemoryLog) -> list[GapDetected | GapClosed]:
    events = [decode(raw.value or b"") for raw in to.records(COLLECTIONS)]
    return [event for event in events if isinstance(event, GapDetected | GapClosed)]


async def stored(writer: Writer, owner: Owned, records: Sequence[RawRecord]) -> None:
    await writer.store(await admitted(writer, owner, records))


async def test_a_hole_is_told_after_the_grace_and_closed_when_it_is_filled(url: str, writer: Writer) -> None:
    owner, reports = await owned(writer), await owned(writer, COLLECTIONS)
    await stored(writer, owner, metrics(*(looked(number) for number in (1, 2, 6, 7))))
    to = log()
    patient, metered = watch(url, to, grace_s=3600)
    assert await patient.turn() == 0
    assert metered.missing.labels("watched")._value.get() == 3
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE gap_watch SET noticed_at = noticed_at - interval '2 hours'")
    assert await patient.turn() == 1
    assert await patient.turn() == 0, "told once"
    assert await watch(url, to)[0].turn() == 1, "by another process again, as the same event"
    first, again = told(to)
    assert first == again
    assert isinstance(first, GapDetected)
    assert (first.data.topic, first.data.subject, first.data.reason) == ("infra.metrics", "web-1", "missing")
    assert (first.data.first, first.data.last) == (3, 5)
    await stored(writer, reports, to.records(COLLECTIONS))
    assert one(url, "SELECT count(*) FROM gaps") == 1
    assert await watch(url, to)[0].turn() == 0, "what was told is told no more"
    assert one(url, "SELECT count(*) FROM gap_watch") == 0

    await stored(writer, owner, metrics(looked(4), begin=4))
    assert await watch(url, to)[0].turn() == 0, "two are still missing"
    assert one(url, "SELECT missing FROM gaps_open") == 2
    await stored(writer, owner, metrics(looked(3), looked(5), begin=5))
    assert await watch(url, to)[0].turn() == 1
    closed = told(to)[-1]
    assert isinstance(closed, GapClosed)
    assert closed.data.gap_id == first.id
    assert await watch(url, to)[0].turn() == 1, "by another process again, as the same event"
    assert told(to)[-1] == closed
    assert closed.time > first.time
    await stored(writer, reports, to.records(COLLECTIONS)[2:])
    assert rows(url, "SELECT gap_id FROM gaps_open") == []
    assert one(url, "SELECT closed_event_id FROM gaps") == closed.id
    assert await watch(url, to)[0].turn() == 0
    assert one(url, "SELECT count(*) FROM gap_watch") == 0


async def test_what_comes_while_the_report_is_under_way_does_not_make_another(url: str, writer: Writer) -> None:
    owner, reports, to = await owned(writer), await owned(writer, COLLECTIONS), log()
    await stored(writer, owner, metrics(*(looked(number) for number in (1, 2, 6))))
    assert await watch(url, to)[0].turn() == 1
    await stored(writer, owner, metrics(looked(4), begin=3))
    assert await watch(url, to)[0].turn() == 1, "by another process again, as the same event"
    assert told(to)[0] == told(to)[1]
    await stored(writer, reports, to.records(COLLECTIONS))
    assert await watch(url, to)[0].turn() == 0
    assert rows(url, "SELECT first_missing, last_missing, missing FROM gaps_open") == [(3, 5, 2)]


async def test_what_closes_within_the_grace_is_no_gap(url: str, writer: Writer) -> None:
    owner, to = await owned(writer), log()
    await stored(writer, owner, metrics(looked(1), looked(3)))
    assert await watch(url, to, grace_s=3600)[0].turn() == 0
    await stored(writer, owner, metrics(looked(2), begin=2))
    assert await watch(url, to)[0].turn() == 0
    assert one(url, "SELECT count(*) FROM gap_watch") == 0


async def test_a_dead_letter_is_no_gap_and_what_the_agent_reported_is_not_told_twice(url: str, writer: Writer) -> None:
    owner, reports, to = await owned(writer), await owned(writer, COLLECTIONS), log()
    records = metrics(*(looked(number) for number in (1, 2, 3, 6)))
    spoiled = records[1]._replace(value=(records[1].value or b"").replace(b'"unit":"1"', b'"unit":""'))
    await stored(writer, owner, [records[0], spoiled, *records[2:]])
    data = GapData(
        scope=str(EPOCH), topic="infra.metrics", subject="web-1", first=4, last=4, reason="spool_full", detail="full"
    )
    source = f"/agents/web-1/{EPOCH}/system"
    spooled = GapDetected(id=uuid7(ms(START)), source=source, subject="web-1", time=START, sequence=1, data=data)
    await stored(writer, reports, collections(spooled))
    assert await watch(url, to)[0].turn() == 1
    (event,) = told(to)
    assert (event.data.first, event.data.last) == (5, 5)


async def test_one_process_at_a_time_looks(url: str, writer: Writer) -> None:
    await stored(writer, await owned(writer), metrics(looked(1), looked(3)))
    to = log()
    with psycopg.connect(url) as other:
        other.execute(sink_statements()["try_gaps"])
        assert await watch(url, to)[0].turn() == 0
    assert await watch(url, to)[0].turn() == 1


async def test_a_report_that_kafka_does_not_take_is_told_in_the_next_turn(url: str, writer: Writer) -> None:
    await stored(writer, await owned(writer), metrics(looked(1), looked(3)))
    to = log()
    to.away_for = 1
    watching = watch(url, to)[0]
    with pytest.raises(SendFailed):
        await watching.turn()
    assert await watching.turn() == 1


def invoked(url: str, *arguments: str) -> str:
    done = CliRunner().invoke(gaps, arguments, env={"INFRASTRUCTOR_DATABASE__URL": url}, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


async def test_people_are_told_how_many_of_how_many_and_which(url: str, writer: Writer) -> None:
    owner, reports, to = await owned(writer), await owned(writer, COLLECTIONS), log()
    await stored(writer, owner, metrics(*(looked(number) for number in range(1, 21)), looked(24), looked(26)))
    other = looked(1, device="nas", epoch=UUID(int=EPOCH.int + 1))
    await stored(writer, owner, metrics(other, begin=22))
    await watch(url, to)[0].turn()
    await stored(writer, reports, to.records(COLLECTIONS))
    since = ("--since", "2026-11-01T00:00:00Z")
    text = await asyncio.to_thread(invoked, url, "explain", "web-1", *since)
    assert "lost 4 of 26 metric events of web-1 since 2026-11-01 00:00:00Z" in text
    assert f"sequence 21 to 23 of {EPOCH}: missing, told " in text
    assert f"sequence 25 of {EPOCH}: missing, told " in text
    assert "lost 0 of 1 metric events of nas" in await asyncio.to_thread(invoked, url, "explain", "nas", *since)
    everything = await asyncio.to_thread(invoked, url, "explain", *since)
    assert "lost 4 of 27 events of 2 subjects" in everything
    assert "of nas" not in everything
    later = ("--since", f"{(START + timedelta(seconds=235)).isoformat()}")
    assert "lost 4 of 6 metric events of web-1" in await asyncio.to_thread(invoked, url, "explain", "web-1", *later)
    found = json.loads(await asyncio.to_thread(invoked, url, "explain", "web-1", *since, "--json"))
    assert found["accounts"][0]["lost"] == {"spans": [[21, 24], [25, 26]]}
    listed = await asyncio.to_thread(invoked, url, "list")
    assert "web-1  infra.metrics  sequences 21 to 23  missing  told " in listed
    assert "3 events missing" in listed
    documents = (await asyncio.to_thread(invoked, url, "list", "--json")).splitlines()
    assert [json.loads(line)["missing"] for line in documents] == [3, 1]
    assert await asyncio.to_thread(invoked, url, "list", "--device", "nas") == "no gaps\n"
    for command in ("list", "explain"):
        device = ("--device", "web-2") if command == "list" else ("web-2",)
        with pytest.raises(InputInvalid, match="nothing was ever stored of a device 'web-2'"):
            await asyncio.to_thread(invoked, url, command, *device)


async def test_two_events_that_claim_one_sample_are_named(url: str, writer: Writer) -> None:
    owner = await owned(writer)
    await stored(writer, owner, metrics(looked(1, values=(0.5,))))
    claimed = looked(1, values=(0.75,), epoch=UUID(int=EPOCH.int + 2))
    await stored(writer, owner, metrics(claimed, begin=1))
    text = await asyncio.to_thread(invoked, url, "explain", "web-1", "--since", "2026-11-01T00:00:00Z")
    assert f'web-1  system.cpu.utilization{{cpu="0"}}  2026-11-01T12:00:10+00:00: 0.75 of event {claimed.id}' in text
    assert "stored is 0.5" in text


async def test_dead_letters_are_named_with_the_field_whatever_bytes_their_key_has(url: str, writer: Writer) -> None:
    letters = await owned(writer, DEAD_LETTERS)
    found = [
        DeadLetter("timescale", RawRecord(METRICS, 0, at, ms(START), key, b"{"), reason, "why", ms(START), field=field)
        for at, (key, reason, field) in enumerate(
            ((b"\xffbad\x00", "key_mismatch", "subject"), (b"web-1", "not_json", ""), (None, "empty", ""))
        )
    ]
    made = [to_record(one) for one in found]
    raws = [RawRecord(DEAD_LETTERS, 0, at, ms(START), m.key, m.value, m.headers) for at, m in enumerate(made)]
    await stored(writer, letters, raws)
    text = await asyncio.to_thread(invoked, url, "explain", "--since", "2026-11-01T00:00:00Z")
    assert "infra.metrics/0@0  \\xffbad·  key_mismatch (subject): why" in text
    assert "infra.metrics/0@1  web-1  not_json: why" in text
    assert "infra.metrics/0@2    empty: why" in text
