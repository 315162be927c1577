"""The registry's settings: environment variables with the prefix PARTNER_REGISTRY_."""

from __future__ import annotations

import re
from email.utils import parseaddr
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import SettingsConfigDict

from chassis.settings import ServiceSettings
from partner_registry.mail import SmtpServer, smtp_server

_LINK_BASE = re.compile(r"https?://[A-Za-z0-9._:\[\]-]+(/[A-Za-z0-9._~/-]*)?")
_LONGEST_LINK_BASE = 200


def _link_base(url: str) -> str:
    if len(url) > _LONGEST_LINK_BASE or not _LINK_BASE.fullmatch(url):
        raise ValueError("should look like https://servicenetz.example")
    return url.rstrip("/")


def _smtp(url: str) -> str:
    smtp_server(url)
    return url


def _sender(address: str) -> str:
    _, plain = parseaddr(address)
    if "@" not in plain or "\n" in address or "\r" in address:
        raise ValueError("should look like Servicenetz <service@distributor.example>")
    return address


class Settings(ServiceSettings):
    """What the registry needs beyond what every service needs."""

    model_config = SettingsConfigDict(env_prefix="PARTNER_REGISTRY_", frozen=True, extra="ignore")

    smtp_url: Annotated[str, AfterValidator(_smtp)] = Field(
        repr=False,
        description="smtp://[user:password@]host:port[?starttls=true], or smtps:// for TLS from the start",
    )
    smtp_timeout_seconds: float = Field(
        default=10.0, gt=0, le=60, description="for each step with the mail server"
    )
    link_base_url: Annotated[str, AfterValidator(_link_base)] = Field(
        description="where partners reach their gateway; mails link to <this>/jobs/<job id>"
    )
    mail_from: Annotated[str, AfterValidator(_sender)] = Field(
        default="Servicenetz <servicenetz@localhost>", description="sender; answers and bounces go there"
    )
    mail_imprint: str = Field(
        default="",
        max_length=1_000,
        description="the sender's particulars below each mail, § 35a GmbHG, § 80 AktG",
    )

    @property
    def smtp(self) -> SmtpServer:
        return smtp_server(self.smtp_url)

    @model_validator(mode="after")
    def _no_password_in_the_clear(self) -> Settings:
        if self.smtp.user and not self.smtp.encrypted and not self.development:
            raise ValueError("SMTP_URL has a password: use smtps:// or ?starttls=true")
        return self
