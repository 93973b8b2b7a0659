"""What became of a request, as events.

Their ids depend on the request and the outcome alone: told twice is told once.
"""

from datetime import datetime

from schemas.identity import derived_id
from schemas.notification import (
    NotificationDelivered,
    NotificationDeliveredData,
    NotificationFailed,
    NotificationFailedData,
    NotificationRequested,
    NotificationSuppressed,
    NotificationSuppressedData,
)

RECEIVER = "gotify"
SOURCE = f"/sinks/{RECEIVER}"
_TEXT_CHARS = 4000

Outcome = NotificationDelivered | NotificationFailed | NotificationSuppressed


def delivered(
    request: NotificationRequested, message_id: str, *, attempts: int, already_there: bool, now: datetime
) -> NotificationDelivered:
    """The receiver has it."""
    return NotificationDelivered(
        id=derived_id(request.id, "delivered"),
        source=SOURCE,
        subject=request.subject,
        time=now,
        correlationid=request.correlationid,
        causationid=request.id,
        data=NotificationDeliveredData(
            request_id=request.id,
            receiver=RECEIVER,
            attempts=attempts,
            message_id=message_id,
            already_there=already_there,
        ),
    )


def failed(
    request: NotificationRequested, error_code: str, message: str, *, attempts: int, now: datetime
) -> NotificationFailed:
    """It will not reach the receiver."""
    return NotificationFailed(
        id=derived_id(request.id, "failed"),
        source=SOURCE,
        subject=request.subject,
        time=now,
        correlationid=request.correlationid,
        causationid=request.id,
        data=NotificationFailedData(
            request_id=request.id,
            receiver=RECEIVER,
            attempts=attempts,
            error_code=error_code,
            message=message[:_TEXT_CHARS].replace("\x00", ""),
        ),
    )


def not_configured(request: NotificationRequested, *, now: datetime) -> NotificationSuppressed:
    """Nobody is told, for no server is configured."""
    return NotificationSuppressed(
        id=derived_id(request.id, "suppressed"),
        source=SOURCE,
        subject=request.subject,
        time=now,
        correlationid=request.correlationid,
        causationid=request.id,
        data=NotificationSuppressedData(
            alert_ids=request.data.alert_ids,
            reason="not_configured",
            detail="no Gotify is configured: set INFRASTRUCTOR_GOTIFY__URL and INFRASTRUCTOR_GOTIFY__TOKEN",
            receiver=RECEIVER,
            request_id=request.id,
        ),
    )
