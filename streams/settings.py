"""Settings of the streams worker."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from runtime.settings import Concern


class StreamsSettings(Concern):
    """Streams: the rules, the size of a batch, how often time is put into the log."""

    group: ClassVar[str] = "STREAMS"
    title: ClassVar[str] = "Streams"

    rules_file: Path | None = Field(
        None,
        description="The rules of the alerts; those that come with this version when not set.",
        examples=["/etc/infrastructor/rules.yaml"],
    )
    policies_file: Path | None = Field(
        None,
        description="The policies (when a device is offline, who is told); those of this version when not set.",
        examples=["/etc/infrastructor/policies.yaml"],
    )
    rules_poll_s: float = Field(
        2, gt=0, le=3600, description="How often the files of rules and policies are looked at.", examples=["2"]
    )
    tick_s: float = Field(
        5, ge=0.05, le=3600, description="Period of the ticks in which liveness is counted.", examples=["5"]
    )
    batch_records: int = Field(
        1000, ge=1, le=100_000, description="A batch has at most so many records.", examples=["1000"]
    )
    batch_window_s: float = Field(
        0.1, gt=0, le=10, description="A batch is worked off after so long at the latest.", examples=["0.1"]
    )
    patience_s: float = Field(
        30, ge=0, le=600, description="Kafka may refuse a batch for so long before the worker ends.", examples=["30"]
    )
    stuck_s: float = Field(
        90,
        ge=5,
        le=3600,
        description="A worker with records to read that got no further for so long ends, to be started again.",
        examples=["90"],
    )
    poison_share: float = Field(
        0.01, gt=0, le=1, description="The worker ends when more of the records cannot be processed.", examples=["0.01"]
    )
    poison_minimum: int = Field(
        100, ge=1, description="So many must have failed before their share counts.", examples=["100"]
    )
    poison_in_a_row: int = Field(
        1000, ge=1, description="The worker ends when so many in a row cannot be processed.", examples=["1000"]
    )


def default_rules() -> Path:
    """The rules of the source tree, or the copy that an installation carries in its `deploy` folder."""
    return _shipped("rules.yaml")


def default_policies() -> Path:
    """The policies of the source tree, or the copy that an installation carries in its `deploy` folder."""
    return _shipped("policies.yaml")


def _shipped(name: str) -> Path:
    root = Path(__file__).resolve().parents[1]
    source = root / name
    return source if source.is_file() else root / "deploy" / name
