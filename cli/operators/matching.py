"""Which alerts a silence or maintenance means, as the notifications derivation judges it."""

from collections.abc import Mapping
from datetime import datetime

from cli.operators.board import Alert, Board
from streams.notifications import matchers as judged
from streams.notifications.state import Maintenance, Silence


def concerns(alert: Alert, subject: str, matchers: Mapping[str, str], *, groups: tuple[str, ...] = ()) -> bool:
    """Whether an alert is one of those: of the subject, of one of the groups if any are named, and matched by all."""
    return judged.concerns(subject, groups, alert) and judged.matches(matchers, alert)


def silences_of(alert: Alert, board: Board, now: datetime) -> list[Silence]:
    """The silences that hold for an alert now."""
    return [
        one
        for one in board.silences.values()
        if one.starts_at <= now < one.ends_at and concerns(alert, one.subject, one.matchers)
    ]


def maintenance_of(alert: Alert, board: Board, now: datetime) -> list[Maintenance]:
    """The announced maintenance that holds for an alert now; what recurs by the policy is not in the board."""
    return [
        one
        for one in board.maintenance.values()
        if one.starts_at <= now
        and (one.ends_at is None or now < one.ends_at)
        and concerns(alert, one.subject, one.matchers, groups=one.groups)
    ]
