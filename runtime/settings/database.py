"""How to reach PostgreSQL or TimescaleDB."""

from pathlib import Path
from typing import ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from runtime.settings.concern import Concern, SettingProblem

SslMode = Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]


class PostgresSettings(Concern):
    """The database: as one URL, or host, port, user, password and name; a URL wins over those."""

    group: ClassVar[str] = "DATABASE"
    title: ClassVar[str] = "Database"

    url: SecretStr | None = Field(
        None,
        description="The whole address, in place of host, port, user, password and name.",
        examples=["postgresql://infrastructor:…@db.example:5432/infrastructor"],
    )
    host: str = Field("localhost", description="Host, or the folder of a Unix socket.", examples=["db.example"])
    port: int = Field(5432, ge=1, le=65535, description="Port.", examples=["5432"])
    user: str = Field("infrastructor", min_length=1, description="Name of the login.", examples=["infrastructor"])
    password: SecretStr | None = Field(None, description="Password of the login.", examples=["…"])
    name: str = Field("infrastructor", min_length=1, description="Name of the database.", examples=["infrastructor"])
    sslmode: SslMode | None = Field(
        None, description="How the connection is secured; `prefer` when nothing says.", examples=["verify-full"]
    )
    sslrootcert: Path | None = Field(
        None, description="Certificates (PEM) that sign the server's.", examples=["/etc/infrastructor/db-ca.pem"]
    )
    sslcert: Path | None = Field(
        None, description="Certificate (PEM) that shows who we are.", examples=["/etc/infrastructor/db-client.pem"]
    )
    sslkey: Path | None = Field(
        None,
        description="Its private key (PEM), which nobody else may read (mode 0600).",
        examples=["/etc/infrastructor/db-client.key"],
    )
    connect_timeout_s: int = Field(
        5, ge=1, le=60, description="A connection attempt fails after so long.", examples=["5"]
    )
    patience_s: float = Field(
        10, ge=0, le=600, description="A command gives up on a database that is away after so long.", examples=["10"]
    )
    statement_timeout_s: float = Field(
        60, ge=0, le=3600, description="A statement is cancelled after so long; 0: never.", examples=["60"]
    )
    idle_in_transaction_timeout_s: float = Field(
        30,
        ge=1,
        le=3600,
        description="A stopped process lets go of what its transaction locks after so long.",
        examples=["30"],
    )

    @field_validator("url")
    @classmethod
    def _address(cls, url: SecretStr | None) -> SecretStr | None:
        if url is None:
            return None
        try:
            parts = urlsplit(url.get_secret_value())
            port_is_good = parts.port is None or parts.port > 0
        except ValueError as error:
            raise ValueError(f"is no address: {error}") from None
        if parts.scheme not in {"postgresql", "postgres"} or not port_is_good:
            raise ValueError("must begin with postgresql://")
        if not parts.path.strip("/"):
            raise ValueError("names no database")
        return url

    @model_validator(mode="after")
    def _together(self) -> Self:
        for field in ("sslrootcert", "sslcert", "sslkey"):
            file: Path | None = getattr(self, field)
            if file is not None and not file.is_file():
                raise SettingProblem(field, "there is no such file")
        if (self.sslcert is None) != (self.sslkey is None):
            missing = "sslkey" if self.sslkey is None else "sslcert"
            raise SettingProblem(missing, "a certificate and its key go together: set both or none")
        if self.sslmode in {"verify-ca", "verify-full"} and self.sslrootcert is None and self.url is None:
            raise SettingProblem("sslrootcert", f"is required with sslmode {self.sslmode}")
        return self
