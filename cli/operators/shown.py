"""Tables for people: drawn on a terminal, plain columns elsewhere."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

import click

_WIDE = 60


def show_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, styles: Sequence[str] = ()) -> None:
    """Print rows below a header; on a terminal as a table in which `styles` colours each row."""
    safe = [[harmless(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for line in plain(header, safe):
            click.echo(line)
        return
    from rich.console import Console  # noqa: PLC0415 - only where it is drawn
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in header:
        table.add_column(name, overflow="fold")
    for index, row in enumerate(safe):
        # Text, not markup: what is shown comes from machines.
        table.add_row(*(Text(cell) for cell in row), style=styles[index] if index < len(styles) else None)
    Console().print(table)


def plain(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines, with columns below one another."""
    lines = [list(header), *(list(row) for row in rows)]
    widths = [min(_WIDE, max(len(row[column]) for row in lines)) for column in range(len(header))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in lines]


def harmless(text: str) -> str:
    """One line that moves no cursor: what is quoted comes from machines."""
    return "".join(character if character.isprintable() else "·" for character in text)


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Say on a terminal that something is being read, while it is."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console  # noqa: PLC0415

    with Console(stderr=True).status(what):
        yield


def ago(at: datetime, now: datetime) -> str:
    """How long ago, in the two largest units: `3m 20s`, `2h 5m`, `4d 1h`; `in 5m` of what is to come."""
    if at > now + timedelta(seconds=1):
        return f"in {_length(at - now)}"
    return f"{_length(now - at)} ago"


def _length(length: timedelta) -> str:
    seconds = max(0, int(length.total_seconds()))
    for size, unit, lesser, sub in ((86_400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s")):
        if seconds >= size:
            rest = seconds % size // lesser
            return f"{seconds // size}{unit}" + (f" {rest}{sub}" if rest else "")
    return f"{seconds}s"


def at_minute(at: datetime) -> str:
    """A time to the minute, in UTC."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def rfc3339(at: datetime | None) -> str | None:
    """A time for machines."""
    return None if at is None else at.isoformat().replace("+00:00", "Z")
