"""Settings of the sink into the database: how batches are made, and when too much is refused."""

from typing import ClassVar

from pydantic import Field

from runtime.settings import Concern
from sinks.timescale.limits import Limit


class SinkSettings(Concern):
    """Sink: the size of a batch, how long it may wait, and when to stop rather than refuse more."""

    group: ClassVar[str] = "SINK"
    title: ClassVar[str] = "Sink into the database"

    batch_rows: int = Field(
        20_000, ge=1, le=1_000_000, description="A batch is stored when it has so many rows.", examples=["20000"]
    )
    batch_rows_behind: int = Field(
        100_000,
        ge=1,
        le=1_000_000,
        description="While the batch before is still being stored, the next grows up to so many rows.",
        examples=["100000"],
    )
    batch_window_s: float = Field(
        1.0,
        gt=0,
        le=60,
        description="A batch is stored after so long at the latest; status and alerts at once.",
        examples=["1"],
    )
    poll_records: int = Field(
        200, ge=1, le=10_000, description="Most records that are taken from Kafka at a time.", examples=["200"]
    )
    gap_grace_s: float = Field(
        300, ge=1, le=86_400, description="A hole in a sequence is told as a gap after so long.", examples=["300"]
    )
    refused_share: float = Field(
        0.01, gt=0, le=1, description="The sink stops when more of the newest records are refused.", examples=["0.01"]
    )
    refused_minimum: int = Field(
        100, ge=1, description="So many must be refused before their share counts.", examples=["100"]
    )
    refused_in_a_row: int = Field(
        1000, ge=1, description="The sink stops when so many in a row are refused.", examples=["1000"]
    )

    @property
    def limit(self) -> Limit:
        """When to stop."""
        return Limit(in_a_row=self.refused_in_a_row, share=self.refused_share, minimum=self.refused_minimum)
