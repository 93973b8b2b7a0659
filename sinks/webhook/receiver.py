"""A webhook as a receiver: `POST` of the request as it is in the log.

Source: the CloudEvents HTTP protocol binding 1.0.2, structured mode; its webhook specification says what 410 means.
"""

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit
from uuid import UUID

from runtime.clock import Clock
from runtime.settings.concern import secret_values
from schemas.codec import encode
from schemas.notification import NotificationRequested
from sinks.telling.http import HttpServer
from sinks.telling.port import Desk, Misconfigured, Refused
from sinks.webhook.settings import WebhookSettings
from sinks.webhook.signature import SIGNATURE, signature

DESK = Desk("webhook", "no webhook is configured: set INFRASTRUCTOR_WEBHOOK__URL and INFRASTRUCTOR_WEBHOOK__SECRET")
CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
ONCE = "Idempotency-Key"
"""The header with the event's id: a receiver takes each id once."""

# Who asks is not let in, or is sent elsewhere: the secret or the address is wrong, not the event.
_NOT_OURS = frozenset({301, 302, 303, 307, 308, 401, 403})


class WebhookReceiver:
    """Posts to the address that the settings name. Connections are kept; close it in the end."""

    takes_once = True

    def __init__(self, settings: WebhookSettings, clock: Clock) -> None:
        if settings.url is None or settings.secret is None:
            raise ValueError("a webhook needs an address and a secret")
        self._settings = settings
        self._clock = clock
        self._url = settings.url.get_secret_value()
        parts = urlsplit(self._url)
        # The rest of the address may be a secret.
        self._name = f"the webhook at {parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
        self._http = HttpServer(
            self._name,
            check=settings.variable("url"),
            timeout_s=settings.timeout_s,
            secrets=[*secret_values(settings), parts.path.strip("/"), parts.query],
        )

    async def send(self, requests: Sequence[NotificationRequested]) -> None:
        """Post each request; the answer has no id of a message."""
        for request in requests:
            await self._post(encode(request), request.id)

    async def there(self, requests: Sequence[NotificationRequested]) -> Mapping[UUID, str] | None:
        """Nothing to ask: the receiver takes each id once."""
        del requests
        return None

    def forget(self) -> None:
        """Nothing is remembered."""

    async def close(self) -> None:
        """Close the connections. May be called twice."""
        await self._http.close()

    async def _post(self, body: bytes, event_id: UUID) -> None:
        unix_s = self._clock.now_ms() // 1000
        headers = {
            "Content-Type": CONTENT_TYPE,
            SIGNATURE: signature(body, secrets=self._settings.secrets, unix_s=unix_s),
            ONCE: str(event_id),
        }
        answer = await self._http.ask("POST", self._url, headers=headers, body=body)
        if 200 <= answer.status < 300:
            return
        if answer.status in _NOT_OURS:
            check = f"check {self._settings.variable('url')} and {self._settings.variable('secret')}"
            raise Misconfigured(f"{self._name} answered {answer.status}: {answer.text}; {check}")
        raise Refused(answer.status, answer.text)
