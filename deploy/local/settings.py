"""Settings of the local stack."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from runtime.settings import Concern


class LocalSettings(Concern):
    """The embedded broker and database of `infrastructor up`."""

    group: ClassVar[str] = "LOCAL"
    title: ClassVar[str] = "Local stack"

    kafka_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="Port of the embedded broker; not set: the one of the last start, 19092 at first, or a free one.",
        examples=["19092"],
    )
    postgres_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="Port of the embedded database; not set: the one of the last start, 15432 at first, or a free one.",
        examples=["15432"],
    )
    kafka_heap_mb: int = Field(
        256, ge=128, le=65536, description="Largest heap of the embedded broker, MiB.", examples=["256"]
    )


class CacheSettings(Concern):
    """The folder of what can be fetched again: Kafka's jars, and the archive for quick broker starts."""

    group: ClassVar[str] = ""
    title: ClassVar[str] = "Cache"

    cache_dir: Path = Field(
        Path("~/.cache/infrastructor"),
        description="The folder of what can be fetched again, shared by all data folders.",
        examples=["/var/cache/infrastructor"],
    )
