"""Documents: what they say, frozen at issue as canonical JSON (form 2) with its SHA-256.

The e-invoice is rendered from this text alone; nothing is looked up or reckoned again later.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import orjson

from billing.domain import wording
from billing.domain.money import ZERO, cents, share
from billing.domain.partners import Party
from billing.domain.tax import Decided
from contracts.values import DocumentLine, Language, OwnReference, VatCategory, eur

TAX_REMARK: Final = "AAI"
"""Subject code of a note (UNTDID 4451): general information; the remarks that tax law asks for."""


class Kind(Enum):
    """The documents of a settlement, with number prefix and UNTDID 1001 type code.

    389 is the self-billed invoice (German: Gutschrift, § 14 (2) sentence 5 UStG). A credit note, 381, is
    something else: it lowers an earlier invoice. A self-billed invoice is corrected by a negative one.
    """

    invoice = ("RE", "380")
    self_billed_invoice = ("GS", "389")
    invoice_correction = ("RK", "384")
    self_billed_correction = ("GK", "389")

    @property
    def prefix(self) -> str:
        return self.value[0]

    @property
    def type_code(self) -> str:
        return self.value[1]

    @property
    def word(self) -> str:
        """As it stands in data: invoice, self-billed-invoice …"""
        return self.name.replace("_", "-")

    @property
    def self_billed(self) -> bool:
        return self in (Kind.self_billed_invoice, Kind.self_billed_correction)

    @property
    def correction(self) -> Kind:
        """What reverses a document of this kind. Raises KeyError: a correction is not corrected."""
        return _CORRECTIONS[self]

    def range(self, year: int) -> str:
        """The counter that this kind's numbers of this year come from."""
        return f"{self.word}-{year}"

    def number(self, year: int, running_number: int) -> str:
        """§ 14 (4) no. 4 UStG: given once, without gap in its range."""
        return f"{self.prefix}-{year}-{running_number:06d}"


_CORRECTIONS: Final = {
    Kind.invoice: Kind.invoice_correction,
    Kind.self_billed_invoice: Kind.self_billed_correction,
}


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
    rework_of: UUID | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A line: its code and text, and what it costs; net is rounded half up to the cent (BT-131)."""

    code: str
    text: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    net: Decimal = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "net", cents(self.quantity * self.unit_price))


@dataclass(frozen=True, slots=True)
class Withheld:
    """Building withholding tax on this document, §§ 48-48b EStG."""

    percent: Decimal
    base: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Payment:
    """How it is paid (BG-16): the payee's account where it is known."""

    iban: str | None
    account_name: str | None
    due_on: date


@dataclass(frozen=True, slots=True)
class Document:
    """An issued document. Never changed, never deleted.

    partner_id: the client of an invoice, the contractor of a self-billed one. Amounts in euros, negative on
    corrections. text: the canonical JSON of all it says; sha256 is over its UTF-8 bytes.
    preceding: the number of the document that a correction reverses.
    """

    kind: Kind
    number: str
    number_range: str
    running_number: int
    job_id: UUID
    partner_id: UUID
    statement_version: int
    issued_on: date
    due_on: date
    net: Decimal
    vat: Decimal
    category: VatCategory
    rate: Decimal
    lines: tuple[DocumentLine, ...]
    preceding: str | None
    text: str
    sha256: str

    @property
    def gross(self) -> Decimal:
        return self.net + self.vat


@dataclass(frozen=True, slots=True)
class Draft:
    """All that a document says but its number."""

    kind: Kind
    roles: Roles
    partner_id: UUID
    work: Work
    lines: tuple[Line, ...]
    tax: Decided
    language: Language
    issued_on: date
    payment: Payment
    own_reference: OwnReference
    buyer_reference: str
    replaces: str | None = None
    withheld: Withheld | None = None
    net: Decimal = field(init=False)
    vat: Decimal = field(init=False)

    def __post_init__(self) -> None:
        """BR-CO-10: the sum of the rounded lines; BR-CO-17: VAT once on it, there is one category."""
        net = sum((line.net for line in self.lines), ZERO)
        object.__setattr__(self, "net", net)
        object.__setattr__(self, "vat", share(net, self.tax.treatment.rate))


