"""Matching's settings, from MATCHING_… variables."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chassis.settings import ServiceSettings
from matching.domain.view import Expiry

HOUR_SECONDS = 3600


class Settings(ServiceSettings):
    """How long candidates may think, by the response time a job asks for."""

    model_config = SettingsConfigDict(env_prefix="MATCHING_", frozen=True, extra="ignore")

    offer_expiry_scheduled_seconds: float = Field(default=4 * HOUR_SECONDS, gt=0, le=14 * 24 * HOUR_SECONDS)
    offer_expiry_next_business_day_seconds: float = Field(default=1800, gt=0, le=24 * HOUR_SECONDS)
    offer_expiry_four_hours_seconds: float = Field(default=900, gt=0, le=4 * HOUR_SECONDS)
    offer_expiry_seconds: float | None = Field(
        default=None, gt=0, description="one for all response times: for demonstrations and tests"
    )

    coverage_every_seconds: float = Field(
        default=300,
        ge=1,
        le=HOUR_SECONDS,
        description="how often coverage is measured, and told if it changed",
    )

    @property
    def expiry(self) -> Expiry:
        """The three, or the one for all."""
        three = (
            self.offer_expiry_four_hours_seconds,
            self.offer_expiry_next_business_day_seconds,
            self.offer_expiry_scheduled_seconds,
        )
        return Expiry(*(timedelta(seconds=self.offer_expiry_seconds or seconds) for seconds in three))
