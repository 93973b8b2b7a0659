"""Settings of the sinks: how batches are made, and when too much is refused."""

from typing import ClassVar, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from runtime.settings import Concern
from runtime.settings.concern import SettingProblem
from sinks.timescale.limits import Limit


class SinkSettings(Concern):
    """Sink: the size of a batch, how long it may wait, and when to stop rather than refuse more."""

    group: ClassVar[str] = "SINK"
    title: ClassVar[str] = "Sink into the database"

    batch_rows: int = Field(
        20_000, ge=1, le=1_000_000, description="A batch is stored when it has so many rows.", examples=["20000"]
    )
    batch_rows_behind: int = Field(
        100_000,
        ge=1,
        le=1_000_000,
        description="While the batch before is still being stored, the next grows up to so many rows.",
        examples=["100000"],
    )
    batch_window_s: float = Field(
        1.0,
        gt=0,
        le=60,
        description="A batch is stored after so long at the latest; status and alerts at once.",
        examples=["1"],
    )
    poll_records: int = Field(
        200, ge=1, le=10_000, description="Most records that are taken from Kafka at a time.", examples=["200"]
    )
    gap_grace_s: float = Field(
        300, ge=1, le=86_400, description="A hole in a sequence is told as a gap after so long.", examples=["300"]
    )
    refused_share: float = Field(
        0.01, gt=0, le=1, description="The sink stops when more of the newest records are refused.", examples=["0.01"]
    )
    refused_minimum: int = Field(
        100, ge=1, description="So many must be refused before their share counts.", examples=["100"]
    )
    refused_in_a_row: int = Field(
        1000, ge=1, description="The sink stops when so many in a row are refused.", examples=["1000"]
    )

    @property
    def limit(self) -> Limit:
        """When to stop."""
        return Limit(in_a_row=self.refused_in_a_row, share=self.refused_share, minimum=self.refused_minimum)


class GotifySettings(Concern):
    """Gotify: where it is, and how it is told. Without URL and token nobody is told, and that is recorded."""

    group: ClassVar[str] = "GOTIFY"
    title: ClassVar[str] = "Gotify"

    url: str | None = Field(None, description="Address of the server.", examples=["https://gotify.example"])
    token: SecretStr | None = Field(None, description="Token of the application to send as.", examples=["…"])
    client_token: SecretStr | None = Field(
        None,
        description="Token of a client: after a crash it tells whether a message is there, so none is sent twice.",
        examples=["…"],
    )
    priority_info: int = Field(2, ge=0, le=10, description="Priority of what is of severity info.", examples=["2"])
    priority_warning: int = Field(5, ge=0, le=10, description="Priority of warnings.", examples=["5"])
    priority_critical: int = Field(8, ge=0, le=10, description="Priority of what is critical.", examples=["8"])
    priority_resolved: int = Field(2, ge=0, le=10, description="Priority of what is over.", examples=["2"])
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

    @field_validator("url")
    @classmethod
    def _address(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("must begin with http:// or https:// and name a host")
        if parts.query or parts.fragment or parts.username or parts.password:
            raise ValueError("must be a plain address; tokens have settings of their own")
        return url.rstrip("/")

    @model_validator(mode="after")
    def _together(self) -> Self:
        for one, other in (("url", "token"), ("token", "url")):
            if getattr(self, one) is not None and getattr(self, other) is None:
                raise SettingProblem(other, f"is required with {self.variable(one)}")
        return self

    @property
    def configured(self) -> bool:
        """Whether anybody can be told."""
        return self.url is not None and self.token is not None
