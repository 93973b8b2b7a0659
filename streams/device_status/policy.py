"""The policy of device_status: data, carried by `rules.loaded` of the kind `status_policy`."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class StatusPolicy(BaseModel):
    """When a device is offline, degraded, flapping. Seconds are those of the liveness clock, but for the skew."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    offline_after_intervals: Positive = Field(
        default=3, description="Offline after so many of the device's shortest intervals without a sign of life."
    )
    offline_after_least_seconds: Positive = Field(
        default=15, description="Never sooner than that; nor than three ticks, in which liveness is counted."
    )
    most_skew_seconds: Positive = Field(default=600, description="A clock that is off by more makes it degraded.")
    forget_failing_after_seconds: Positive = Field(
        default=86_400, description="A failing collector of which nothing was heard for so long was switched off."
    )
    flap_transitions: Annotated[int, Field(ge=2, le=100)] = Field(
        default=6, description="So many transitions within the window, and the device is flapping."
    )
    flap_window_seconds: Positive = Field(default=600, description="The window in which transitions are counted.")
    flap_stable_seconds: Positive = Field(
        default=300, description="Flapping ends after so long without a transition: then the status is told again."
    )
