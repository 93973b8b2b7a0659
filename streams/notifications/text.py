"""What a notification says: a title and a Markdown body, from the alerts' data alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from streams.notifications.state import Alert

MOST_TITLE = 200
MOST_LINES = 50
"""How many alerts a body lists."""

_SPECIAL = str.maketrans({character: f"\\{character}" for character in "\\`*_{}[]<>#|~&"})

RESOLVED_BECAUSE: Mapping[str, str] = {
    "cleared": "the condition no longer holds",
    "no_data": "there is no more data to judge it by",
    "rule_removed": "its rule was removed",
    "rule_changed": "its rule was changed",
    "device_retired": "the device was retired",
}
"""Why an alert is over, in words, by the reason in its event."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is said."""

    title: str
    body: str


def raised(alerts: Sequence[Alert], place: tzinfo, *, prefix: str = "") -> Message:
    """That alerts hold; the first is the worst. `prefix` says on what occasion."""
    worst = alerts[0]
    lead = f"{prefix}: " if prefix else ""
    if len(alerts) == 1:
        return Message(_title(f"[{worst.severity}] {lead}{worst.summary}"), _holds(worst, place, lead=lead))
    title = _title(f"[{worst.severity}] {lead}{_counted(alerts)}")
    return Message(title, "\n".join([f"**{lead}{escaped(_counted(alerts))}**", "", *_listed(alerts, place)]))


def resolved(alerts: Sequence[Alert], place: tzinfo) -> Message:
    """That alerts are over."""
    if len(alerts) == 1:
        return Message(_title(f"[resolved] {alerts[0].summary}"), _over(alerts[0], place))
    title = f"[resolved] {_counted(alerts)}"
    return Message(_title(title), "\n".join([f"**{escaped(_counted(alerts))}: over**", "", *_listed(alerts, place)]))


def digest(holding: Sequence[Alert], over: Sequence[Alert], place: tzinfo) -> Message:
    """Many alerts at once: what holds, and what is over already."""
    counts = [f"{len(holding)} still hold{'s' * (len(holding) == 1)}"] if holding else []
    counts += [f"{len(over)} {'is' if len(over) == 1 else 'are'} over"] if over else []
    worst = (holding or over)[0].severity
    title = _title(f"[{worst if holding else 'resolved'}] {_counted([*holding, *over])}: {', '.join(counts)}")
    lines: list[str] = []
    if holding:
        lines += ["**What holds**", "", *_listed(holding, place), ""]
    if over:
        lines += ["**What is over**", "", *_listed(over, place), ""]
    return Message(title, "\n".join(lines).rstrip())


def escaped(text: str) -> str:
    """The text with the characters that Markdown takes for its own made plain."""
    return text.translate(_SPECIAL)


def named(device: str, summary: str) -> str:
    """The summary with its device before it, unless it begins with that already, as most do."""
    return summary if summary.startswith((f"{device}:", f"{device} ")) else f"{device}: {summary}"


def when(at: datetime, place: tzinfo) -> str:
    """A time as people of that place write it."""
    return f"{at.astimezone(place):%Y-%m-%d %H:%M:%S %Z}"


def _holds(alert: Alert, place: tzinfo, *, lead: str) -> str:
    lines = [f"**{lead}{_emphasized(alert)}**", ""]
    if alert.description:
        lines += [escaped(alert.description), ""]
    lines += [f"- device: {escaped(alert.device)}", f"- since: {when(alert.since, place)}"]
    lines += _facts(alert, alert.value)
    if alert.runbook:
        lines.append(f"- runbook: {alert.runbook}")
    return "\n".join(lines)


def _over(alert: Alert, place: tzinfo) -> str:
    over = alert.resolved
    lines = [f"**resolved: {_emphasized(alert)}**", ""]
    if over is not None:
        lines += [f"It is over since {when(over.at, place)}: {RESOLVED_BECAUSE[over.reason]}.", ""]
    lines += [f"- device: {escaped(alert.device)}", f"- raised: {when(alert.raised_at, place)}"]
    return "\n".join(lines + _facts(alert, None if over is None else over.value))


def _facts(alert: Alert, value: float | None) -> list[str]:
    facts = [f"- rule: {escaped(alert.rule)}"]
    if value is not None:
        unit = f" {alert.unit}" if alert.unit and alert.unit != "1" else ""
        facts.append(f"- value: {value:.6g}{escaped(unit)}")
    facts += [f"- {escaped(name)}: {escaped(text)}" for name, text in sorted(alert.labels.items())]
    return [*facts, f"- alert: {alert.id}"]


def _listed(alerts: Sequence[Alert], place: tzinfo) -> list[str]:
    lines = [_line(alert, place) for alert in alerts[:MOST_LINES]]
    if len(alerts) > MOST_LINES:
        lines.append(f"- and {len(alerts) - MOST_LINES} more: `infrastructor alerts list`")
    return lines


def _line(alert: Alert, place: tzinfo) -> str:
    over = f" until {when(alert.resolved.at, place)}" if alert.resolved is not None else ""
    return (
        f"- **{alert.severity}** {escaped(named(alert.device, _title(alert.summary)))} "
        f"({escaped(alert.rule)}, since {when(alert.since, place)}{over})"
    )


def _emphasized(alert: Alert) -> str:
    """The summary in one line: emphasis ends with its paragraph."""
    return escaped(" ".join(alert.summary.split()))


def _counted(alerts: Sequence[Alert]) -> str:
    devices = sorted({alert.device for alert in alerts})
    where = devices[0] if len(devices) == 1 else f"{len(devices)} devices"
    return f"{len(alerts)} alert{'s' * (len(alerts) != 1)} on {where}"


def _title(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MOST_TITLE else f"{line[: MOST_TITLE - 1]}…"
