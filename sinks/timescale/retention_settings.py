"""Settings of what is kept, for how long, and when chunks are compressed."""

from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from runtime.settings import Concern

LEAST_DAYS = 7
"""Rollups are computed again for late samples until two days before these are deleted: that needs some days."""


def _enough(days: int) -> int:
    if 0 < days < LEAST_DAYS:
        raise ValueError(f"must be 0 (for good) or at least {LEAST_DAYS}")
    return days


Days = Annotated[int, AfterValidator(_enough)]


class RetentionSettings(Concern):
    """Retention: days for which rows are kept, 0 for good. Takes effect with `infrastructor db retention apply`."""

    group: ClassVar[str] = "RETENTION"
    title: ClassVar[str] = "Retention in the database"

    samples_days: Days = Field(
        30, ge=0, le=36_500, description="Samples as they came; rollups stay longer.", examples=["30"]
    )
    samples_1m_days: Days = Field(90, ge=0, le=36_500, description="Samples by the minute.", examples=["90"])
    samples_1h_days: Days = Field(730, ge=0, le=36_500, description="Samples by the hour.", examples=["730"])
    samples_1d_days: Days = Field(0, ge=0, le=36_500, description="Samples by the day.", examples=["0"])
    events_days: Days = Field(365, ge=0, le=36_500, description="The register of events.", examples=["365"])
    collections_days: Days = Field(90, ge=0, le=36_500, description="The audit trail of looks.", examples=["90"])
    changes_days: Days = Field(730, ge=0, le=36_500, description="Changes of watched things.", examples=["730"])
    gone_days: Days = Field(
        90, ge=0, le=36_500, description="Rows of things that vanished, such as removed containers.", examples=["90"]
    )

    def keeps(self) -> dict[str, timedelta | None]:
        """By table how long rows are kept; None: for good."""
        days = {
            "metric_samples": self.samples_days,
            "metric_samples_1m": self.samples_1m_days,
            "metric_samples_1h": self.samples_1h_days,
            "metric_samples_1d": self.samples_1d_days,
            "events": self.events_days,
            "collections": self.collections_days,
            "entity_changes": self.changes_days,
            "gone": self.gone_days,
        }
        return {table: timedelta(days=count) if count else None for table, count in days.items()}
