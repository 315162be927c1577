"""Issued documents read back, and taken back in full: a correction mirrors the cents of its original."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Self
from uuid import UUID

import orjson

from billing.domain import wording
from billing.domain.documents import TAX_REMARK, Document, Kind, canonical, fingerprint
from billing.domain.money import ZERO
from contracts.values import Language, VatCategory


@dataclass(frozen=True, slots=True)
class Frozen:
    """An issued document read back: what it says, as it was frozen."""

    kind: Kind
    number: str
    partner_id: UUID
    issued_on: date
    net: Decimal
    vat: Decimal
    statement_version: int
    data: Mapping[str, Any]

    @property
    def gross(self) -> Decimal:
        return self.net + self.vat

    @property
    def withheld(self) -> Decimal:
        """Building tax kept back on it, in euros."""
        marked = self.data.get("withheld")
        return Decimal(marked["amount"]) if marked else ZERO

    @classmethod
    def of(cls, document: Document) -> Self:
        """As it will be read back: another decision of the same transaction may be about it."""
        return cls(
            kind=document.kind,
            number=document.number,
            partner_id=document.partner_id,
            issued_on=document.issued_on,
            net=document.net,
            vat=document.vat,
            statement_version=document.statement_version,
            data=orjson.loads(document.text),
        )


def reverse(original: Frozen, running_number: int, today: date) -> Document:
    """Take a document back in full: its own cents with the other sign, never reckoned again (BG-3 names it).

    Raises KeyError for a correction: what is reversed stays reversed.
    """
    kind = original.kind.correction
    number = kind.number(today.year, running_number)
    data = dict(original.data)
    language: Language = data["language"]
    part = "self-billed" if kind.self_billed else "invoice"
    tax_remarks = [
        note for note in data["notes"] if note["subject"] == TAX_REMARK and not _about_withholding(note)
    ]
    data.update(
        kind=kind.word,
        type_code=kind.type_code,
        title=wording.says(kind.word, language, original=original.number),
        number=number,
        issued_on=today.isoformat(),
        due_on=None,
        preceding={
            "number": original.number,
            "issued_on": original.issued_on.isoformat(),
            "type_code": original.kind.type_code,
        },
        replaces=None,
        payment={
            "means_code": "97",
            "means_text": wording.says("means-97", language),
            "iban": None,
            "bic": None,
            "account_name": None,
            "reference": number,
            "terms": wording.says("correction-terms", language),
        },
        lines=[
            {**line, "quantity": _negated(line["quantity"]), "net": _negated(line["net"])}
            for line in data["lines"]
        ],
        vat_breakdown=[
            {**row, "taxable": _negated(row["taxable"]), "tax": _negated(row["tax"])}
            for row in data["vat_breakdown"]
        ],
        totals={name: _negated(amount) for name, amount in data["totals"].items()},
        net=_negated(data["net"]),
        vat=_negated(data["vat"]),
        gross=_negated(data["gross"]),
        notes=[
            {
                "subject": None,
                "text": wording.says(
                    f"{part}-reversed",
                    language,
                    original=original.number,
                    day=wording.day(language, original.issued_on),
                ),
            },
            *tax_remarks,
        ],
        withheld=None,
    )
    text = canonical(data)
    (row,) = data["vat_breakdown"]
    return Document(
        kind=kind,
        number=number,
        number_range=kind.range(today.year),
        running_number=running_number,
        job_id=UUID(data["job"]["job_id"]),
        partner_id=original.partner_id,
        statement_version=original.statement_version,
        issued_on=today,
        due_on=today,
        net=-original.net,
        vat=-original.vat,
        category=VatCategory(row["category"]),
        rate=Decimal(row["rate"] or "0.00"),
        lines=(),
        preceding=original.number,
        text=text,
        sha256=fingerprint(text),
    )


def _negated(amount: str) -> str:
    negated = -Decimal(amount)
    return f"{abs(negated) if negated == 0 else negated:f}"


def _about_withholding(note: Mapping[str, str]) -> bool:
    return "§ 48 EStG" in note["text"]
