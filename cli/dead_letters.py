"""`infrastructor dead-letters`: what could not be processed, where it came from and why."""

import asyncio
import base64
import json
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime

import click

from runtime.kafka.consumer import read_topics
from runtime.kafka.dead_letters import DeadLetter, from_record
from runtime.settings import KafkaSettings, load
from schemas.registry import DEAD_LETTERS

_EXCERPT_CHARS = 60


@click.group(name="dead-letters")
def dead_letters() -> None:
    """Show what could not be processed."""


@dead_letters.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, with the original bytes.")
@click.option("--consumer", help="Only those of this consumer (timescale, gotify, device_status, ...).")
@click.option("--reason", help="Only those with this reason (not_json, key_mismatch, too_large, ...).")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="The newest so many.")
def list_letters(*, as_json: bool, consumer: str | None, reason: str | None, limit: int) -> None:
    """List the dead letters, oldest first; a letter that was sent twice is listed once."""
    settings = load(KafkaSettings)
    letters = asyncio.run(_read(settings, consumer=consumer, reason=reason, limit=limit))
    for line in json_lines(letters) if as_json else text_lines(letters):
        click.echo(line)


async def _read(settings: KafkaSettings, *, consumer: str | None, reason: str | None, limit: int) -> list[DeadLetter]:
    newest: deque[DeadLetter] = deque(maxlen=limit)
    seen: set[tuple[str, str, int, int]] = set()
    async for raw in read_topics(settings, [DEAD_LETTERS], client_id="infrastructor-dead-letters"):
        letter = from_record(raw)
        if letter is None or letter.identity in seen:
            continue
        if consumer in {None, letter.consumer} and reason in {None, letter.reason}:
            seen.add(letter.identity)
            newest.append(letter)
    return list(newest)


def as_document(letter: DeadLetter) -> dict[str, object]:
    """Return a letter as plain data; bytes that are no UTF-8 text are given in base64, under `..._base64`."""
    origin = letter.origin
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
        "attempts": letter.attempts,
        **_bytes("key", origin.key),
        **_bytes("value", origin.value),
        "headers": {name: value.decode(errors="replace") for name, value in origin.headers},
    }


def json_lines(letters: Iterable[DeadLetter]) -> Iterable[str]:
    """Return a JSON object for each letter."""
    return (json.dumps(as_document(letter), ensure_ascii=False) for letter in letters)


def text_lines(letters: list[DeadLetter]) -> Iterable[str]:
    """Return two lines for each letter, its facts and the begin of its bytes, and how many there are."""
    for letter in letters:
        where = f"{letter.origin.topic}/{letter.origin.partition}@{letter.origin.offset}"
        what = f"{letter.field}: {letter.message}" if letter.field else letter.message
        yield f"{_time(letter.failed_at_ms)}  {letter.consumer:<15} {where:<28} {letter.reason:<14} {_one_line(what)}"
        yield f"    {_excerpt(letter.origin.value)}"
    yield f"{len(letters)} dead letters" if len(letters) != 1 else "1 dead letter"


def _bytes(name: str, value: bytes | None) -> dict[str, object]:
    try:
        return {name: None if value is None else value.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(value or b"").decode()}


def _excerpt(value: bytes | None) -> str:
    if not value:
        return "(no value)"
    text = _one_line(value[:_EXCERPT_CHARS].decode(errors="replace"))
    return f"{text}… ({len(value)} bytes)" if len(value) > _EXCERPT_CHARS else text


def _one_line(text: str) -> str:
    # What is quoted is hostile input: nothing of it may move the terminal's cursor.
    return "".join(character if character.isprintable() else "·" for character in text)


def _time(unix_ms: int) -> str:
    try:
        moment = datetime.fromtimestamp(unix_ms / 1000, UTC)
    except (ValueError, OverflowError):
        # Anybody may write to the topic, and any number of up to 18 digits is read.
        return f"{unix_ms} ms"
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
