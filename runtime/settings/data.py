"""Where this installation keeps its data."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from runtime.settings.concern import Concern


class DataSettings(Concern):
    """The folder that holds what is kept on disk: the spool, the local broker and database, locks, logs."""

    group: ClassVar[str] = ""
    title: ClassVar[str] = "Data"

    data_dir: Path = Field(
        Path(".infrastructor"),
        description="The folder of spool, local broker and database.",
        examples=["/var/lib/infrastructor"],
    )
