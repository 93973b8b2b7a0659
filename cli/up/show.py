"""Showing a run: a full-screen picture on a terminal, lines elsewhere."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from rich.console import Console, RenderableType
from rich.live import Live

from cli.up.board import Board
from cli.up.figures import in_bytes, in_counts
from cli.up.model import View
from cli.up.render import Frame, render
from runtime.clock import Clock

_FRAME_S = 0.3
_LINE_S = 5.0
_NOTE_S = 0.2
_LAST_NOTES = 8


async def show_live(board: Board, console: Console, clock: Clock) -> None:
    """Draw the picture about three times a second until cancelled; the terminal is left as it was."""
    started = clock.now()

    def picture() -> RenderableType:
        width, height = console.size
        return render(board.view, Frame(width, height, clock.now(), started))

    # Drawn by us: Rich's own refreshing would do it from a thread, in the middle of a change.
    try:
        with Live(
            console=console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
        ) as live:
            while True:
                live.update(picture(), refresh=True)
                await asyncio.sleep(_FRAME_S)
    finally:
        # The picture is gone with the screen it was on: what happened last stays readable.
        for entry in board.view.notes[-_LAST_NOTES:]:
            console.print(entry.text, markup=False, soft_wrap=True)


async def show_lines(board: Board, write: Callable[[str], None], clock: Clock) -> None:
    """Write each note once, and every 5 s how things stand, until cancelled; what is left is written at the end."""
    last = 0
    next_line = clock.monotonic() + _LINE_S
    try:
        while True:
            last = _write_notes(board.view, write, last)
            if clock.monotonic() >= next_line:
                write(status_line(board.view, clock.now()))
                next_line = clock.monotonic() + _LINE_S
            await clock.sleep(_NOTE_S)
    finally:
        _write_notes(board.view, write, last)


def _write_notes(view: View, write: Callable[[str], None], last: int) -> int:
    for entry in view.notes:
        if entry.number > last:
            write(" ".join(entry.text.split()))
            last = entry.number
    return last


def status_line(view: View, now: datetime) -> str:
    """Return how things stand, in one line."""
    counts: dict[str, int] = {}
    for device in view.devices.values():
        counts[device.status] = counts.get(device.status, 0) + 1
    devices = ", ".join(f"{count} {status}" for status, count in sorted(counts.items())) or "no devices"
    lag = ", ".join(f"{group} {behind}" for group, behind in sorted(view.lag.items())) or "not known"
    memory = sum(process.rss_bytes or 0 for process in view.processes)
    parts = [
        f"{view.rate(int(now.timestamp() * 1000)):.1f} events/s",
        f"{in_counts(view.events)} events",
        devices,
        f"{len(view.alerts)} alerts",
        f"{in_counts(sum(view.rows.values()))} rows",
        f"lag: {lag}",
        f"{view.dead_letters} dead letters",
        f"{view.gaps} gaps",
        in_bytes(memory),
    ]
    return " | ".join(parts)
