"""Matching's settings, from MATCHING_… variables."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from chassis.settings import ServiceSettings
from matching.domain.policy import POLICIES, POLICY, Policy
from matching.domain.service_hours import ServiceHours
from matching.domain.view import Expiry
from matching.workdays import is_holiday

HOUR_SECONDS = 3600


class Settings(ServiceSettings):
    """How long candidates may think, by the response time a job asks for, and how they are ranked."""

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

    gather_seconds: float = Field(
        default=0,
        ge=0,
        le=60,
        description="jobs that compete for one partner wait so long and are planned together; 0: never",
    )
    plan_seconds: float = Field(default=5, gt=0, le=8, description="how long the optimiser may take")
    service_opens: time = Field(
        default=time(8), description="offers expire in service hours: Mon to Fri from"
    )
    service_closes: time = Field(default=time(17), description="… until, by the clock in Germany")
    policy_version: str = Field(
        default=POLICY.version, description="the weights of the ranking: `matching policies`"
    )

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if self.service_opens >= self.service_closes:
            raise ValueError("service_opens should be before service_closes")
        if self.policy_version not in POLICIES:
            raise ValueError(f"policy_version should be one of {', '.join(POLICIES)}")
        return self

    @property
    def policy(self) -> Policy:
        """The published weights in force."""
        return POLICIES[self.policy_version]

    @property
    def expiry(self) -> Expiry:
        """The three in service hours of the place's state, or the one for all by the clock on the wall."""
        if self.offer_expiry_seconds is not None:
            one = timedelta(seconds=self.offer_expiry_seconds)
            return Expiry(one, one, one)
        return Expiry(
            timedelta(seconds=self.offer_expiry_four_hours_seconds),
            timedelta(seconds=self.offer_expiry_next_business_day_seconds),
            timedelta(seconds=self.offer_expiry_scheduled_seconds),
            ServiceHours(self.service_opens, self.service_closes, is_holiday),
        )
