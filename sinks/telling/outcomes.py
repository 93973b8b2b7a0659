"""What became of a request, as events.

Their ids depend on the request and the outcome alone: told twice is told once.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

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
from sinks.telling.port import Desk

_TEXT_CHARS = 4000

Outcome = NotificationDelivered | NotificationFailed | NotificationSuppressed


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Makes the outcomes of one receiver's requests."""

    desk: Desk

    def delivered(
        self,
        request: NotificationRequested,
        message_id: str | None,
        *,
        attempts: int,
        already_there: bool,
        now: datetime,
    ) -> NotificationDelivered:
        """The receiver has it."""
        return NotificationDelivered(
            **self._envelope(request, "delivered", now=now),
            data=NotificationDeliveredData(
                request_id=request.id,
                receiver=self.desk.receiver,
                attempts=attempts,
                message_id=message_id,
                already_there=already_there,
            ),
        )

    def failed(
        self, request: NotificationRequested, error_code: str, message: str, *, attempts: int, now: datetime
    ) -> NotificationFailed:
        """It will not reach the receiver."""
        return NotificationFailed(
            **self._envelope(request, "failed", now=now),
            data=NotificationFailedData(
                request_id=request.id,
                receiver=self.desk.receiver,
                attempts=attempts,
                error_code=error_code,
                message=message[:_TEXT_CHARS].replace("\x00", ""),
            ),
        )

    def not_configured(self, request: NotificationRequested, *, now: datetime) -> NotificationSuppressed:
        """Nobody is told, for no receiver is configured."""
        return NotificationSuppressed(
            **self._envelope(request, "suppressed", now=now),
            data=NotificationSuppressedData(
                alert_ids=request.data.alert_ids,
                reason="not_configured",
                detail=self.desk.unconfigured,
                receiver=self.desk.receiver,
                request_id=request.id,
            ),
        )

    def _envelope(self, request: NotificationRequested, outcome: str, *, now: datetime) -> dict[str, Any]:
        return {
            "id": derived_id(request.id, outcome),
            "source": self.desk.source,
            "subject": request.subject,
            "time": now,
            "correlationid": request.correlationid,
            "causationid": request.id,
        }
