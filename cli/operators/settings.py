"""Who speaks when nobody says so."""

from typing import ClassVar

from pydantic import Field

from runtime.settings.concern import Concern


class OperatorSettings(Concern):
    """The operator: by whose name `alerts`, `maintenance` and `baseline` speak."""

    group: ClassVar[str] = ""
    title: ClassVar[str] = "Operator"

    operator: str | None = Field(
        None,
        description="The name of who acknowledges, silences and accepts; the login name when not set.",
        examples=["ada"],
    )
