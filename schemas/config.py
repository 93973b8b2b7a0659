"""config.*: configuration files, parsed and hashed, and what changed in them; secrets are masked beforehand."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from schemas.entity import EntityChange
from schemas.envelope import Envelope
from schemas.fields import Bytes, Code, Document, LongText, Name, Part, Path, Scalar, Sha256, Text, UtcTime, broken_rule

ConfigStatus = Literal["present", "disabled", "removed"]
ConfigHappening = Literal["appeared", "changed", "enabled", "disabled", "removed"]


class ConfigObservedData(Part):
    """One file: what was parsed, not the file itself. Published when the hash changes, and once a day."""

    kind: Code = Field(description="What it configures: `proxy` or `compose`.")
    path: Path
    name: Name | None = Field(default=None, description="What people call it: a proxy's application, a project.")
    present: bool = Field(default=True, description="False when a file that was there is gone.")
    enabled: bool | None = Field(default=None, description="False for a `.sample`.")
    content_hash: Sha256 | None = Field(default=None, description="Of the file's bytes.")
    previous_hash: Sha256 | None = None
    size_bytes: Bytes | None = None
    modified_at: UtcTime | None = None
    content: Document | None = Field(default=None, description="What was parsed, its form given by `kind`.")
    error: Text | None = Field(default=None, description="Why it could not be parsed, and where; then without content.")
    diff: LongText | None = Field(default=None, description="Unified, against the text last kept; secrets masked.")

    @model_validator(mode="after")
    def _hashed_when_present(self) -> Self:
        if self.present != (self.content_hash is not None):
            raise broken_rule("content_hash", "a file that is present has one, a file that is gone has none")
        return self


class ConfigObserved(Envelope):
    """A look at a configuration file."""

    TYPE: ClassVar[str] = "infrastructor.config.observed.v1"
    type: Literal["infrastructor.config.observed.v1"] = "infrastructor.config.observed.v1"
    data: ConfigObservedData


class ConfigDifference(Part):
    """A value in what was parsed that differs; `at` is a dotted path such as `services.web.image`."""

    at: Path
    before: Scalar | None = None
    after: Scalar | None = None


class ConfigChangedData(EntityChange):
    """What changed in a configuration file; `entity` is its path, shortened from the front when it is too long."""

    what: ConfigHappening
    previous: ConfigStatus | None = None
    status: ConfigStatus
    kind: Code
    path: Path
    previous_hash: Sha256 | None = None
    content_hash: Sha256 | None = None
    differences: tuple[ConfigDifference, ...] = ()
    diff: LongText | None = None
    note: Text | None = None


class ConfigChanged(Envelope):
    """A configuration file changed."""

    TYPE: ClassVar[str] = "infrastructor.config.changed.v1"
    type: Literal["infrastructor.config.changed.v1"] = "infrastructor.config.changed.v1"
    data: ConfigChangedData
