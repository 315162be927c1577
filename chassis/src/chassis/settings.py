"""A service's settings: environment variables with the service's prefix, frozen, checked at start."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, PostgresDsn, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceSettings(BaseSettings):
    """What every service needs. Each subclasses it with its own prefix: `JOB_EXCHANGE_DATABASE_URL` and so on."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    database_url: PostgresDsn = Field(description="postgresql+asyncpg://user:password@host:port/database")
    owner_database_url: PostgresDsn | None = Field(
        default=None,
        repr=False,
        description="the tables' owner, for `prepare` alone; the service's own role gets only what it needs",
    )
    database_pool_size: int = Field(default=8, ge=2, le=50)
    kafka_bootstrap_servers: str = Field(min_length=3, description="host:port, several with commas")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    kafka_username: str | None = None
    kafka_password: str | None = Field(default=None, repr=False)
    kafka_ca_file: Path | None = None
    kafka_replication: int | None = Field(
        default=None,
        ge=1,
        le=9,
        description="of topics created; by default 3, or as many as there are brokers",
    )
    snapshot_folder: Path | None = Field(
        default=None,
        description="where indexes in memory are kept between starts; none: topics are read anew",
    )
    http_host: str = "127.0.0.1"
    http_port: int = Field(default=0, ge=0, le=65535, description="0: any free port, told in the log")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "console"] = "json"
    development: bool = Field(default=False, description="take unsigned actors; never in production")
    trusted_issuers_file: Path | None = Field(default=None, description="JSON: issuer to its JWK set")
    signing_key_file: Path | None = Field(
        default=None, description="private JWK for the commands this service sends"
    )
    batch_max_records: int = Field(default=500, ge=1, le=5000)
    batch_max_records_of_partition: int = Field(
        default=32,
        ge=1,
        le=5000,
        description="bounds how long a flood in one partition keeps the others waiting",
    )
    partition_fetch_bytes: int = Field(
        default=262_144, ge=65_536, description="bounds what one flooded partition holds"
    )
    fetch_bytes: int = Field(
        default=1_048_576,
        ge=65_536,
        description="the most that a reader fetches at once from a broker; one larger message still comes",
    )
    poll_seconds: float = Field(
        default=1.0,
        ge=0.05,
        le=5,
        description="how long the broker keeps a request that finds nothing; what is there it answers at once, but "
        "a partition that a rebalance has brought, or that was just read, waits for the request under way",
    )
    session_timeout_ms: int = Field(default=10_000, ge=1_000, le=120_000)
    timer_poll_seconds: float = Field(
        default=1.0, gt=0, le=60, description="how late a timer may fire; due at once, it fires at once"
    )
    stop_seconds: float = Field(
        default=12.0, gt=0, le=13, description="how long a running batch may end on SIGTERM"
    )
    stuck_seconds: float = Field(
        default=90.0, ge=10, description="no life for so long: the process ends itself"
    )
    outbox_age_limit_seconds: float = Field(
        default=60.0, gt=0, description="older unsent messages: not ready"
    )

    @model_validator(mode="after")
    def _one_partition_does_not_fill_a_fetch(self) -> ServiceSettings:
        if self.fetch_bytes < 4 * self.partition_fetch_bytes:
            raise ValueError("set FETCH_BYTES to at least four times PARTITION_FETCH_BYTES")
        return self

    @model_validator(mode="after")
    def _somebody_is_trusted(self) -> ServiceSettings:
        if not self.development and self.trusted_issuers_file is None:
            raise ValueError("set TRUSTED_ISSUERS_FILE, or DEVELOPMENT=true to take unsigned actors")
        if not self.development and self.signing_key_file is None:
            raise ValueError("set SIGNING_KEY_FILE, or DEVELOPMENT=true to send unsigned commands")
        return self
