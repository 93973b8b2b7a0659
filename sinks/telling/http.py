"""One server over HTTP: connections are kept, and what keeps it from answering is told apart from what it answers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import aiohttp

from runtime.redact import Redactor, sanitised
from sinks.telling.port import Away, Misconfigured

_LATER = frozenset({408, 425, 429})
_BETWEEN = frozenset({502, 504})
"""What a proxy answers when the receiver's own answer is lost: it may have taken the message."""
_ANSWER_CHARS = 500
_MOST_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered. `text` is one short line of it for people, without our secrets."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    text: str


class HttpServer:
    """A server that `name` names for people; `check` is what to check when something else answers."""

    def __init__(self, name: str, *, check: str, timeout_s: float, secrets: Iterable[str] = ()) -> None:
        self._name = name
        self._check = check
        self._timeout_s = timeout_s
        self._redactor = Redactor(secrets)
        self._session: aiohttp.ClientSession | None = None

    async def ask(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """Ask once, without following redirects; return the answer, whatever its status below 500.

        Raises Away when there is none, when it says "later" (408, 425, 429) or 5xx; Misconfigured for what is no HTTP.
        """
        try:
            async with self._opened().request(
                method, url, data=body, headers=headers, allow_redirects=False
            ) as response:
                answer = Answer(response.status, response.headers, await _some(response), "")
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError) as error:
            reason = self._line(str(error) or type(error).__name__)
            # Without a connection nothing was sent; otherwise the answer may be lost, not the message.
            sent = not isinstance(error, aiohttp.ClientConnectorError)
            raise Away(f"{self._name} cannot be reached ({reason})", maybe_taken=sent) from error
        except (aiohttp.ClientError, ValueError) as error:
            raise self.not_it(self._line(str(error) or type(error).__name__)) from error
        text = self._line(answer.body[: 4 * _ANSWER_CHARS].decode(errors="replace"))
        if answer.status in _LATER or answer.status >= 500:
            why = f"{self._name} answered {answer.status}: {text}"
            raise Away(why, retry_after_s=retry_after_s(answer.headers), maybe_taken=answer.status in _BETWEEN)
        return Answer(answer.status, answer.headers, answer.body, text)

    def not_it(self, why: str) -> Misconfigured:
        """The error that something answers there, but not what should."""
        return Misconfigured(f"{self._name} does not answer as it should ({why}): check {self._check}")

    async def close(self) -> None:
        """Close the connections. May be called twice."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _line(self, text: str) -> str:
        # Masked before it is cut, so that no part of a secret remains.
        return sanitised(self._redactor.text(text), _ANSWER_CHARS)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self._timeout_s))
        return self._session


async def _some(response: aiohttp.ClientResponse) -> bytes:
    parts, size = list[bytes](), 0
    async for part in response.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > _MOST_BYTES:
            raise ValueError(f"the answer is longer than {_MOST_BYTES >> 20} MiB")
    return b"".join(parts)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """When the server wants to be asked again (RFC 9110, section 10.2.3), seconds; a date counts by its own clock."""
    after = headers.get("Retry-After", "").strip()
    if after.isascii() and after.isdigit():
        return float(after)
    try:
        wait = parsedate_to_datetime(after) - parsedate_to_datetime(headers.get("Date", ""))
    except (TypeError, ValueError):
        return None
    return max(0.0, wait.total_seconds())
