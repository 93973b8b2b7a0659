"""The live view as a picture: a pure function of the model, the size of the terminal and the time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rich.console import Group, RenderableType
from rich.layout import Layout
from rich.text import Text

from cli.up.figures import bar, in_bytes, in_counts, in_time
from cli.up.host import HostFigures
from cli.up.model import View

_STATUS_STYLE = {
    "online": "green",
    "running": "green",
    "degraded": "yellow",
    "starting": "yellow",
    "waiting": "yellow",
    "offline": "bold red",
    "retired": "dim",
}
_SEVERITY_STYLE = {"critical": "bold red", "warning": "yellow", "info": "cyan"}
_OUTCOME_STYLE = {"delivered": "green", "failed": "bold red", "suppressed": "dim", "requested": "yellow"}
_NARROW = 70
_FOOTER_LINES = 3


@dataclass(frozen=True, slots=True)
class Frame:
    """What a picture is drawn for: columns and lines of the terminal, the time now, when we started."""

    width: int
    height: int
    now: datetime
    started: datetime


@dataclass(frozen=True, slots=True)
class Section:
    """A titled list; rows beyond what fits are counted in its last line."""

    title: str
    rows: Sequence[Text]
    empty: str

    def drawn(self, height: int) -> RenderableType:
        """Return title and rows in `height` lines."""
        room = max(1, height - 1)
        rows = list(self.rows) or [Text(self.empty, style="dim")]
        if len(rows) > room:
            hidden = len(rows) - room + 1
            rows = [*rows[: room - 1], Text(f"… and {hidden} more", style="dim")]
        return Group(Text(f"{self.title}", style="bold underline", no_wrap=True, overflow="ellipsis"), *rows)


def render(view: View, frame: Frame) -> RenderableType:
    """Return the whole picture, exactly as large as the frame."""
    root = Layout()
    body = Layout(name="body")
    root.split_column(
        Layout(_header(view, frame), size=1),
        body,
        Layout(_footer(view, frame), size=_FOOTER_LINES),
    )
    lines = max(6, frame.height - 1 - _FOOTER_LINES)
    if frame.width < _NARROW:
        _stack(body, view, frame, lines=lines)
    else:
        _columns(body, view, frame, lines=lines)
    return root


def shares(lines: int, wanted: Sequence[int], least: Sequence[int]) -> list[int]:
    """Share `lines` out: everyone the least, then up to what is wanted in turns, what is left to the last."""
    given = list(least)
    while sum(given) > lines and max(given) > 1:
        given[given.index(max(given))] -= 1
    left = lines - sum(given)
    while left > 0 and any(have < want for have, want in zip(given, wanted, strict=True)):
        for index, want in enumerate(wanted):
            if left and given[index] < want:
                given[index] += 1
                left -= 1
    given[-1] += max(0, left)
    return given


def _columns(body: Layout, view: View, frame: Frame, *, lines: int) -> None:
    half = frame.width // 2 - 1
    devices, host = _devices(view, frame), _host(view.host, half)
    processes, stored = _processes(view), _stored(view)
    below = [_alerts(view, frame), _notifications(view), _lately(view)]
    wanted = [
        2 + max(len(devices.rows), len(host.rows)),
        2 + max(len(processes.rows), len(stored.rows)),
        *(2 + max(1, len(section.rows)) for section in below),
    ]
    top, middle, *rest = shares(lines, wanted, least=(7, 7, 3, 3, 0))
    body.split_column(
        _pair(devices, host, height=top),
        _pair(processes, stored, height=middle),
        *(Layout(section.drawn(height), size=height) for section, height in zip(below, rest, strict=True) if height),
    )


def _pair(left: Section, right: Section, *, height: int) -> Layout:
    row = Layout(size=height)
    row.split_row(Layout(left.drawn(height)), Layout(Text(" "), size=2), Layout(right.drawn(height)))
    return row


def _stack(body: Layout, view: View, frame: Frame, *, lines: int) -> None:
    sections = [
        _devices(view, frame),
        _host(view.host, frame.width),
        _processes(view),
        _alerts(view, frame),
        _notifications(view),
    ]
    wanted = [1 + max(1, len(section.rows)) for section in sections]
    heights = shares(lines, wanted, least=(2, 4, 2, 2, 2))
    drawn = zip(sections, heights, strict=True)
    body.split_column(*(Layout(section.drawn(height), size=height) for section, height in drawn))


def _header(view: View, frame: Frame) -> Text:
    now_ms = int(frame.now.timestamp() * 1000)
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(" infrastructor ", style="bold reverse")
    text.append(f" {in_time(frame.now - frame.started)}", style="dim")
    if view.phase:
        text.append(f"  {view.phase}", style="yellow")
    text.append(f"  {view.rate(now_ms):.1f} events/s", style="bold")
    text.append(f"  {in_counts(view.events)} events")
    text.append(f"  {view.dead_letters} dead", style="red" if view.dead_letters else "dim")
    text.append(f"  {view.gaps} gaps", style="red" if view.gaps else "dim")
    text.append("  Ctrl-C stops", style="dim")
    return text


def _footer(view: View, frame: Frame) -> RenderableType:
    places = view.places
    psql = places.psql if len(places.psql) + 9 <= frame.width else places.psql_short
    lines = [("Kafka", places.kafka), ("Database", places.database), ("psql", psql)]
    return Group(
        *(_line((f"{name:<8} ", "bold"), (value or "not yet", "" if value else "dim")) for name, value in lines)
    )


def _devices(view: View, frame: Frame) -> Section:
    order = {"offline": 0, "degraded": 1, "unknown": 2, "online": 3, "retired": 4}
    devices = sorted(view.devices.values(), key=lambda device: (order.get(device.status, 2), device.id))
    counts: dict[str, int] = {}
    for device in devices:
        counts[device.status] = counts.get(device.status, 0) + 1
    title = "Devices" + "".join(f"  {count} {status}" for status, count in counts.items())
    rows = []
    for device in devices:
        since = f" {in_time(frame.now - device.since)}" if device.since else ""
        heard = _ago(frame.now, device.seen_ms)
        rows.append(
            _line(
                (f"{device.id} ", "bold"),
                (device.status, _STATUS_STYLE.get(device.status, "")),
                (since, "dim"),
                (f"  {device.reason}" if device.reason else "", ""),
                (f", heard {heard}" if heard else "", "dim"),
            )
        )
        if device.summary and device.status not in {"online", "retired"}:
            rows.append(_line((f"  {device.summary}", "")))
        elif device.described:
            rows.append(_line((f"  {device.described}", "dim")))
    return Section(title, rows, "none seen yet")


def _host(host: HostFigures | None, width: int) -> Section:
    if host is None:
        return Section("This host", [], "no look yet")
    length = max(4, min(24, width - 35))
    load = " ".join(f"{one:.2f}" for one in host.load)
    rows = []
    if host.cpu is not None:
        rows.append(_gauge("cpu", host.cpu, f"{host.cpu:6.1%}  load {load}", length))
    elif load:
        rows.append(_line((f"{'load':<7}", "bold"), (load, "")))
    if host.memory_used is not None and host.memory_total:
        figures = f"{in_bytes(host.memory_used)} of {in_bytes(host.memory_total)}"
        rows.append(_gauge("memory", host.memory_used / host.memory_total, figures, length))
    rows += [_gauge("swap", host.swap, f"{host.swap:6.1%}", length)] if host.swap else []
    rows += _rates(host, "disk", (("read", "r"), ("write", "w")))
    rows += _rates(host, "net", (("receive", "in"), ("transmit", "out")))
    fullest = sorted(host.filesystems, key=lambda one: -one.used)
    rows += [_gauge("full", one.used, f"{one.used:6.1%} {one.mountpoint}", length) for one in fullest]
    return Section(f"This host: {host.device}", rows, "no look yet")


def _rates(host: HostFigures, name: str, kinds: Sequence[tuple[str, str]]) -> list[Text]:
    known = [f"{word} {in_bytes(host.rates[what])}/s" for what, word in kinds if what in host.rates]
    return [_line((f"{name:<7}", "bold"), ("  ".join(known), ""))] if known else []


def _processes(view: View) -> Section:
    rows = []
    for process in view.processes:
        memory = in_bytes(process.rss_bytes) if process.rss_bytes else "-"
        restarts = f"  x{process.restarts}" if process.restarts else ""
        rows.append(
            _line(
                (f"{process.name:<15}", "bold"),
                (f"{process.state:<9}", _STATUS_STYLE.get(process.state, "red")),
                (f"{memory:>10}", ""),
                (restarts, "yellow"),
                (f"  {process.detail}" if process.detail else "", "dim"),
            )
        )
    return Section("Processes  (x: started again)", rows, "none started yet")


def _stored(view: View) -> Section:
    lag = ", ".join(f"{group} {in_counts(behind)}" for group, behind in sorted(view.lag.items()))
    rows = [_line(("lag     ", "bold"), (lag or "not known yet", "" if lag else "dim"))]
    filled = ((table, count) for table, count in view.rows.items() if count)
    tables = sorted(filled, key=lambda item: (-item[1], item[0]))
    rows += [_line((f"{in_counts(count):>13}  ", ""), (table, "dim")) for table, count in tables]
    return Section(f"Stored  {in_counts(sum(view.rows.values()))} rows", rows, "nothing yet")


def _alerts(view: View, frame: Frame) -> Section:
    order = {"critical": 0, "warning": 1, "info": 2}
    alerts = sorted(view.alerts.values(), key=lambda alert: (order.get(alert.severity, 3), alert.since))
    rows = [
        _line(
            (f"{alert.severity:<9}", _SEVERITY_STYLE.get(alert.severity, "")),
            (f"{alert.device} ", "bold"),
            (f"{alert.rule}  ", "dim"),
            (alert.summary, ""),
            (f"  for {in_time(frame.now - alert.since)}", "dim"),
        )
        for alert in alerts
    ]
    return Section(f"Alerts  {len(rows)} raised" if rows else "Alerts", rows, "none raised")


def _notifications(view: View) -> Section:
    rows = [
        _line(
            (f"{entry.at:%H:%M:%S} ", "dim"),
            (f"{entry.outcome}", _OUTCOME_STYLE.get(entry.outcome, "")),
            (f" ({entry.detail})" if entry.detail else "", "dim"),
            (f"  {entry.receiver}: " if entry.receiver else "  ", ""),
            (entry.title, ""),
        )
        for entry in reversed(list(view.notifications.values()))
    ]
    return Section("Notifications", rows, "none yet")


def _lately(view: View) -> Section:
    return Section("Lately", [_line((entry.text, "")) for entry in reversed(view.notes)], "nothing of note")


def _gauge(name: str, ratio: float, figures: str, length: int) -> Text:
    full, empty = bar(ratio, length)
    style = "red" if ratio >= 0.9 else "yellow" if ratio >= 0.75 else "green"
    return _line((f"{name:<7}", "bold"), (full, style), (empty, "dim"), (f" {figures}", ""))


def _line(*parts: tuple[str, str]) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    for part, style in parts:
        # What devices and people wrote may hold line ends and escapes: a row stays a row.
        text.append("".join(one if one.isprintable() else " " for one in part), style=style)
    return text


def _ago(now: datetime, then_ms: int) -> str:
    return f"{in_time(timedelta(milliseconds=now.timestamp() * 1000 - then_ms))} ago" if then_ms else ""
