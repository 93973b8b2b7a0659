"""The board as the streams worker has stored it: the parts of the state of notifications, all as of one offset."""

from collections.abc import Mapping
from dataclasses import dataclass

from cli.operators.board import Alert, Board
from streams.fleet_stored import LoadedParts, load_parts
from streams.notifications import state as parts
from streams.notifications.policy import NotificationPolicy

PARTITION = 0
"""`infra.alerts` has one."""

_LANES: Mapping[parts.Lane, str] = {
    "group": "for others of its group (group_wait)",
    "digest": "for the next digest, because of quiet hours or a limit",
    "backlog": "until the backlog that it came with is over",
}


@dataclass(frozen=True, slots=True)
class Stored:
    """The board as of the record `applied` of `infra.alerts`, and the policy in force."""

    board: Board
    applied: int
    policy: NotificationPolicy


def read_stored(entries: Mapping[bytes, bytes]) -> Stored | None:
    """The board in the entries of the changelog; None when nothing is stored. Raises StateUnreadable."""
    loaded = load_parts(PARTITION, entries.items(), parts.PARTS)
    if loaded.partition.offset < 0:
        return None
    board = Board()
    for (kind, _), part in loaded.parts.items():
        if kind == parts.ALERT:
            board.alerts[part.id] = _alert(part)
        elif kind == parts.SILENCE:
            board.silences[part.id] = part
        elif kind == parts.MAINTENANCE:
            board.maintenance[part.id] = part
    return Stored(board, loaded.partition.offset, _policy(loaded))


def _policy(loaded: LoadedParts) -> NotificationPolicy:
    rules = loaded.partition.rules
    document = {} if rules is None else loaded.document(rules.digest)
    try:
        return NotificationPolicy.model_validate(document)
    except ValueError:
        # The worker would have refused it; another version may know more.
        return NotificationPolicy()


def _alert(part: parts.Alert) -> Alert:
    over = part.resolved
    return Alert(
        id=part.id,
        device=part.device,
        rule=part.rule,
        severity=part.severity,
        summary=part.summary,
        raised_at=part.raised_at,
        since=part.since,
        labels=part.labels,
        groups=part.groups,
        parents=part.parents,
        value=part.value,
        unit=part.unit,
        description=part.description,
        runbook=part.runbook,
        historical=part.historical,
        resolved_at=None if over is None else over.at,
        resolved_because=None if over is None else over.reason,
        acknowledged=part.acknowledged,
        told=tuple(name for name, telling in sorted(part.tellings.items()) if telling.told_ms is not None),
        waiting=tuple(_waits(name, telling) for name, telling in sorted(part.tellings.items()) if _is_waiting(telling)),
        held=_held(part),
        offset=part.offset,
    )


def _held(part: parts.Alert) -> tuple[parts.Held, ...]:
    if not part.tellings:
        return (parts.Held("no_route"),)
    return tuple(telling.held for _, telling in sorted(part.tellings.items()) if telling.held is not None)


def _is_waiting(telling: parts.Telling) -> bool:
    # Of what is held back there is a decision, which says why.
    return telling.stage == "waiting" and telling.held is None


def _waits(receiver: str, telling: parts.Telling) -> str:
    return f"{receiver} is to be told, and waits {_LANES[telling.lane]}"
