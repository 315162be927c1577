"""Invoice and self-billed invoice: what they say, frozen at issue as canonical JSON with its SHA-256."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from uuid import UUID

from billing.domain.money import VAT_PERCENT, cents, vat_on
from billing.domain.partners import Party
from contracts.values import DocumentLine, Language, OwnReference, eur

HOUR = "HUR"
FLAT = "LS"
"""Units by UN/ECE recommendation 20: hour, lump sum."""


class Kind(Enum):
    """The two documents of a settlement, with number prefix and UNTDID 1001 type code.

    389 is the self-billed invoice (German: Gutschrift, § 14 (2) sentence 5 UStG). A credit note, 381, is
    something else: it lowers an earlier invoice.
    """

    invoice = ("RE", "380")
    self_billed_invoice = ("GS", "389")

    @property
    def prefix(self) -> str:
        return self.value[0]

    @property
    def type_code(self) -> str:
        return self.value[1]

    def range(self, year: int) -> str:
        """The counter that this kind's numbers of this year come from."""
        return f"{self.name.replace('_', '-')}-{year}"

    def number(self, year: int, running_number: int) -> str:
        """§ 14 (4) no. 4 UStG: given once, without gap in its range."""
        return f"{self.prefix}-{year}-{running_number:06d}"


@dataclass(frozen=True, slots=True)
class Roles:
    """Who is who. With self-billing the seller is the contractor; the buyer, the distributor, issues it."""

    seller: Party
    buyer: Party
    issuer: Party


@dataclass(frozen=True, slots=True)
class Work:
    """What a document says about the job behind it."""

    job_id: UUID
    job_number: str
    postcode: str
    performed_from: date
    performed_to: date
    statement_version: int
    rate_card_id: UUID
    rate_card_version: int


@dataclass(frozen=True, slots=True)
class Document:
    """An issued document. Never changed, never deleted.

    partner_id: the client of an invoice, the contractor of a self-billed one. Amounts in euros.
    text: the canonical JSON of all it says; sha256 is over its UTF-8 bytes.
    """

    kind: Kind
    number: str
    number_range: str
    running_number: int
    job_id: UUID
    partner_id: UUID
    issued_on: date
    due_on: date
    lines: tuple[DocumentLine, ...]
    net: Decimal
    vat: Decimal
    own_reference: OwnReference
    text: str
    sha256: str

    @property
    def gross(self) -> Decimal:
        return self.net + self.vat


def line(text: str, quantity: Decimal, unit: str, unit_price: Decimal) -> DocumentLine:
    """A line; its net amount (EN 16931 BT-131) is rounded half up to the cent, the unit price stays."""
    return DocumentLine(
        text=text,
        quantity=quantity,
        unit=unit,
        unit_price=eur(unit_price),
        net=eur(cents(quantity * unit_price)),
    )


def issue(
    kind: Kind,
    running_number: int,
    *,
    roles: Roles,
    partner_id: UUID,
    work: Work,
    lines: Sequence[DocumentLine],
    own_reference: OwnReference,
    language: Language,
    issued_on: date,
    due_on: date,
) -> Document:
    """Put a document together and freeze it. BR-CO-10: the net sum is the sum of the rounded lines."""
    number = kind.number(issued_on.year, running_number)
    net = sum((one.net.amount for one in lines), Decimal(0))
    vat = vat_on(net)
    text = canonical(
        {
            "form": 1,
            "kind": kind.name.replace("_", "-"),
            "type_code": kind.type_code,
            "number": number,
            "issued_on": issued_on.isoformat(),
            "due_on": due_on.isoformat(),
            "language": language,
            "currency": "EUR",
            "seller": _party(roles.seller),
            "buyer": _party(roles.buyer),
            "issuer": _party(roles.issuer),
            "job": {
                "job_id": str(work.job_id),
                "job_number": work.job_number,
                "postcode": work.postcode,
                "performed_from": work.performed_from.isoformat(),
                "performed_to": work.performed_to.isoformat(),
                "statement_version": work.statement_version,
                "rate_card_id": str(work.rate_card_id),
                "rate_card_version": work.rate_card_version,
            },
            "own_reference": {
                "order_number": own_reference.order_number,
                "cost_centre": own_reference.cost_centre,
            },
            "lines": [
                {
                    "text": one.text,
                    "quantity": f"{one.quantity:f}",
                    "unit": one.unit,
                    "unit_price": f"{one.unit_price.amount:f}",
                    "net": f"{one.net.amount:f}",
                }
                for one in lines
            ],
            "net": f"{net:f}",
            "vat_rate": f"{VAT_PERCENT:f}",
            "vat": f"{vat:f}",
            "gross": f"{net + vat:f}",
        }
    )
    return Document(
        kind=kind,
        number=number,
        number_range=kind.range(issued_on.year),
        running_number=running_number,
        job_id=work.job_id,
        partner_id=partner_id,
        issued_on=issued_on,
        due_on=due_on,
        lines=tuple(lines),
        net=net,
        vat=vat,
        own_reference=own_reference,
        text=text,
        sha256=fingerprint(text),
    )


def canonical(data: Mapping[str, object]) -> str:
    """One text for the same data, whatever order a database gives the keys back in. No floats are in it."""
    return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def fingerprint(text: str) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def _party(party: Party) -> dict[str, object]:
    return {
        "name": party.name,
        "street": party.address.street,
        "postcode": party.address.postcode,
        "city": party.address.city,
        "country": party.address.country,
        "vat_id": party.vat_id,
        "tax_number": party.tax_number,
        "customer_number": party.customer_number,
    }
