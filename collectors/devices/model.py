"""What devices.yaml may say."""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from collectors.devices.address import LARGEST_PORT, split_host
from collectors.request import FileSet
from collectors.ssh.target import PORT
from runtime.durations import duration
from runtime.errors import InputInvalid
from schemas.fields import DeviceId, Labels, Name

LEAST_INTERVAL_S = 0.1
LARGEST_INTERVAL_S = 31 * 86_400


def _as_seconds(value: object) -> object:
    return duration(value).total_seconds() if isinstance(value, str) else value


def _as_host(value: object) -> object:
    # In YAML, `host: 10` is a number.
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _as_intervals(value: object) -> object:
    return dict.fromkeys(value) if isinstance(value, list) else value


def _as_pattern(value: str) -> str:
    FileSet((value,))
    return value


def _as_jump(value: str) -> str:
    try:
        split_host(value.rpartition("@")[2])
    except InputInvalid:
        raise ValueError(f"the port is a number from 1 to {LARGEST_PORT}") from None
    return value


FilePattern = Annotated[str, AfterValidator(_as_pattern)]
Interval = Annotated[
    Annotated[float, Field(ge=LEAST_INTERVAL_S, le=LARGEST_INTERVAL_S)] | None, BeforeValidator(_as_seconds)
]
Host = Annotated[str, Field(pattern=r"^(?:::|[A-Za-z0-9_])[A-Za-z0-9._:%-]{0,252}$"), BeforeValidator(_as_host)]
User = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._@\\+-]{0,63}\$?$")]
PortNumber = Annotated[int, Field(ge=1, le=LARGEST_PORT, strict=True)]
Path = Annotated[str, Field(min_length=1, max_length=4096, pattern=r"^[^\x00\n]+$")]
Jump = Annotated[str, Field(pattern=r"^(?:::|[A-Za-z0-9_\[])[A-Za-z0-9._:%@\[\]-]{0,300}$"), AfterValidator(_as_jump)]
Patterns = Annotated[tuple[FilePattern, ...], Field(min_length=1, max_length=64)]
"""Paths of files, `*` allowed; None: those of the settings."""

Collectors = Annotated[dict[Name, Interval], BeforeValidator(_as_intervals)]
"""Which collectors are on; None: at the interval that the settings give."""


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Defaults(_Entry):
    """What holds for every device that does not say otherwise."""

    user: User | None = None
    port: PortNumber = PORT
    key: Path | None = None
    jump: Jump | None = None
    collectors: Collectors | None = None
    proxy_configs: Patterns | None = None
    compose_files: Patterns | None = None


class Entry(_Entry):
    """One device. `host` is how it is reached, else its id; `jump` is the id of another, or `[user@]host[:port]`.

    `collectors` is a list of names, or names with intervals; all of them when not given. `proxy_configs` and
    `compose_files` are the files to read there, instead of those that the settings name.
    """

    id: DeviceId
    host: Host | None = None
    user: User | None = None
    port: PortNumber | None = None
    key: Path | None = None
    jump: Jump | None = None
    groups: tuple[Name, ...] = ()
    parents: tuple[DeviceId, ...] = ()
    labels: Labels = Field(default_factory=dict)
    collectors: Collectors | None = None
    proxy_configs: Patterns | None = None
    compose_files: Patterns | None = None
    enabled: bool = True

    @field_validator("groups", "parents")
    @classmethod
    def _once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) != len(value):
            raise ValueError("names the same twice")
        return value

    @property
    def address(self) -> str:
        """The host name or address to connect to."""
        return self.host or self.id


class DeviceList(_Entry):
    """The whole file, defaults worked into the devices."""

    defaults: Defaults = Defaults()
    devices: tuple[Entry, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _given(cls, value: Any) -> Any:
        # An empty file, or `devices:` with nothing after it, is a list of none.
        if value is None:
            return {}
        if isinstance(value, dict):
            return {key: part for key, part in value.items() if part is not None}
        return value

    def get(self, device: str) -> Entry | None:
        """Return the device of that id; None when it is not listed."""
        return next((entry for entry in self.devices if entry.id == device), None)

    def filled(self) -> Self:
        """Return the list with the defaults worked in."""
        given = {name: value for name, value in self.defaults if value is not None}
        filled = tuple(
            entry.model_copy(
                update={
                    name: value
                    for name, value in given.items()
                    # The host that all others are reached over is not reached over itself.
                    if getattr(entry, name) is None and not (name == "jump" and value == entry.id)
                }
            )
            for entry in self.devices
        )
        return self.model_copy(update={"devices": filled})
