"""Settings of the webhook sink."""

from typing import ClassVar, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from runtime.settings.concern import SettingProblem
from sinks.telling.settings import TellingSettings, checked_address

SHORTEST_SECRET = 16


class WebhookSettings(TellingSettings):
    """Webhook: where events are posted to. Without URL and secret nobody is told, and that is recorded."""

    group: ClassVar[str] = "WEBHOOK"
    title: ClassVar[str] = "Webhook"

    # A secret, for with many receivers who knows the address may speak there.
    url: SecretStr | None = Field(
        None, description="Address that events are posted to.", examples=["https://hooks.example/infrastructor"]
    )
    secret: SecretStr | None = Field(
        None, description="What the events are signed with, 16 characters or more.", examples=["…"]
    )
    secret_old: SecretStr | None = Field(
        None, description="While the secret is changed, the one before: events are signed with both.", examples=["…"]
    )

    @field_validator("url")
    @classmethod
    def _address(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            checked_address(url.get_secret_value())
        return url

    @field_validator("secret", "secret_old")
    @classmethod
    def _long(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and len(secret.get_secret_value()) < SHORTEST_SECRET:
            raise ValueError(f"must have {SHORTEST_SECRET} characters or more (`openssl rand -hex 32`)")
        return secret

    @model_validator(mode="after")
    def _together(self) -> Self:
        for one, other in (("url", "secret"), ("secret", "url"), ("secret_old", "secret")):
            if getattr(self, one) is not None and getattr(self, other) is None:
                raise SettingProblem(other, f"is required with {self.variable(one)}")
        return self

    @property
    def configured(self) -> bool:
        """Whether anybody can be told."""
        return self.url is not None and self.secret is not None

    @property
    def secrets(self) -> tuple[str, ...]:
        """What to sign with, the new one first."""
        return tuple(one.get_secret_value() for one in (self.secret, self.secret_old) if one is not None)
