"""The policy of entity_status: data, carried by `rules.loaded` of the kind `entity_policy`."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

DAY_S = 86_400.0

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Celsius = Annotated[float, Field(ge=-60, le=200, allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
Percents = Annotated[tuple[Annotated[int, Field(ge=0, le=255)], ...], Field(max_length=16)]


class EntityPolicy(BaseModel):
    """From where on a thing is not as it should be. Ages are by event time: the look's, not the time of reading it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    disk_hot_celsius: Celsius = Field(default=55, description="Above it a rotating drive without its own limit is hot.")
    solid_state_hot_celsius: Celsius = Field(default=70, description="The same of solid state.")
    drive_limit_margin_celsius: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] = Field(
        default=5, description="A drive with its own limit is hot from so much below it."
    )
    drive_cold_celsius: Celsius = Field(default=5, description="Below it a drive is cold.")
    drive_hysteresis_celsius: Annotated[float, Field(ge=0, le=50, allow_inf_nan=False)] = Field(
        default=3, description="In range again only when so far inside it: no news while it hovers."
    )
    wear_levels_percent: Percents = Field(
        default=(80, 90, 100), description="Wear is told when it crosses one of them beyond what is accepted."
    )
    spare_levels_percent: Percents = Field(
        default=(75, 50, 25, 10), description="Spare is told when it falls to one of them beyond what is accepted."
    )
    pool_full_ratio: Share = Field(default=0.85, description="A pool is too full from here on.")
    pool_roomy_ratio: Share = Field(default=0.8, description="And no longer from here down.")
    scrub_overdue_seconds: Positive = Field(default=35 * DAY_S, description="The last scrub may be so old.")
    restart_loop_restarts: Annotated[int, Field(ge=2, le=1000)] = Field(
        default=3, description="So many restarts within the window are a loop."
    )
    restart_loop_seconds: Positive = Field(
        default=1800, description="That window; a loop is over after as long without a restart."
    )
    index_stale_seconds: Positive = Field(default=14 * DAY_S, description="The package index may be so old.")
    ephemeral_ports_from: Annotated[int, Field(ge=1024, le=65_536)] = Field(
        default=32_768,
        description="From here up UDP ports, and TCP ports of loopback addresses, are clients' and not told.",
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.pool_roomy_ratio > self.pool_full_ratio:
            raise ValueError("pool_roomy_ratio must not be above pool_full_ratio")
        return self
