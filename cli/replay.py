"""`infrastructor replay`: read the log again, into the tables or to see that all that was derived still follows."""

import asyncio
import gc
import json
import sys
from datetime import UTC, datetime

import click

from cli.exit_codes import INTERRUPTED
from cli.replay_shown import BackfillBar, backfill_lines, verify_lines
from replay.aggregates import refreshing
from replay.backfill import Backfill
from replay.plan import Selection
from replay.progress import Progress, ProgressFile
from replay.restore import Restorer
from replay.verify import Verdict, verify
from replay.window import is_age, moment_ms
from runtime.clock import SystemClock
from runtime.errors import InputInvalid
from runtime.postgres import masked_url
from runtime.process import Stop, run_process
from runtime.settings import DataSettings, KafkaSettings, PostgresSettings, load
from schemas.registry import DEAD_LETTERS, TYPES_IN
from sinks.process import GC_THRESHOLD
from sinks.settings import SinkSettings

DIFFERS = 1
"""Exit code of `verify` when something differs, of `backfill` when something was refused."""

_STALE_MS = 3_600_000
_TOPICS = (*TYPES_IN, DEAD_LETTERS)
_TYPES = sorted(set().union(*TYPES_IN.values()))


@click.group(name="replay")
def replay() -> None:
    """Read the log again: into the tables, or to check what was derived."""


@replay.command(name="backfill")
@click.option("--from", "begin", required=True, help="A time with zone (2026-11-20T12:00:00Z) or an age (2h, 7d).")
@click.option("--to", "end", help="The same, exclusive; the end of the log as it is now.", show_default="now")
@click.option("--topic", "topics", multiple=True, type=click.Choice(_TOPICS), help="Only this topic; may be repeated.")
@click.option("--device", help="Only events about this device.")
@click.option("--type", "type_", type=click.Choice(_TYPES), metavar="TYPE", help="Only events of this type.")
@click.option("--dry-run", is_flag=True, help="Count what would change, and change nothing.")
@click.option("--restart", is_flag=True, help="Begin anew where an earlier run was interrupted.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def backfill_command(
    *,
    begin: str,
    end: str | None,
    topics: tuple[str, ...],
    device: str | None,
    type_: str | None,
    dry_run: bool,
    restart: bool,
    as_json: bool,
) -> None:
    """Store a range of the log again, by the broker's append time. What is there already stays as it is.

    The live sink may go on meanwhile: nothing beyond what it has stored is read, and its offsets stay as they are. An
    interrupted run goes on where it was when the same command is given again; after an hour, ages such as 2d mean
    another range, and --restart or times are asked for. Exit code 1: records were refused.
    """
    kafka, database, clock = load(KafkaSettings), load(PostgresSettings), SystemClock()
    chosen = topics or _TOPICS
    now_ms = clock.now_ms()
    selection = Selection(
        from_ms=moment_ms(begin, "--from", now_ms=now_ms),
        to_ms=None if end is None else moment_ms(end, "--to", now_ms=now_ms),
        topics=tuple(topic for topic in _TOPICS if topic in chosen),
        device=device,
        type=type_,
    )
    if selection.to_ms is not None and selection.to_ms <= selection.from_ms:
        raise InputInvalid(f"--from {begin} is not before --to {end}: nothing lies between", operation="read options")
    options: dict[str, object] = {"database": masked_url(database), "kafka": kafka.servers, "from": begin, "to": end}
    options |= {"topics": selection.topics, "device": device, "type": type_}
    file = None if dry_run else ProgressFile(load(DataSettings).data_dir, options)
    if file is not None and not restart:
        goes_on(file, ages=is_age(begin) or (end is not None and is_age(end)), now_ms=now_ms)
    bar = BackfillBar()
    work = Backfill(
        kafka,
        Restorer(database, dry_run=dry_run),
        selection,
        batch_rows=load(SinkSettings).batch_rows_behind,
        clock=clock,
        file=file,
        tell=bar.tell,
        refresh=None if dry_run else refreshing(database, clock),
    )
    sys.exit(_run(work, file, bar, restart=restart, dry_run=dry_run, as_json=as_json))


def goes_on(file: ProgressFile, *, ages: bool, now_ms: int) -> None:
    """Say that an earlier run is taken up; refuse one that was planned for ages that have gone on since."""
    earlier = file.load()
    if earlier is None:
        return
    when = f"{datetime.fromtimestamp(earlier.planned_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}Z"
    if ages and now_ms - earlier.planned_ms > _STALE_MS:
        raise InputInvalid(
            f"the same backfill was begun at {when} and interrupted, and its ages were counted from then: --restart "
            "begins anew from now, and times in place of ages say which range is meant",
            operation="read options",
        )
    click.echo(f"going on with what was begun at {when}; --restart begins anew", err=True)


def _run(
    work: Backfill, file: ProgressFile | None, bar: BackfillBar, *, restart: bool, dry_run: bool, as_json: bool
) -> int:
    found: list[tuple[Progress, bool]] = []

    async def main(stop: Stop) -> None:
        found.append(await work.run(stop))

    # Decoding makes and drops containers by the ten thousand: looking through them all the time finds nothing.
    gc.set_threshold(GC_THRESHOLD, 20, 100)
    if file is None:
        with bar:
            code = run_process(main, use_uvloop=True)
    else:
        with file.held(), bar:
            if restart:
                file.remove()
            code = run_process(main, use_uvloop=True)
    if not found:
        return code
    (progress, whole) = found[0]
    if as_json:
        click.echo(json.dumps({"whole": whole, "dry_run": dry_run, **progress.totals.document()}))
    else:
        for line in backfill_lines(progress, whole=whole, dry_run=dry_run, seconds=bar.seconds):
            click.echo(line)
    if not whole:
        return INTERRUPTED
    return DIFFERS if progress.totals.refused else code


@replay.command(name="verify")
@click.option("--topic", help="Only what is derived from or into this topic.")
@click.option("--wait", "wait_s", type=click.FloatRange(min=0), default=15.0, show_default=True, help="Seconds.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def verify_command(*, topic: str | None, wait_s: float, as_json: bool) -> None:
    """Derive everything again with the same cores, and compare ids and contents with what lies in the topics.

    The answer for a healthy log is zero differences. Workers may go on meanwhile: what they have not sent yet is waited
    for (--wait). Exit code 1: something differs, or nothing could be compared.
    """
    verdict: Verdict = asyncio.run(verify(load(KafkaSettings), topic=topic, wait_s=wait_s, clock=SystemClock()))
    if as_json:
        click.echo(json.dumps(verdict.document()))
    else:
        for line in verify_lines(verdict):
            click.echo(line)
    sys.exit(0 if verdict.good else DIFFERS)
