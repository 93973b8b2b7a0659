"""What a concern of the settings is: a frozen class of fields, each with a description and an example."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal
from urllib.parse import unquote, urlsplit

from pydantic import BeforeValidator, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

Source = Literal["default", "environment", "runtime.env", ".env", "local.env"]
"""Where a value can come from; the environment wins over `runtime.env`, that over `.env`, that over `local.env`."""


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


CommaList = Annotated[tuple[str, ...], BeforeValidator(_split)]
"""A list written with commas: `a,b,c`."""


class Concern(BaseSettings):
    """The settings of one concern; `group` gives the variables their names, `INFRASTRUCTOR_<GROUP>__<FIELD>`.

    Built directly, a concern takes only what it is given: `load` alone reads the environment and the files, so tests
    and other programs do not depend on where they run. Each field has `description` and `examples`.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    group: ClassVar[str]
    title: ClassVar[str]

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take values from the constructor only; `load` layers the others and remembers which gave what."""
        return (init_settings,)

    @classmethod
    def variable(cls, field: str) -> str:
        """Return the name of the environment variable that sets `field`."""
        prefix = f"INFRASTRUCTOR_{cls.group}__" if cls.group else "INFRASTRUCTOR_"
        return prefix + field.upper()


def is_secret(info: FieldInfo) -> bool:
    """Tell whether a field holds a secret: masked when shown, and also read from the file that `<VAR>_FILE` names."""
    return "SecretStr" in str(info.annotation) or info.annotation is SecretStr


def secret_values(*concerns: Concern) -> list[str]:
    """Return the secrets among the settings, passwords inside URLs too: what a log must never show."""
    values: list[str] = []
    for concern in concerns:
        for field, info in type(concern).model_fields.items():
            value = getattr(concern, field)
            if is_secret(info) and isinstance(value, SecretStr):
                values.append(value.get_secret_value())
                values += _password_in(value.get_secret_value())
    return [value for value in values if value]


def _password_in(text: str) -> list[str]:
    if "://" not in text:
        return []
    password = urlsplit(text).password
    return [password, unquote(password)] if password else []


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from: one of the sources, and the file that held it when `<VAR>_FILE` named one."""

    source: Source
    file: str | None = None

    def __str__(self) -> str:
        return f"{self.source} ({self.file})" if self.file else self.source


@dataclass(frozen=True, slots=True)
class Value:
    """One setting as it is in force: `shown` is masked when the field holds a secret."""

    variable: str
    field: str
    shown: str
    origin: Origin
    description: str


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a variable, and an example of a good value ('' when there is none)."""

    variable: str
    what: str
    example: str = ""

    def __str__(self) -> str:
        hint = f" (for example {self.variable}={self.example})" if self.example else ""
        return f"{self.variable}: {self.what}{hint}"


class SettingProblem(ValueError):
    """Raised by a check over several fields, to name the one to blame."""

    def __init__(self, field: str, what: str) -> None:
        super().__init__(what)
        self.field = field
