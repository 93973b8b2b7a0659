"""What is said: a requested notification as a Gotify message. Pure."""

from typing import Any, assert_never
from uuid import UUID

from schemas.notification import NotificationRequested
from sinks.gotify.port import Message
from sinks.settings import GotifySettings

NAMESPACE = "infrastructor::notification"
"""The key of our extras (Gotify, "Message Extras": `<namespace>::<action>`)."""


def message_of(event: NotificationRequested, settings: GotifySettings) -> Message:
    """The message: title and Markdown as requested, priority by severity, and where it comes from in the extras."""
    data = event.data
    extras: dict[str, Any] = {
        "client::display": {"contentType": "text/markdown"},
        NAMESPACE: {
            "request_id": str(event.id),
            "alert_ids": [str(alert) for alert in data.alert_ids],
            "device": event.subject,
            "kind": data.kind,
            "severity": data.severity,
        },
    }
    if data.rule is not None:
        extras[NAMESPACE]["rule"] = data.rule
    body = data.body
    if data.runbook is not None:
        if data.runbook.startswith(("http://", "https://")):
            extras["client::notification"] = {"click": {"url": data.runbook}}
        if data.runbook not in body:
            body = f"{body}\n\nRunbook: {data.runbook}"
    # Gotify refuses a message without text.
    return Message(data.title, body.strip() or data.title or data.kind, _priority(event, settings), extras, event.id)


def _priority(event: NotificationRequested, settings: GotifySettings) -> int:
    if event.data.kind == "resolved":
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


def request_in(extras: object) -> UUID | None:
    """The request that a message came of; None for messages of others."""
    ours = extras.get(NAMESPACE) if isinstance(extras, dict) else None
    found = ours.get("request_id") if isinstance(ours, dict) else None
    try:
        return UUID(found) if isinstance(found, str) else None
    except ValueError:
        return None
