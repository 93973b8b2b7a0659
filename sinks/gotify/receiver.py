"""Gotify as a receiver: what waits becomes messages, and what is over may take the place of what was raised."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from runtime.log import Logger
from schemas.notification import NotificationRequested
from sinks.gotify.message import message_of, over_in, sent_in
from sinks.gotify.port import Gotify, Message, Sent
from sinks.gotify.settings import GotifySettings
from sinks.telling.port import Desk, Misconfigured, Refused

DESK = Desk("gotify", "no Gotify is configured: set INFRASTRUCTOR_GOTIFY__URL and INFRASTRUCTOR_GOTIFY__TOKEN")
RAISING = frozenset({"raised", "reminder", "escalation"})
_MOST_SEEN = 1000

Requests = Sequence[NotificationRequested]


class GotifyReceiver:
    """Tells through one server. What was seen there is remembered until `forget`."""

    takes_once = False

    def __init__(self, server: Gotify, settings: GotifySettings, log: Logger) -> None:
        self._server = server
        self._settings = settings
        self._log = log
        self._seen: list[Sent] | None = None

    async def send(self, requests: Requests) -> str:
        """Send one message; before that, delete those of which all is over now, where the settings want it so."""
        if self._settings.replace_resolved and any(over_in(one) for one in requests):
            await self._delete_what_is_over(requests)
        message = message_of(requests, self._settings)
        message_id = await self._server.send(message)
        self._remember(message_id, message)
        return message_id

    async def there(self, requests: Requests) -> Mapping[UUID, str] | None:
        """Which of the requests are among the newest messages."""
        seen = await self._look()
        if seen is None:
            return None
        by_request = {request: sent.message_id for sent in reversed(seen) for request in sent.requests}
        return {one.id: by_request[one.id] for one in requests if one.id in by_request}

    def forget(self) -> None:
        """Look again next time."""
        self._seen = None

    async def _look(self) -> list[Sent] | None:
        if self._seen is None:
            recent = await self._server.recent()
            self._seen = None if recent is None else list(recent)
        return self._seen

    async def _delete_what_is_over(self, requests: Requests) -> None:
        try:
            for sent in of_what_is_over(await self._look() or [], requests):
                await self._server.delete(sent.message_id)
                if self._seen is not None:
                    self._seen = [one for one in self._seen if one is not sent]
        except (Misconfigured, Refused) as error:
            # Better told beside the old message than not at all.
            self._log.warning("what is over was not deleted", why=str(error))

    def _remember(self, message_id: str, message: Message) -> None:
        sent = sent_in({"id": message_id, "extras": message.extras})
        if self._seen is not None and sent is not None:
            self._seen = [sent, *self._seen][:_MOST_SEEN]


def of_what_is_over(seen: Sequence[Sent], requests: Requests) -> list[Sent]:
    """The messages that told of alerts which all are over, by these requests or by what was sent before. Pure.

    A digest stays: it tells of other things, too.
    """
    now = frozenset[UUID]().union(*(over_in(one) for one in requests))
    over = now.union(*(sent.over for sent in seen))
    return [sent for sent in seen if sent.kind in RAISING and sent.alerts & now and sent.alerts <= over]
