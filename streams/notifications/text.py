"""What a notification says: a title and a Markdown body, from the alert's data alone."""

from datetime import datetime

from schemas.alert import AlertRaisedData, AlertResolvedData

MOST_TITLE = 200
_SPECIAL = str.maketrans({character: f"\\{character}" for character in "\\`*_{}[]<>#|"})

_BECAUSE = {
    "cleared": "the condition no longer holds",
    "no_data": "there is no more data to judge it by",
    "rule_removed": "its rule was removed",
    "rule_changed": "its rule was changed",
    "device_retired": "the device was retired",
}


def raised(device: str, data: AlertRaisedData) -> tuple[str, str]:
    """Title and body for an alert that was raised."""
    title = _title(f"[{data.severity}] {data.summary}")
    lines = [f"**{escaped(data.summary)}**", ""]
    if data.description:
        lines += [escaped(data.description), ""]
    lines += [f"- device: {escaped(device)}", f"- since: {_when(data.since)}"]
    lines += _facts(data)
    if data.runbook:
        lines.append(f"- runbook: {data.runbook}")
    return title, "\n".join(lines)


def resolved(device: str, data: AlertResolvedData) -> tuple[str, str]:
    """Title and body for an alert that is over."""
    title = _title(f"[resolved] {data.summary}")
    lines = [f"**resolved: {escaped(data.summary)}**", "", f"It is over: {_BECAUSE[data.reason]}.", ""]
    lines += [f"- device: {escaped(device)}", f"- raised: {_when(data.raised_at)}"]
    return title, "\n".join(lines + _facts(data))


def escaped(text: str) -> str:
    """The text with the characters that Markdown takes for its own made plain."""
    return text.translate(_SPECIAL)


def _facts(data: AlertRaisedData | AlertResolvedData) -> list[str]:
    facts = [f"- rule: {escaped(data.rule)}"]
    if data.value is not None:
        unit = f" {data.unit}" if data.unit and data.unit != "1" else ""
        facts.append(f"- value: {data.value:.6g}{escaped(unit)}")
    facts += [f"- {escaped(name)}: {escaped(value)}" for name, value in sorted(data.labels.items())]
    return facts


def _when(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _title(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MOST_TITLE else f"{line[: MOST_TITLE - 1]}…"
