"""The board, read: the state that the streams worker has stored, and what the log has beyond it."""

from dataclasses import dataclass
from datetime import UTC, datetime

from cli.operators.board import Board
from cli.operators.log import Extent, changelog, decoded, entries, extent
from cli.operators.stored import Stored, read_stored
from replay.plan import Reach
from runtime.settings import KafkaSettings
from schemas.registry import ALERTS, NOTIFICATIONS
from streams.notifications.policy import NotificationPolicy
from streams.stored import StateUnreadable

TABLE = "notifications"
DAY_MS = 86_400_000
WITHOUT_STATE_MS = 7 * DAY_MS
"""How far back `infra.alerts` is read when there is no state: a tick every 5 s makes a year of it long."""

_ON_ITS_WAY = 2


@dataclass(frozen=True, slots=True)
class Picture:
    """The board, and as of where.

    `applied` is the last offset of `infra.alerts` that the worker's state has (-1: there is none), `end` the offset
    after the last record; without a state, `read_from` is since when the log was read.
    """

    board: Board
    stored: Stored | None
    applied: int
    end: int
    read_from: datetime | None
    unreadable: str | None = None
    """Why the state that is there was not read."""

    def as_of(self) -> dict[str, object]:
        """Where it stands, as plain data."""
        return {
            "topic": ALERTS,
            "offset": self.end - 1,
            "state_offset": self.applied if self.applied >= 0 else None,
            "read_from": None if self.read_from is None else self.read_from.isoformat().replace("+00:00", "Z"),
        }

    def words(self) -> str:
        """Where it stands, in words."""
        if self.read_from is not None:
            since = f"{self.read_from:%Y-%m-%d %H:%M} UTC"
            why = self.unreadable or "no streams worker has stored a state"
            return f"from infra.alerts since {since} up to offset {self.end - 1}: {why}"
        behind = self.end - 1 - self.applied
        # A tick may be on its way into the state at any time.
        lag = f"; the streams worker stands {behind} records before that" if behind > _ON_ITS_WAY else ""
        return f"as of offset {self.end - 1} of infra.alerts{lag}"

    @property
    def policy(self) -> NotificationPolicy:
        """The policy of notifications in force; the default one when none is known."""
        return NotificationPolicy() if self.stored is None else self.stored.policy


async def picture(settings: KafkaSettings, *, now_ms: int, resolved_ms: int = 0) -> Picture:
    """Read the board; with `resolved_ms`, also what was resolved that lately.

    Raises TopicsMissing, KafkaUnavailable, KafkaRefused, StateUnreadable.
    """
    states = changelog(settings, TABLE)
    there = await extent(settings, [ALERTS], since_ms=0, optional=[states])
    stored, unreadable = None, None
    try:
        stored = read_stored(await entries(settings, there.whole(states)))
    except StateUnreadable as error:
        # The worker says the same and does not start: meanwhile the log has the answer.
        unreadable = error.message
    since_ms = now_ms - (WITHOUT_STATE_MS if stored is None else resolved_ms)
    far = await extent(settings, [ALERTS, NOTIFICATIONS], since_ms=since_ms)
    board = Board() if stored is None else stored.board
    async for record in decoded(settings, _reaches(far, stored)):
        board.fold(record)
    return Picture(
        board=board,
        stored=stored,
        applied=-1 if stored is None else stored.applied,
        end=far.end(ALERTS),
        read_from=None if stored is not None else datetime.fromtimestamp(since_ms / 1000, UTC),
        unreadable=unreadable,
    )


def _reaches(far: Extent, stored: Stored | None) -> list[Reach]:
    """What is read beside the state: what it has not applied yet, and all since the time of the extent.

    What the state has applied may be folded again: each thing ends as its last event says.
    """
    lately = far.since(ALERTS)
    if stored is not None:
        # Both reach to the end of the one partition.
        lately = sorted([*lately, *far.after(ALERTS, stored.applied)], key=lambda one: one.begin)[:1]
    return [*lately, *far.since(NOTIFICATIONS)]
