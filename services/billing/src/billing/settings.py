"""Billing's settings, prefix BILLING_."""

from __future__ import annotations

from datetime import timedelta
from types import MappingProxyType
from typing import Final

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from billing.domain.partners import Party
from billing.domain.settlements import Terms
from chassis.settings import ServiceSettings
from contracts.values import Address, Name, Postcode, VatId

DEMO_DISTRIBUTOR: Final = MappingProxyType(
    {
        "distributor_name": "Musterdistribution GmbH",
        "distributor_street": "Beispielallee 1",
        "distributor_postcode": "49074",
        "distributor_city": "Osnabrück",
        "distributor_vat_id": "DE999999999",
    }
)
"""Stands in only in development: a real document needs a real issuer."""


class Settings(ServiceSettings):
    """The distributor's own data stand on every document: without them billing does not start."""

    model_config = SettingsConfigDict(env_prefix="BILLING_", frozen=True, extra="ignore")

    distributor_name: Name | None = Field(default=None, description="the distributor, as on his documents")
    distributor_street: Name | None = Field(default=None, description="street and number")
    distributor_postcode: Postcode | None = Field(default=None, description="five digits")
    distributor_city: Name | None = Field(default=None, description="city")
    distributor_vat_id: VatId | None = Field(default=None, description="USt-IdNr., such as DE123456789")
    client_payment_days: int = Field(default=14, ge=0, le=120, description="from issue to due, invoices")
    contractor_payment_days: int = Field(
        default=14, ge=0, le=120, description="from issue to due, self-billed"
    )

    hold_after_seconds: float = Field(
        default=10.0, ge=0, le=3600, description="lack that is waited for in silence"
    )

    @model_validator(mode="after")
    def _distributor_is_known(self) -> Settings:
        missing = [name.upper() for name in DEMO_DISTRIBUTOR if getattr(self, name) is None]
        if missing and not self.development:
            raise ValueError(f"set {', '.join(missing)}: the distributor's data stand on every document")
        return self

    def terms(self) -> Terms:
        """What is the same on all documents."""
        mine = {name: getattr(self, name) or demo for name, demo in DEMO_DISTRIBUTOR.items()}
        address = Address(
            street=mine["distributor_street"],
            postcode=mine["distributor_postcode"],
            city=mine["distributor_city"],
        )
        distributor = Party(mine["distributor_name"], address, mine["distributor_vat_id"], None, None)
        return Terms(
            distributor,
            self.client_payment_days,
            self.contractor_payment_days,
            timedelta(seconds=self.hold_after_seconds),
        )
