"""Gotify over HTTP: `POST /message` as an application, `GET /message` as a client.

Source: the API of Gotify 2 and 3 (https://gotify.net/api-docs); errors are `{error, errorCode, errorDescription}`.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import aiohttp

from sinks.gotify.message import request_in
from sinks.gotify.port import Away, Message, Misconfigured, Refused
from sinks.settings import GotifySettings

NEWEST = 200
"""As many messages as one page may have."""

_ANSWER_CHARS = 500
# The address or the token is wrong, not the message: /message itself is not found, moved, or not for us.
_NOT_OURS = frozenset({301, 302, 303, 307, 308, 401, 403, 404, 405})
_LATER = frozenset({408, 425, 429})


class GotifyClient:
    """A server as the settings name it. Connections are kept; close it in the end."""

    def __init__(self, settings: GotifySettings) -> None:
        if settings.url is None or settings.token is None:
            raise ValueError("a client needs the address and the token of a server")
        self._url = settings.url
        self._settings = settings
        self._token = settings.token.get_secret_value()
        self._client_token = settings.client_token.get_secret_value() if settings.client_token else None
        self._session: aiohttp.ClientSession | None = None

    async def send(self, message: Message) -> str:
        """Send a message; return its id."""
        body = {
            "title": message.title,
            "message": message.message,
            "priority": message.priority,
            "extras": dict(message.extras),
        }
        answer = await self._ask("POST", "/message", token=self._token, body=body)
        number = answer.get("id") if isinstance(answer, dict) else None
        if not isinstance(number, int):
            raise Misconfigured(f"{self._url} answered, but not as a Gotify does: {self._variable('url')} is wrong")
        return str(number)

    async def recent(self) -> dict[UUID, str] | None:
        """Return the ids of the newest messages by their request; None without a client token."""
        if self._client_token is None:
            return None
        answer = await self._ask("GET", f"/message?limit={NEWEST}", token=self._client_token, body=None)
        messages = answer.get("messages") if isinstance(answer, dict) else None
        found: dict[UUID, str] = {}
        for one in messages or []:
            request = request_in(one.get("extras"))
            if request is not None:
                found[request] = str(one.get("id"))
        return found

    async def close(self) -> None:
        """Close the connections. May be called twice."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _ask(self, method: str, path: str, *, token: str, body: Mapping[str, Any] | None) -> Any:
        try:
            async with self._opened().request(
                method, self._url + path, json=body, headers={"X-Gotify-Key": token}, allow_redirects=False
            ) as response:
                text = await response.text(errors="replace")
                if response.status == 200:
                    return await response.json(content_type=None)
                raise self._failure(response, text)
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError) as error:
            reason = str(error) or type(error).__name__
            # Without a connection nothing was sent; otherwise the answer may be lost, not the message.
            sent = not isinstance(error, aiohttp.ClientConnectorError)
            raise Away(f"Gotify at {self._url} cannot be reached ({reason})", maybe_taken=sent) from error
        except (aiohttp.ClientError, ValueError) as error:
            raise Misconfigured(
                f"{self._url} answered, but not as a Gotify does ({error}): check {self._variable('url')}"
            ) from error

    def _failure(self, response: aiohttp.ClientResponse, text: str) -> Exception:
        answer = " ".join(text.split())[:_ANSWER_CHARS]
        status = response.status
        if status in _LATER or status >= 500:
            after = response.headers.get("Retry-After", "")
            wait_s = float(after) if after.isdigit() else None
            return Away(f"Gotify at {self._url} answered {status}: {answer}", retry_after_s=wait_s)
        if status in _NOT_OURS:
            check = f"check {self._variable('url')} and {self._variable('token')}"
            return Misconfigured(f"Gotify at {self._url} answered {status}: {answer}; {check}")
        return Refused(status, answer)

    def _variable(self, field: str) -> str:
        return self._settings.variable(field)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=self._settings.timeout_s)
            self._session = aiohttp.ClientSession(timeout=timeout)
        return self._session