def issue(draft: Draft, running_number: int) -> Document:
    """Give a draft its number and freeze it."""
    number = draft.kind.number(draft.issued_on.year, running_number)
    treatment, net, vat = draft.tax.treatment, draft.net, draft.vat
    outside = treatment.category is VatCategory.O
    rate = None if outside else f"{treatment.rate:f}"
    work, payment, language = draft.work, draft.payment, draft.language
    means = "58" if payment.iban else "1"
    data: dict[str, Any] = {
        "form": 2,
        "kind": draft.kind.word,
        "type_code": draft.kind.type_code,
        "title": wording.says(draft.kind.word, language),
        "number": number,
        "issued_on": draft.issued_on.isoformat(),
        "due_on": payment.due_on.isoformat(),
        "language": language,
        "currency": "EUR",
        "seller": _party(draft.roles.seller, outside=outside),
        "buyer": _party(draft.roles.buyer, outside=outside),
        "issuer": _party(draft.roles.issuer, outside=outside),
        "buyer_reference": draft.buyer_reference,
        "order_number": draft.own_reference.order_number,
        "own_reference": {
            "order_number": draft.own_reference.order_number,
            "cost_centre": draft.own_reference.cost_centre,
        },
        "preceding": None,
        "replaces": draft.replaces,
        "period": {"from": work.performed_from.isoformat(), "to": work.performed_to.isoformat()},
        "payment": {
            "means_code": means,
            "means_text": wording.says(f"means-{means}", language),
            "iban": payment.iban,
            "bic": None,
            "account_name": payment.account_name if payment.iban else None,
            "reference": number,
            "terms": wording.says(
                "contractor-terms" if draft.kind.self_billed else "client-terms",
                language,
                due=wording.day(language, payment.due_on),
            ),
        },
        "job": {
            "job_id": str(work.job_id),
            "job_number": work.job_number,
            "postcode": work.postcode,
            "performed_from": work.performed_from.isoformat(),
            "performed_to": work.performed_to.isoformat(),
            "statement_version": work.statement_version,
            "rate_card_id": str(work.rate_card_id),
            "rate_card_version": work.rate_card_version,
            "rework_of": str(work.rework_of) if work.rework_of else None,
        },
        "lines": [
            {
                "position": position,
                "code": line.code,
                "text": line.text,
                "quantity": f"{line.quantity:f}",
                "unit": line.unit,
                "unit_price": f"{line.unit_price:f}",
                "net": f"{line.net:f}",
                "vat_category": treatment.category.value,
                "vat_rate": rate,
            }
            for position, line in enumerate(draft.lines, start=1)
        ],
        "vat_breakdown": [
            {
                "category": treatment.category.value,
                "rate": rate,
                "taxable": f"{net:f}",
                "tax": f"{vat:f}",
                "exemption_text": treatment.reason.get(language),
                "exemption_code": treatment.reason_code,
            }
        ],
        "totals": _totals(net, vat),
        "net": f"{net:f}",
        "vat": f"{vat:f}",
        "gross": f"{net + vat:f}",
        "notes": _notes(draft),
        "withheld": _withheld(draft.withheld),
        "tax": {
            "rule": draft.tax.rule,
            "source": draft.tax.source,
            "performed_to": work.performed_to.isoformat(),
        },
    }
    text = canonical(data)
    return Document(
        kind=draft.kind,
        number=number,
        number_range=draft.kind.range(draft.issued_on.year),
        running_number=running_number,
        job_id=work.job_id,
        partner_id=draft.partner_id,
        statement_version=work.statement_version,
        issued_on=draft.issued_on,
        due_on=payment.due_on,
        net=net,
        vat=vat,
        category=treatment.category,
        rate=treatment.rate,
        lines=tuple(_told(line) for line in draft.lines),
        preceding=None,
        text=text,
        sha256=fingerprint(text),
    )


def canonical(data: Mapping[str, object]) -> str:
    """One text for the same data, whatever order a database gives the keys back in. No floats are in it."""
    return orjson.dumps(data, option=orjson.OPT_SORT_KEYS).decode()


def fingerprint(text: str) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def chained(before: str, sha256: str) -> str:
    """The link of a document in its range's chain: over the link before it and its own fingerprint."""
    return hashlib.sha256(f"{before}{sha256}".encode()).hexdigest()


def _told(line: Line) -> DocumentLine:
    return DocumentLine(
        text=line.text,
        quantity=line.quantity,
        unit=line.unit,
        unit_price=_euros(line.unit_price),
        net=_euros(line.net),
    )


_euros = lru_cache(maxsize=4096)(eur)
"""Prices are few: most amounts of a batch have been checked before."""


def _notes(draft: Draft) -> list[dict[str, str | None]]:
    work, language = draft.work, draft.language
    part = "self-billed" if draft.kind.self_billed else "invoice"
    plain = [
        wording.says(
            "basis",
            language,
            card=work.rate_card_version,
            statement=work.statement_version,
            job=work.job_number,
        )
    ]
    if draft.kind.self_billed:
        plain.append(wording.says("self-billed", language))
    if draft.replaces is not None:
        plain.append(wording.says(f"{part}-replaces", language, original=draft.replaces))
    remarks = [draft.tax.treatment.reason[language]] if draft.tax.treatment.reason else []
    if draft.withheld is not None:
        kept = draft.withheld
        remarks.append(
            wording.says("withheld", language, percent=kept.percent, base=kept.base, amount=kept.amount)
        )
    notes: list[tuple[str | None, str]] = [*((None, text) for text in plain)]
    notes.extend((TAX_REMARK, text) for text in remarks)
    return [{"subject": subject, "text": text} for subject, text in notes]


def _totals(net: Decimal, vat: Decimal) -> dict[str, str]:
    gross = f"{net + vat:f}"
    return {
        "lines": f"{net:f}",
        "net": f"{net:f}",
        "vat": f"{vat:f}",
        "gross": gross,
        "prepaid": "0.00",
        "payable": gross,
    }


def _withheld(kept: Withheld | None) -> dict[str, str] | None:
    if kept is None:
        return None
    return {
        "law": "§ 48 EStG",
        "percent": f"{kept.percent:f}",
        "base": f"{kept.base:f}",
        "amount": f"{kept.amount:f}",
    }


@lru_cache(maxsize=1024)
def _party(party: Party, *, outside: bool) -> dict[str, object]:
    """Category O forbids any VAT id on the document (BR-O-02 to BR-O-04)."""
    contact = party.contact
    scheme = party.electronic_address
    return {
        "name": party.name,
        "street": party.address.street,
        "postcode": party.address.postcode,
        "city": party.address.city,
        "country": party.address.country,
        "vat_id": None if outside else party.vat_id,
        "tax_number": party.tax_number,
        "customer_number": party.customer_number,
        "registration": party.registration,
        "electronic_address": {"scheme": scheme[0], "value": scheme[1]} if scheme else None,
        "contact": {"name": contact.name, "phone": contact.phone, "email": contact.email}
        if contact
        else None,
    }
