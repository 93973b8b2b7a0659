"""The events of a text as an agent would publish them, for those who look without one: nothing is kept or sent."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from collectors.account import Account, Observing
from collectors.device import Device
from collectors.look import Look, Told
from runtime.errors import InputInvalid
from schemas.codec import encode
from schemas.metric import MetricCollected
from schemas.refusal import EventRefused
from schemas.registry import METRICS

NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)
NO_EPOCH = UUID("00000000-0000-7000-8000-000000000000")
"""Stands where an agent's epoch would: a valid UUIDv7, of no agent."""

NO_RUN = UUID("00000000-0000-7000-8000-000000000001")
_FIRST_EVENT = 0x100


def read_told(look: Look[Any], text: str, *, before: str | None = None) -> Told:
    """Return what a look's raw text tells; `before` is that of the look before. Raises ParseError."""
    parse = look.parse_any or look.parse
    earlier = parse(before) if before is not None else None
    return look.tell(parse(text), earlier)


def read_events(told: Told, look: Look[Any], device: Device) -> tuple[bytes, ...]:
    """Return the events of what was told, the same for the same text: time, ids, epoch and sequences are placeholders.

    Raises InputInvalid for what is no valid event.
    """
    return told_events(look, told, device, at=NO_TIME)


def told_events(look: Look[Any], told: Told, device: Device, *, at: datetime) -> tuple[bytes, ...]:
    """Return what a look told as events with placeholders. Raises InputInvalid for what is no valid event."""
    observing = Observing(device.id, "0", _numbered_ids())
    account = Account(observing, device, look, NO_RUN, duration_s=0.0, skew_s=None)
    # What is known of the device without looking is not of the text: it would stand before all metrics.
    drafts = [
        draft
        for draft in account.answered(told, at=at, remembered=None).drafts[:-1]
        if draft.topic != METRICS or draft.model is MetricCollected
    ]
    following: dict[str, int] = {}
    events = []
    for draft in drafts:
        following[draft.topic] = following.get(draft.topic, 0) + 1
        try:
            event = draft.numbered(agent=device.id, epoch=NO_EPOCH, sequence=following[draft.topic])
            events.append(encode(event))
        except EventRefused as error:
            raise InputInvalid(f"what was seen is no valid event: {error}", operation="tell events") from error
    return tuple(events)


def _numbered_ids() -> Callable[[], UUID]:
    numbers = itertools.count(_FIRST_EVENT)
    return lambda: UUID(int=NO_EPOCH.int + next(numbers))
