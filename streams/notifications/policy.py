"""The policy of notifications: data, carried by `rules.loaded` of the kind `notification_policy`."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from schemas.fields import Name


class NotificationPolicy(BaseModel):
    """Who is told: each receiver gets one request an alert raised or resolved; the sink of that name delivers it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    receivers: Annotated[tuple[Name, ...], Field(max_length=32)] = ("gotify",)
