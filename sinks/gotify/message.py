"""What is said: one requested notification, or several that waited, as a Gotify message. Pure."""

from collections.abc import Iterable, Sequence
from typing import Any, assert_never
from urllib.parse import quote
from uuid import UUID

from schemas.notification import NotificationRequested
from sinks.gotify.port import Message, Sent
from sinks.gotify.settings import GotifySettings

NAMESPACE = "infrastructor::notification"
"""The key of our extras (Gotify, "Message Extras": `<namespace>::<action>`)."""

DIGEST = "digest"
MOST_LISTED = 100
_TITLE_CHARS = 200

_SPECIAL = str.maketrans({character: f"\\{character}" for character in "\\`*_{}[]<>#|"})
_RANK = {"critical": 0, "warning": 1, "info": 2}

Requests = Sequence[NotificationRequested]


def message_of(requests: Requests, settings: GotifySettings) -> Message:
    """The message: Markdown, priority by severity, links, and of what it tells in the extras; several: a digest."""
    title, body = _digest(requests, settings) if len(requests) > 1 else _single(requests[0], settings)
    extras: dict[str, Any] = {
        "client::display": {"contentType": "text/markdown"},
        NAMESPACE: _facts(requests),
    }
    click = _click(requests, settings)
    if click is not None:
        extras["client::notification"] = {"click": {"url": click}}
    # Gotify refuses a message without text.
    text = body.strip() or title or requests[0].data.kind
    return Message(title, text, max(_priority(one, settings) for one in requests), extras)


def sent_in(message: object) -> Sent | None:
    """A message of the server's as one of ours; None for messages of others."""
    extras = message.get("extras") if isinstance(message, dict) else None
    ours = extras.get(NAMESPACE) if isinstance(extras, dict) else None
    if not isinstance(message, dict) or not isinstance(ours, dict):
        return None
    requests = _ids([ours.get("request_id"), *_listed(ours.get("request_ids"))])
    if not requests:
        return None
    alerts, over = (_ids(_listed(ours.get(name))) for name in ("alert_ids", "over_ids"))
    return Sent(str(message.get("id")), requests, alerts, over, str(ours.get("kind")))


def over_in(request: NotificationRequested) -> frozenset[UUID]:
    """The alerts of which a request tells that they are over."""
    return frozenset(request.data.alert_ids if request.data.kind == "resolved" else request.data.over_ids)


def dashboard_of(request: NotificationRequested, settings: GotifySettings) -> str | None:
    """Where the message leads by the settings."""
    if settings.dashboard_url is None:
        return None
    return settings.dashboard_url.format(
        device=quote(request.subject, safe=""),
        alert_id=request.data.alert_ids[0],
        rule=quote(request.data.rule or "", safe=""),
    )


def _single(request: NotificationRequested, settings: GotifySettings) -> tuple[str, str]:
    body, runbook = request.data.body, request.data.runbook
    if runbook is not None and runbook not in body:
        body = f"{body}\n\nRunbook: {runbook}"
    dashboard = dashboard_of(request, settings)
    if dashboard is not None:
        body = f"{body}\n\n[Dashboard]({dashboard})"
    return request.data.title, body


def _digest(requests: Requests, settings: GotifySettings) -> tuple[str, str]:
    worst = min((one.data.severity for one in requests), key=_RANK.__getitem__)
    devices = sorted({one.subject for one in requests})
    where = devices[0] if len(devices) == 1 else f"{len(devices)} devices"
    title = f"[{worst}] {len(requests)} notifications of {where} that waited"
    in_order = sorted(requests, key=lambda one: (_is_over(one), _RANK[one.data.severity], one.time))
    lines = [_line(one, settings) for one in in_order[:MOST_LISTED]]
    if len(requests) > MOST_LISTED:
        lines.append(f"- and {len(requests) - MOST_LISTED} more: `infrastructor alerts list`")
    lead = "More came than are told one by one, or they could not be told when they came:"
    return title, "\n".join([lead, "", *lines])


def _line(request: NotificationRequested, settings: GotifySettings) -> str:
    title = " ".join(request.data.title.split())[:_TITLE_CHARS].translate(_SPECIAL)
    dashboard = dashboard_of(request, settings)
    named = title if dashboard is None else f"[{title}]({dashboard})"
    return f"- {request.time:%Y-%m-%d %H:%M} UTC {named}"


def _facts(requests: Requests) -> dict[str, Any]:
    """The extras by which a message is found again; a digest has the ids of all, and those facts that all share."""
    first = requests[0]
    facts: dict[str, Any] = {
        "alert_ids": list(dict.fromkeys(str(alert) for one in requests for alert in one.data.alert_ids)),
        "over_ids": sorted({str(alert) for one in requests for alert in over_in(one)}),
        "severity": min((one.data.severity for one in requests), key=_RANK.__getitem__),
    }
    if len(requests) > 1:
        return facts | {"request_ids": [str(one.id) for one in requests], "kind": DIGEST}
    facts |= {"request_id": str(first.id), "device": first.subject, "kind": first.data.kind}
    return facts if first.data.rule is None else facts | {"rule": first.data.rule}


def _click(requests: Requests, settings: GotifySettings) -> str | None:
    """Where a click leads: the dashboard, else the runbook, if it is one for all."""
    for links in ({dashboard_of(one, settings) for one in requests}, {one.data.runbook for one in requests}):
        link = links.pop() if len(links) == 1 else None
        if link is not None and link.startswith(("http://", "https://")):
            return link
    return None


def _priority(event: NotificationRequested, settings: GotifySettings) -> int:
    if _is_over(event):
        return settings.priority_resolved
    match event.data.severity:
        case "info":
            return settings.priority_info
        case "warning":
            return settings.priority_warning
        case "critical":
            return settings.priority_critical
        case _:
            assert_never(event.data.severity)


def _is_over(request: NotificationRequested) -> bool:
    return over_in(request) >= set(request.data.alert_ids)


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _ids(values: Iterable[object]) -> frozenset[UUID]:
    found: set[UUID] = set()
    for value in values:
        try:
            found.add(UUID(value if isinstance(value, str) else ""))
        except ValueError:
            continue
    return frozenset(found)
