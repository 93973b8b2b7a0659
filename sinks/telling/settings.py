"""The settings that every sink which tells has: its pace, and when it stops trying."""

from abc import abstractmethod
from urllib.parse import urlsplit

from pydantic import Field

from runtime.settings import Concern
from sinks.telling.pace import Digesting


class TellingSettings(Concern):
    """How fast messages are sent, how long one may take, and for how long they are tried."""

    rate_per_s: float = Field(2.0, gt=0, le=1000, description="Most messages a second over some time.", examples=["2"])
    burst: int = Field(10, ge=1, le=1000, description="Most messages at once.", examples=["10"])
    timeout_s: float = Field(10.0, gt=0, le=120, description="A request fails after so long.", examples=["10"])
    retry_first_s: float = Field(
        1.0, gt=0, le=60, description="Wait before the second attempt; later ones wait longer.", examples=["1"]
    )
    give_up_after_s: float = Field(
        86_400,
        ge=1,
        description="A message that cannot be delivered is given up after so long, and recorded as failed.",
        examples=["86400"],
    )

    @property
    @abstractmethod
    def configured(self) -> bool:
        """Whether anybody can be told."""

    @property
    def digesting(self) -> Digesting | None:
        """When several that wait become one message; None: never."""
        return None


def checked_address(url: str) -> str:
    """Return an http address as it is; ValueError when it is none, or carries a login or a fragment."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must begin with http:// or https:// and name a host")
    if parts.fragment or parts.username or parts.password:
        raise ValueError("must be a plain address, without a login or a #fragment")
    return url
