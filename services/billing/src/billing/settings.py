"""Billing's settings, prefix BILLING_."""

from __future__ import annotations

from datetime import date, timedelta
from types import MappingProxyType
from typing import Final

from pydantic import Field, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from billing.domain.partners import Contact, Party, Period, payable_to, well_formed
from billing.domain.settlements import Terms
from chassis.settings import ServiceSettings
from contracts.values import Address, Email, Iban, Name, Phone, Postcode, TaxNumber, VatId

DEMO_DISTRIBUTOR: Final = MappingProxyType(
    {
        "distributor_name": "Musterdistribution GmbH",
        "distributor_street": "Beispielallee 1",
        "distributor_postcode": "49074",
        "distributor_city": "Osnabrück",
        "distributor_vat_id": "DE999999999",
        "distributor_phone": "+49 541 900100",
        "distributor_email": "abrechnung@musterdistribution.example",
        "distributor_iban": "DE02120300000000202051",
    }
)
"""Stands in only in development: a real document needs a real issuer."""
_DEMO_REGISTRATION: Final = "HRB 4711 (Amtsgericht Osnabrück)"
_COUNTRY: Final = "DE"


class Settings(ServiceSettings):
    """The distributor's own data stand on every document: without them billing does not start."""

    model_config = SettingsConfigDict(env_prefix="BILLING_", frozen=True, extra="ignore")

    distributor_name: Name | None = Field(default=None, description="the distributor, as on his documents")
    distributor_street: Name | None = Field(default=None, description="street and number")
    distributor_postcode: Postcode | None = Field(default=None, description="five digits")
    distributor_city: Name | None = Field(default=None, description="city")
    distributor_vat_id: VatId | None = Field(default=None, description="USt-IdNr., such as DE123456789")
    distributor_tax_number: TaxNumber | None = Field(default=None, description="Steuernummer")
    distributor_registration: Name | None = Field(
        default=None, description="such as HRB 4711 (Osnabrück); what is not taxable needs it"
    )
    distributor_contact: Name = Field(default="Abrechnung", description="whom to ask about a document")
    distributor_phone: Phone | None = Field(default=None, description="of that desk")
    distributor_email: Email | None = Field(default=None, description="of that desk; its electronic address")
    distributor_iban: Iban | None = Field(default=None, description="where clients pay to")
    distributor_building_certificates: str = Field(
        default="", description="his USt 1 TG, as 2026-01-01/2028-12-31, several with commas"
    )
    client_payment_days: int = Field(default=14, ge=0, le=120, description="from issue to due, invoices")
    contractor_payment_days: int = Field(
        default=14, ge=0, le=120, description="from issue to due, self-billed"
    )

    hold_after_seconds: float = Field(
        default=10.0, ge=0, le=3600, description="lack that is waited for in silence"
    )

    makes_files: bool = Field(
        default=True, description="makes e-invoices of what was issued; else another replica does"
    )

    @field_validator("distributor_building_certificates")
    @classmethod
    def _certificates_are_days(cls, said: str) -> str:
        _periods(said)
        return said

    @model_validator(mode="after")
    def _distributor_is_known(self) -> Settings:
        missing = [name.upper() for name in DEMO_DISTRIBUTOR if getattr(self, name) is None]
        if missing and not self.development:
            raise ValueError(f"set {', '.join(missing)}: the distributor's data stand on every document")
        if self.distributor_vat_id and well_formed(self.distributor_vat_id, _COUNTRY) is None:
            raise ValueError("DISTRIBUTOR_VAT_ID has not the form of a German VAT id")
        if self.distributor_iban and payable_to(self.distributor_iban) is None:
            raise ValueError("DISTRIBUTOR_IBAN has wrong check digits")
        return self

    def terms(self) -> Terms:
        """What is the same on all documents."""
        mine = {name: getattr(self, name) or demo for name, demo in DEMO_DISTRIBUTOR.items()}
        desk = Contact(self.distributor_contact, mine["distributor_phone"], mine["distributor_email"])
        distributor = Party(
            name=mine["distributor_name"],
            address=Address(
                street=mine["distributor_street"],
                postcode=mine["distributor_postcode"],
                city=mine["distributor_city"],
            ),
            vat_id=mine["distributor_vat_id"],
            tax_number=self.distributor_tax_number,
            customer_number=None,
            registration=self.distributor_registration or (_DEMO_REGISTRATION if self.development else None),
            electronic_address=("EM", desk.email),
            contact=desk,
        )
        return Terms(
            distributor=distributor,
            desk=desk,
            iban=mine["distributor_iban"],
            client_payment_days=self.client_payment_days,
            contractor_payment_days=self.contractor_payment_days,
            hold_after=timedelta(seconds=self.hold_after_seconds),
            certificates=_periods(self.distributor_building_certificates),
        )


def _periods(said: str) -> tuple[Period, ...]:
    """Days as `first/last`, several with commas. Raises ValueError."""
    return tuple(
        Period(*(date.fromisoformat(day.strip()) for day in part.split("/", 1)))
        for part in said.split(",")
        if part.strip()
    )
