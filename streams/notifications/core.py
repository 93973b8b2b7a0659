"""The core of notifications: folds `infra.alerts` into who is told what, and who is not and why.

Records change what is known; ticks decide. So what belongs together is seen together, whichever came first.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from schemas.registry import ALERTS, NOTIFICATIONS
from schemas.rules import RulesKind
from streams.derivation import Moment
from streams.fleet import FleetDerivation, FleetStep, Parts
from streams.notifications.deciding import decide
from streams.notifications.draft import Draft
from streams.notifications.hearing import hear
from streams.notifications.policy import NotificationPolicy
from streams.notifications.routing import route_again
from streams.notifications.state import PARTS


class Notifications(FleetDerivation[NotificationPolicy]):
    """The derivation `notifications`: reads `infra.alerts`, writes `infra.notifications`."""

    name = "notifications"
    table = "notifications"
    source = "/streams/notifications"
    reads = ALERTS
    writes = NOTIFICATIONS
    rules_kind: RulesKind = "notification_policy"
    part_types = PARTS

    def read_policy(self, document: Mapping[str, Any] | None, digest: str) -> NotificationPolicy:
        """The policy in a document; the default one without. Raises ValueError, which names the field."""
        del digest
        try:
            return NotificationPolicy.model_validate(document or {})
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            field = ".".join(["notifications", *(str(part) for part in first["loc"])])
            raise ValueError(f"{field}: {first['msg'].removeprefix('Value error, ')}") from error

    def on_record(self, parts: Parts, at: Moment[NotificationPolicy]) -> FleetStep:
        """Take in what an alert or an operator says."""
        draft = Draft(parts, at)
        hear(draft)
        return draft.step()

    def on_tick(self, parts: Parts, at: Moment[NotificationPolicy]) -> FleetStep:
        """Decide what is due."""
        draft = Draft(parts, at)
        decide(draft)
        return draft.step()

    def on_rules(self, parts: Parts, at: Moment[NotificationPolicy]) -> FleetStep:
        """Lead every alert anew; what was told stays told."""
        draft = Draft(parts, at)
        for alert in draft.alerts():
            if alert.firing:
                route_again(draft, alert)
        return draft.step()
