"""The picture: complete on a small terminal, and never broken by what devices and people wrote."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from rich.console import Console

from cli.up.figures import bar, in_bytes, in_time
from cli.up.host import Filesystem, HostFigures
from cli.up.model import Alert, Device, Note, Notification, Places, Process, View
from cli.up.render import Frame, render, shares
from cli.up.show import status_line
from tests.unit.cli.events_shown import at, ms

PROCESSES = ("broker", "database", "agent", "streams", "sink-timescale", "sink-gotify")


def full() -> View:
    alert = Alert(uuid4(), "box", "cpu_high", "warning", "cpu at 93% for 2 min", at(-130))
    told = Notification(uuid4(), at(-5), "gotify", "cpu high on box", "suppressed", "not_configured")
    return View(
        places=Places(
            "127.0.0.1:19092",
            "postgresql://infrastructor@127.0.0.1:15432/infrastructor",
            "PGPASSFILE=/home/me/.infrastructor/postgres/pgpass psql -h 127.0.0.1 -p 15432 -U infrastructor infra",
            "/home/me/.infrastructor/psql",
        ),
        devices={
            "box": Device("box", "online", "heard", "", at(-180), ms(-4), "Debian 12"),
            "nas": Device("nas", "offline", "silent", "no sign of life for 45 s", at(-20)),
        },
        host=HostFigures(
            "box",
            at(0),
            cpu=0.34,
            memory_used=5.2e9,
            memory_total=16e9,
            load=(0.3, 0.4, 0.1),
            filesystems=(Filesystem("/", 0.81),),
            rates={"read": 12345.0, "write": 99999.0, "receive": 1e6, "transmit": 5e4},
        ),
        alerts={alert.id: alert},
        notifications={told.request_id: told},
        events=1234,
        by_second={int(at(0).timestamp()) - back: 7 for back in range(12)},
        dead_letters=2,
        processes=tuple(Process(name, "running", 0, 80 << 20) for name in PROCESSES),
        lag={"timescale": 12, "gotify": 0},
        rows={"events": 120, "metric_samples": 23456, "gaps": 0},
        notes=(Note(1, "box is online"),),
    )


def drawn(view: View, width: int, height: int) -> list[str]:
    console = Console(width=width, height=height, record=True, force_terminal=False, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(render(view, Frame(width, height, at(0), at(-75))))
    return console.export_text().split("\n")[:height]


def test_on_80_by_24_everything_is_there() -> None:
    lines = drawn(full(), 80, 24)
    text = "\n".join(lines)
    assert len(lines) == 24
    assert all(len(line) <= 80 for line in lines)
    for expected in (
        "1m 15s",
        "7.0 events/s",
        "1,234 events",
        "2 dead",
        "box online 3m 0s  heard, heard 4s ago",
        "nas offline 20s  silent",
        "no sign of life for 45 s",
        "34.0%",
        "4.8 GiB of 14.9 GiB",
        "81.0% /",
        "in 977 KiB/s",
        *PROCESSES,
        "23,456  metric_samples",
        "warning  box cpu_high  cpu at 93% for 2 min  for 2m 10s",
        "suppressed (not_configured)  gotify: cpu high on box",
        "127.0.0.1:19092",
        "postgresql://infrastructor@127.0.0.1:15432/infrastructor",
        "/home/me/.infrastructor/psql",
    ):
        assert expected in text, expected
    assert "gaps  " not in text.split("Stored")[1], "an empty table is not listed"


def test_on_a_wide_terminal_the_psql_line_is_whole() -> None:
    assert full().places.psql in "\n".join(drawn(full(), 160, 50))


@pytest.mark.parametrize(("width", "height"), [(1, 1), (20, 5), (50, 15), (69, 24), (70, 10), (80, 12), (300, 100)])
@pytest.mark.parametrize("view", [View(), full()], ids=["empty", "full"])
def test_any_size_is_drawn(view: View, width: int, height: int) -> None:
    assert all(len(line) <= width for line in drawn(view, width, height))


def test_many_rows_are_counted_instead_of_pushing_others_out() -> None:
    devices = {f"d{number}": Device(f"d{number}", "online") for number in range(100)}
    text = "\n".join(drawn(replace(full(), devices=devices), 80, 24))
    assert "100 online" in text
    assert "more" in text
    assert "sink-gotify" in text


def test_hostile_text_stays_on_its_row() -> None:
    evil = Device("evil", "degraded", "why", "one\ntwo\x1b[2Jthree [red]four[/red]")
    text = "\n".join(drawn(replace(full(), devices={"evil": evil}), 120, 30))
    assert "\x1b" not in text
    assert "one two [2Jthree [red]four[/red]" in text


@pytest.mark.parametrize(
    ("lines", "wanted", "least", "expected"),
    [
        (20, (9, 8, 3, 3), (7, 7, 3, 3), [7, 7, 3, 3]),
        (22, (9, 8, 3, 3), (7, 7, 3, 3), [8, 8, 3, 3]),
        (40, (9, 8, 3, 3), (7, 7, 3, 3), [9, 8, 3, 20]),
        (8, (9, 8, 3, 3), (7, 7, 3, 3), [2, 2, 2, 2]),
    ],
)
def test_lines_are_shared(lines: int, wanted: tuple[int, ...], least: tuple[int, ...], expected: list[int]) -> None:
    assert shares(lines, wanted, least) == expected


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (250 * 1024**2, "250 MiB"), (2**60, "1024.0 PiB")],
)
def test_bytes(count: int, text: str) -> None:
    assert in_bytes(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0s"), (0, "0s"), (59, "59s"), (60, "1m 0s"), (3605, "1h 0m"), (90061, "1d 1h"), (86400 * 40, "40d 0h")],
)
def test_lengths_of_time(seconds: int, text: str) -> None:
    assert in_time(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(("ratio", "full_part"), [(-1, 0), (0, 0), (0.5, 5), (1, 10), (7, 10)])
def test_bars_keep_their_length(ratio: float, full_part: int) -> None:
    full_text, empty = bar(ratio, 10)
    assert (len(full_text), len(full_text + empty)) == (full_part, 10)


def test_the_status_line_of_the_plain_mode() -> None:
    assert status_line(full(), at(0)) == (
        "7.0 events/s | 1,234 events | 1 offline, 1 online | 1 alerts | 23,576 rows | lag: gotify 0, timescale 12 | "
        "2 dead letters | 0 gaps | 480 MiB"
    )
