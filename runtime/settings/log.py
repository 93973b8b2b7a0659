"""How to log."""

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from runtime.settings.concern import Concern


class LogSettings(Concern):
    """Log: for people or for machines, how much, and a rotating file when asked."""

    group: ClassVar[str] = "LOG"
    title: ClassVar[str] = "Log"

    format: Literal["auto", "console", "json"] = Field(
        "auto", description="console for people, json for machines, auto: console on a terminal.", examples=["json"]
    )
    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least severe that is logged.", examples=["info"]
    )
    file: Path | None = Field(
        None,
        description="Also written as JSON lines to this file, rotated; of `up`, a file for each process beside it.",
        examples=["/var/log/infrastructor/agent.log"],
    )
    file_bytes: int = Field(
        10_000_000, ge=10_000, description="The file is rotated at this size, bytes.", examples=["10000000"]
    )
    file_keep: int = Field(5, ge=1, le=100, description="Rotated files that are kept.", examples=["5"])
