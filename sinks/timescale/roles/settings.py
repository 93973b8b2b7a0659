"""Names and passwords of the roles."""

from typing import Annotated, ClassVar, Self

from pydantic import Field, SecretStr, StringConstraints, model_validator

from runtime.settings import Concern
from runtime.settings.concern import SettingProblem

RoleName = Annotated[str, StringConstraints(pattern=r"^[^\x00]{1,63}$")]

KINDS = ("owner", "writer", "reader", "operator")


class RoleSettings(Concern):
    """Roles of the database, for `infrastructor db roles apply`. Without a password a new role cannot log in by one."""

    group: ClassVar[str] = "ROLES"
    title: ClassVar[str] = "Roles of the database"

    owner: RoleName = Field(
        "infrastructor", description="Owns the tables and migrates them.", examples=["infrastructor"]
    )
    writer: RoleName = Field(
        "infrastructor_writer", description="The sink's: stores, and deletes what is too old.", examples=["writer"]
    )
    reader: RoleName = Field("grafana", description="Grafana's: may only read.", examples=["grafana"])
    operator: RoleName = Field(
        "infrastructor_operator", description="Reads, checks and optimizes; changes no row.", examples=["operator"]
    )
    owner_password: SecretStr | None = Field(None, description="Password of the owner.", examples=["…"])
    writer_password: SecretStr | None = Field(None, description="Password of the writer.", examples=["…"])
    reader_password: SecretStr | None = Field(None, description="Password of the reader.", examples=["…"])
    operator_password: SecretStr | None = Field(None, description="Password of the operator.", examples=["…"])

    @model_validator(mode="after")
    def _four(self) -> Self:
        for at, kind in enumerate(KINDS):
            for before in KINDS[:at]:
                if getattr(self, kind) == getattr(self, before):
                    raise SettingProblem(kind, f"is the {before}'s name too: four roles need four names")
        return self

    def name(self, kind: str) -> str:
        """The name of one of `KINDS`."""
        return str(getattr(self, kind))

    def password(self, kind: str) -> str | None:
        """The password of one of `KINDS`, None when none is set."""
        secret: SecretStr | None = getattr(self, f"{kind}_password")
        return None if secret is None else secret.get_secret_value()
