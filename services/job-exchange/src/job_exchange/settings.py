"""job-exchange's settings, prefix JOB_EXCHANGE_."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from chassis.settings import ServiceSettings
from job_exchange.sealing import Sealing, private_key, public_key

NO_KEY = (
    "no sealing key: make one with `python -m contracts new-key`, keep the private part in a file that only "
    "this service can read, name that file here, and publish the public part to those who post jobs"
)


class Settings(ServiceSettings):
    """Without a key of its own the service could read no posting: it does not start."""

    model_config = SettingsConfigDict(env_prefix="JOB_EXCHANGE_", frozen=True, extra="ignore")

    sealing_key_file: Path | None = Field(
        default=None, validate_default=True, description="private JWK that postings are sealed to; required"
    )
    gateway_public_key_file: Path | None = Field(
        default=None, description="public JWK: reads work orders for contractors without a sealing key"
    )

    @field_validator("sealing_key_file")
    @classmethod
    def _sealing_key_is_usable(cls, file: Path | None) -> Path:
        if file is None:
            raise ValueError(NO_KEY)
        private_key(file)
        return file

    @field_validator("gateway_public_key_file")
    @classmethod
    def _gateway_key_is_usable(cls, file: Path | None) -> Path | None:
        if file is not None:
            public_key(file)
        return file

    def sealing(self) -> Sealing:
        """The keys, read."""
        if self.sealing_key_file is None:
            raise ValueError(NO_KEY)
        gateway = public_key(self.gateway_public_key_file) if self.gateway_public_key_file else None
        return Sealing(private_key(self.sealing_key_file), gateway)
