"""`infrastructor dead-letters`: what could not be processed, where it came from and why; and putting it back."""

import asyncio
import base64
import json
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

from cli.operators.shown import harmless
from replay.letters import Book, Wanted, read_book, read_letters, type_of
from replay.redrive import MOST_ATTEMPTS, Redrive, Redriven
from replay.window import moment_ms
from runtime.clock import SystemClock
from runtime.errors import InputInvalid
from runtime.kafka.dead_letters import DeadLetter
from runtime.kafka.producer import KafkaProducer
from runtime.settings import KafkaSettings, load
from schemas.headers import REDRIVE_HISTORY, headers_of

_EXCERPT_CHARS = 60
_HEX_BYTES = 16

NOTHING_SUCH = 1
"""Exit code of `show` when there is no such letter, of `redrive` when some were left."""

F = TypeVar("F", bound=Callable[..., Any])


def _chosen(command: F) -> F:
    """The options that say which letters are meant."""
    for option in (
        click.option("--since", help="Only those that failed since a time (2026-11-20T12:00:00Z) or an age (2h)."),
        click.option("--type", "type_", help="Only those whose original says it is of this type."),
        click.option("--reason", help="Only those with this reason (not_json, key_mismatch, too_large, ...)."),
        click.option(
            "--consumer", help="Only those of this consumer (timescale, gotify, webhook, alerts-metrics, ...)."
        ),
    ):
        command = option(command)
    return command


def _wanted(consumer: str | None, reason: str | None, *, type_: str | None, since: str | None) -> Wanted:
    since_ms = None if since is None else moment_ms(since, "--since", now_ms=SystemClock().now_ms())
    return Wanted(consumer, reason, type_, since_ms)


@click.group(name="dead-letters")
def dead_letters() -> None:
    """Show what could not be processed, and put it back once its cause is mended."""


@dead_letters.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, with the original bytes.")
@_chosen
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="The newest so many.")
def list_letters(
    *,
    as_json: bool,
    consumer: str | None,
    reason: str | None,
    type_: str | None,
    since: str | None,
    limit: int,
) -> None:
    """List the dead letters, oldest first; a letter that was sent twice is listed once."""
    wanted = _wanted(consumer, reason, type_=type_, since=since)
    letters, book = asyncio.run(_read(load(KafkaSettings), wanted, limit))
    for line in json_lines(letters, book) if as_json else text_lines(letters, book):
        click.echo(line)


