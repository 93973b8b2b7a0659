"""Settings of the Gotify sink."""

from string import Formatter
from typing import ClassVar, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from runtime.settings.concern import SettingProblem
from sinks.telling.pace import Digesting
from sinks.telling.settings import TellingSettings, checked_address

LINKED = frozenset({"device", "alert_id", "rule"})
"""What the template of a link may name."""


class GotifySettings(TellingSettings):
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
    dashboard_url: str | None = Field(
        None,
        description="Where a message leads: an address with {device}, {alert_id}, {rule}; a click opens it.",
        examples=["https://grafana.example/d/infrastructor-device?var-device={device}"],
    )
    replace_resolved: bool = Field(
        default=False,
        description="What is over takes the place of what was raised: that is deleted. Needs the token of a client.",
        examples=["true"],
    )
    digest_over: int = Field(
        20, ge=1, le=500, description="When more wait, they are told in one message.", examples=["20"]
    )
    digest_after_s: float = Field(
        600, ge=1, description="Those that have waited longer are told in one message.", examples=["600"]
    )

    @field_validator("url")
    @classmethod
    def _address(cls, url: str | None) -> str | None:
        if url is None:
            return None
        if "?" in checked_address(url):
            raise ValueError("must be a plain address; tokens have settings of their own")
        return url.rstrip("/")

    @field_validator("dashboard_url")
    @classmethod
    def _template(cls, url: str | None) -> str | None:
        if url is None:
            return None
        if not url.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        for _, name, spec, conversion in Formatter().parse(url):
            if name is not None and (name not in LINKED or spec or conversion):
                known = ", ".join(f"{{{one}}}" for one in sorted(LINKED))
                raise ValueError(f"names {{{name}}}, but there are only {known}")
        return url

    @model_validator(mode="after")
    def _together(self) -> Self:
        for one, other in (("url", "token"), ("token", "url")):
            if getattr(self, one) is not None and getattr(self, other) is None:
                raise SettingProblem(other, f"is required with {self.variable(one)}")
        if self.replace_resolved and self.client_token is None:
            raise SettingProblem("client_token", f"is required with {self.variable('replace_resolved')}")
        return self

    @property
    def configured(self) -> bool:
        """Whether anybody can be told."""
        return self.url is not None and self.token is not None

    @property
    def digesting(self) -> Digesting | None:
        """When several that wait become one message."""
        return Digesting(over=self.digest_over, after_s=self.digest_after_s)
