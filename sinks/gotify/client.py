"""Gotify over HTTP: `POST /message` as an application, `GET /message` and `DELETE /message/{id}` as a client.

Source: the API of Gotify 2 and 3 (https://gotify.net/api-docs); errors are `{error, errorCode, errorDescription}`.
"""

from typing import Any

import orjson

from runtime.settings.concern import secret_values
from sinks.gotify.message import sent_in
from sinks.gotify.port import Message, Sent
from sinks.gotify.settings import GotifySettings
from sinks.telling.http import Answer, HttpServer
from sinks.telling.port import Misconfigured, Refused

NEWEST = 200
"""As many messages as one page may have."""

PAGES = 5

# The address or the token is wrong, not the message: /message itself is not found, moved, or not for us.
_NOT_OURS = frozenset({301, 302, 303, 307, 308, 401, 403, 404, 405})


class GotifyClient:
    """A server as the settings name it. Connections are kept; close it in the end."""

    def __init__(self, settings: GotifySettings) -> None:
        if settings.url is None or settings.token is None:
            raise ValueError("a client needs the address and the token of a server")
        self._url = settings.url
        self._settings = settings
        self._token = settings.token.get_secret_value()
        self._client_token = settings.client_token.get_secret_value() if settings.client_token else None
        self._appid: int | None = None
        self._http = HttpServer(
            f"Gotify at {self._url}",
            check=settings.variable("url"),
            timeout_s=settings.timeout_s,
            secrets=secret_values(settings),
        )

    async def send(self, message: Message) -> str:
        """Send a message; return its id."""
        body = {
            "title": message.title,
            "message": message.message,
            "priority": message.priority,
            "extras": dict(message.extras),
        }
        answer = self._document(await self._ask("POST", "/message", body=orjson.dumps(body)))
        number = answer.get("id") if isinstance(answer, dict) else None
        if not isinstance(number, int):
            raise self._http.not_it("no id of a message in the answer")
        if isinstance(answer.get("appid"), int):
            self._appid = answer["appid"]
        return str(number)

    async def recent(self) -> tuple[Sent, ...] | None:
        """Return what of the newest 1,000 messages is ours; None without a client token.

        Of our application's, once we know which that is: until a message was sent, of all applications'.
        """
        if self._client_token is None:
            return None
        place = "/message" if self._appid is None else f"/application/{self._appid}/message"
        found: list[Sent] = []
        before = 0
        for _ in range(PAGES):
            query = f"?limit={NEWEST}" + (f"&since={before}" if before else "")
            page = self._document(await self._ask("GET", place + query, as_client=True))
            messages = page.get("messages") if isinstance(page, dict) else None
            if not isinstance(messages, list):
                raise self._http.not_it("no messages in the answer")
            found += [sent for one in messages if (sent := sent_in(one)) is not None]
            if len(messages) < NEWEST:
                break
            before = min(int(one["id"]) for one in messages)
        return tuple(found)

    async def delete(self, message_id: str) -> None:
        """Delete a message, if it is there."""
        await self._ask("DELETE", f"/message/{message_id}", as_client=True)

    async def close(self) -> None:
        """Close the connections. May be called twice."""
        await self._http.close()

    async def _ask(self, method: str, path: str, *, body: bytes | None = None, as_client: bool = False) -> Answer:
        key = self._client_token if as_client else self._token
        headers = {"X-Gotify-Key": key or "", "Content-Type": "application/json"}
        answer = await self._http.ask(method, self._url + path, headers=headers, body=body)
        if answer.status == 200 or (method == "DELETE" and answer.status == 404):
            return answer
        if answer.status in _NOT_OURS:
            variable = self._settings.variable("client_token" if as_client else "token")
            check = f"check {self._settings.variable('url')} and {variable}"
            raise Misconfigured(f"Gotify at {self._url} answered {answer.status}: {answer.text}; {check}")
        raise Refused(answer.status, answer.text)

    def _document(self, answer: Answer) -> Any:
        try:
            return orjson.loads(answer.body)
        except orjson.JSONDecodeError as error:
            raise self._http.not_it("no JSON") from error