@dead_letters.command(name="show")
@click.argument("place", metavar="TOPIC/PARTITION@OFFSET")
@click.option("--consumer", help="Only that of this consumer.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def show(*, place: str, consumer: str | None, as_json: bool) -> None:
    """Show one letter whole: where it came from, why it failed and how often, its headers, its bytes.

    PLACE is where the original lies, as `list` shows it, such as infra.metrics/3@42. Exit code 1: no such letter.
    """
    where = _origin(place)
    letters, book = asyncio.run(_read(load(KafkaSettings), Wanted(consumer), None, where))
    for letter in letters:
        if as_json:
            click.echo(json.dumps(as_document(letter, book), ensure_ascii=False))
        else:
            for line in whole_lines(letter, book):
                click.echo(line)
    if not letters:
        click.echo(f"no dead letter of {place}", err=True)
        sys.exit(NOTHING_SUCH)


@dead_letters.command(name="redrive")
@_chosen
@click.option("--again", is_flag=True, help="Also those that were put back before and have not failed since.")
@click.option("--dry-run", is_flag=True, help="Count what would be put back, and do nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def redrive(
    *,
    consumer: str | None,
    reason: str | None,
    type_: str | None,
    since: str | None,
    again: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Put letters back into the topics they came from, for the consumer that could not process them.

    The same key and bytes, the same partition, in order. Other consumers ignore them, tables take them once. What fails
    again becomes a letter again, with its history; after 5 times it is left. Exit code 1: some were left.
    """
    wanted = _wanted(consumer, reason, type_=type_, since=since)
    result = asyncio.run(_redrive(load(KafkaSettings), wanted, again=again, dry_run=dry_run))
    if as_json:
        click.echo(json.dumps({"dry_run": dry_run, **result.document()}))
    else:
        for line in redriven_lines(result, dry_run=dry_run):
            click.echo(line)
    dealt_with = result.left["already_put_back"] + result.left["failed_again"]
    sys.exit(NOTHING_SUCH if result.left.total() > dealt_with else 0)


async def _redrive(settings: KafkaSettings, wanted: Wanted, *, again: bool, dry_run: bool) -> Redriven:
    producer = KafkaProducer(settings, "infrastructor-redrive")
    try:
        return await Redrive(settings, producer, SystemClock(), dry_run=dry_run, again=again).run(wanted)
    finally:
        await producer.close()


async def _read(
    settings: KafkaSettings, wanted: Wanted, limit: int | None, where: tuple[str, int, int] | None = None
) -> tuple[list[DeadLetter], Book]:
    newest: deque[DeadLetter] = deque(maxlen=limit)
    book = await read_book(settings)
    async for letter in read_letters(settings, book, wanted):
        if where in {None, letter.identity[1:]}:
            newest.append(letter)
    return list(newest), book


def _origin(place: str) -> tuple[str, int, int]:
    topic, _, rest = place.rpartition("/")
    partition, _, offset = rest.partition("@")
    if not topic or not partition.isdecimal() or not offset.isdecimal():
        raise InputInvalid(f"{place!r} is no place such as infra.metrics/3@42", operation="read arguments")
    return topic, int(partition), int(offset)


_NO_BOOK = Book(())


def as_document(letter: DeadLetter, book: Book = _NO_BOOK) -> dict[str, object]:
    """Return a letter as plain data; bytes that are no UTF-8 text are given in base64, under `..._base64`."""
    origin, redriven_ms = letter.origin, book.redriven.get(letter.identity)
    return {
        "failed_at": _time(letter.failed_at_ms),
        "consumer": letter.consumer,
        "topic": origin.topic,
        "partition": origin.partition,
        "offset": origin.offset,
        "appended_at": _time(origin.appended_ms),
        "reason": letter.reason,
        "field": letter.field,
        "message": letter.message,
        "type": type_of(letter),
        "attempts": letter.attempts,
        "put_back_at": None if redriven_ms is None else _time(redriven_ms),
        "history": list(history(letter)),
        **_bytes("key", origin.key),
        **_bytes("value", origin.value),
        "headers": {name: value.decode(errors="replace") for name, value in origin.headers},
    }


def history(letter: DeadLetter) -> Iterator[dict[str, object]]:
    """What it failed of before it was put back, the first time first; headers that do not say so are passed over."""
    for value in headers_of(letter.origin.headers, REDRIVE_HISTORY):
        try:
            found = json.loads(value)
        except ValueError:
            continue
        if isinstance(found, dict):
            yield found


def json_lines(letters: Iterable[DeadLetter], book: Book = _NO_BOOK) -> Iterable[str]:
    """Return a JSON object for each letter."""
    return (json.dumps(as_document(letter, book), ensure_ascii=False) for letter in letters)


def text_lines(letters: list[DeadLetter], book: Book = _NO_BOOK) -> Iterable[str]:
    """Return two lines for each letter, its facts and the begin of its bytes, and how many there are."""
    for letter in letters:
        what = f"{letter.field}: {letter.message}" if letter.field else letter.message
        facts = f"{_time(letter.failed_at_ms)}  {letter.consumer:<15} {_where(letter):<28} {letter.reason:<14}"
        yield f"{facts} {harmless(what)}"
        note = "  (put back)" if letter.identity in book.redriven else ""
        yield f"    {_excerpt(letter.origin.value)}{note}"
    yield f"{len(letters)} dead letters" if len(letters) != 1 else "1 dead letter"


def whole_lines(letter: DeadLetter, book: Book = _NO_BOOK) -> Iterator[str]:
    """Return all there is to say of one letter, its bytes last: JSON with its structure, text as it is, else in hex."""
    origin = letter.origin
    yield f"{_where(letter)} for {harmless(letter.consumer)}"
    yield f"appended  {_time(origin.appended_ms)}"
    yield f"failed    {_time(letter.failed_at_ms)}, {letter.attempts} attempt{'s' if letter.attempts != 1 else ''}"
    yield f"reason    {harmless(letter.reason)}{' in ' + harmless(letter.field) if letter.field else ''}"
    yield f"message   {harmless(letter.message)}"
    for before in history(letter):
        facts = harmless(f"{before.get('partition')}@{before.get('offset')} {before.get('reason')}")
        yield f"before    {facts}: {harmless(str(before.get('message')))}"
    if letter.identity in book.redriven:
        yield f"put back  {_time(book.redriven[letter.identity])}"
    yield f"key       {_excerpt(origin.key)}"
    for name, value in origin.headers:
        yield f"header    {harmless(name)}: {harmless((value or b'').decode(errors='replace'))}"
    yield f"bytes     {len(origin.value or b'')}"
    yield from _shown_bytes(origin.value or b"")


def redriven_lines(result: Redriven, *, dry_run: bool) -> Iterator[str]:
    """Return a line for each consumer and topic, and one for each reason to leave some."""
    verb = "would be put back" if dry_run else "put back"
    for (consumer, topic), count in sorted(result.sent.items()):
        yield f"{count} {verb} into {topic} for {consumer}"
    if not result.sent:
        yield f"nothing {'to put back' if dry_run else 'put back'}"
    for reason, count in sorted(result.left.items()):
        yield f"{count} left: {_WHY_LEFT.get(reason, reason)}"


_WHY_LEFT = {
    "failed_again": "put back before, and failed again: their newest letters stand for them",
    "already_put_back": "put back before, and not failed since (--again puts them back once more)",
    "too_many_attempts": f"put back {MOST_ATTEMPTS} times and failed each time: mend the cause, or send the event anew",
    "no_such_topic_or_partition": "the topic or partition they name is not there",
}


def _where(letter: DeadLetter) -> str:
    return f"{letter.origin.topic}/{letter.origin.partition}@{letter.origin.offset}"


def _shown_bytes(value: bytes) -> Iterator[str]:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        for start in range(0, len(value), _HEX_BYTES):
            row = value[start : start + _HEX_BYTES]
            letters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
            yield f"{start:08x}  {row.hex(' '):<{3 * _HEX_BYTES}} {letters}"
        return
    with suppress(ValueError, RecursionError):
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    yield from (harmless(line) for line in text.splitlines())


def _bytes(name: str, value: bytes | None) -> dict[str, object]:
    try:
        return {name: None if value is None else value.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(value or b"").decode()}


def _excerpt(value: bytes | None) -> str:
    if not value:
        return "(no value)"
    text = harmless(value[:_EXCERPT_CHARS].decode(errors="replace"))
    return f"{text}… ({len(value)} bytes)" if len(value) > _EXCERPT_CHARS else text


def _time(unix_ms: int) -> str:
    try:
        moment = datetime.fromtimestamp(unix_ms / 1000, UTC)
    except (ValueError, OverflowError):
        # Anybody may write to the topic, and any number of up to 18 digits is read.
        return f"{unix_ms} ms"
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
