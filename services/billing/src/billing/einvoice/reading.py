"""An e-invoice read back: what a file says, in the terms of EN 16931, whichever syntax it is written in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from types import MappingProxyType
from typing import Final

from lxml.etree import QName, _Element

from billing.einvoice.profiles import Syntax
from billing.einvoice.xml import CII, UBL, Unreadable, parse


@dataclass(frozen=True, slots=True)
class SaidLine:
    """BG-25. Amounts in the document's currency."""

    text: str
    quantity: Decimal
    unit: str
    price: Decimal
    net: Decimal
    category: str
    rate: Decimal


@dataclass(frozen=True, slots=True)
class SaidTax:
    """BG-23."""

    category: str
    rate: Decimal
    taxable: Decimal
    tax: Decimal
    exemption_text: str | None


@dataclass(frozen=True, slots=True)
class SaidParty:
    """BG-4 or BG-7."""

    name: str
    number: str | None
    registration: str | None
    vat_id: str | None
    tax_number: str | None
    postcode: str | None


@dataclass(frozen=True, slots=True)
class Said:
    """What an e-invoice says. Days as YYYY-MM-DD. texts: every text in the file."""

    syntax: Syntax
    guideline: str
    type_code: str
    number: str
    issued_on: str
    due_on: str | None
    currency: str
    buyer_reference: str | None
    order_number: str | None
    means_code: str | None
    iban: str | None
    preceding: tuple[str, str | None] | None
    period: tuple[str | None, str | None]
    seller: SaidParty
    buyer: SaidParty
    lines: tuple[SaidLine, ...]
    taxes: tuple[SaidTax, ...]
    totals: Mapping[str, Decimal]
    notes: tuple[str, ...]
    terms: str | None
    texts: str

    @property
    def issuers_words(self) -> str:
        """What the issuer wrote himself: no names, and no references that a partner gave."""
        reasons = (tax.exemption_text or "" for tax in self.taxes)
        return "\n".join((*self.notes, *(line.text for line in self.lines), *reasons, self.terms or ""))


_CII_HEAD: Final = ".//ram:ApplicableHeaderTradeSettlement"
_CII: Final = MappingProxyType(
    {
        "guideline": "rsm:ExchangedDocumentContext/ram:GuidelineSpecifiedDocumentContextParameter/ram:ID",
        "type_code": "rsm:ExchangedDocument/ram:TypeCode",
        "number": "rsm:ExchangedDocument/ram:ID",
        "issued_on": "rsm:ExchangedDocument/ram:IssueDateTime/udt:DateTimeString",
        "due_on": ".//ram:SpecifiedTradePaymentTerms/ram:DueDateDateTime/udt:DateTimeString",
        "currency": ".//ram:InvoiceCurrencyCode",
        "buyer_reference": ".//ram:BuyerReference",
        "order_number": ".//ram:BuyerOrderReferencedDocument/ram:IssuerAssignedID",
        "means_code": ".//ram:SpecifiedTradeSettlementPaymentMeans/ram:TypeCode",
        "iban": ".//ram:PayeePartyCreditorFinancialAccount/ram:IBANID",
        "preceding": ".//ram:InvoiceReferencedDocument/ram:IssuerAssignedID",
        "preceding_on": ".//ram:InvoiceReferencedDocument/ram:FormattedIssueDateTime/qdt:DateTimeString",
        "from": f"{_CII_HEAD}/ram:BillingSpecifiedPeriod/ram:StartDateTime/udt:DateTimeString",
        "to": f"{_CII_HEAD}/ram:BillingSpecifiedPeriod/ram:EndDateTime/udt:DateTimeString",
        "seller": ".//ram:SellerTradeParty",
        "buyer": ".//ram:BuyerTradeParty",
        "party_name": "ram:Name",
        "party_number": "ram:ID",
        "party_registration": "ram:SpecifiedLegalOrganization/ram:ID",
        "party_vat_id": "ram:SpecifiedTaxRegistration/ram:ID[@schemeID='VA']",
        "party_tax_number": "ram:SpecifiedTaxRegistration/ram:ID[@schemeID='FC']",
        "party_postcode": "ram:PostalTradeAddress/ram:PostcodeCode",
        "line": ".//ram:IncludedSupplyChainTradeLineItem",
        "line_text": "ram:SpecifiedTradeProduct/ram:Name",
        "line_quantity": ".//ram:BilledQuantity",
        "line_price": ".//ram:NetPriceProductTradePrice/ram:ChargeAmount",
        "line_net": ".//ram:LineTotalAmount",
        "line_category": ".//ram:ApplicableTradeTax/ram:CategoryCode",
        "line_rate": ".//ram:ApplicableTradeTax/ram:RateApplicablePercent",
        "tax": f"{_CII_HEAD}/ram:ApplicableTradeTax",
        "tax_category": "ram:CategoryCode",
        "tax_rate": "ram:RateApplicablePercent",
        "tax_taxable": "ram:BasisAmount",
        "tax_tax": "ram:CalculatedAmount",
        "tax_text": "ram:ExemptionReason",
        "total_lines": ".//ram:SpecifiedTradeSettlementHeaderMonetarySummation/ram:LineTotalAmount",
        "total_net": ".//ram:TaxBasisTotalAmount",
        "total_vat": ".//ram:TaxTotalAmount",
        "total_gross": ".//ram:GrandTotalAmount",
        "total_prepaid": ".//ram:TotalPrepaidAmount",
        "total_payable": ".//ram:DuePayableAmount",
        "note": "rsm:ExchangedDocument/ram:IncludedNote/ram:Content",
        "terms": ".//ram:SpecifiedTradePaymentTerms/ram:Description",
    }
)
_UBL: Final = MappingProxyType(
    {
        "guideline": "cbc:CustomizationID",
        "type_code": "cbc:InvoiceTypeCode",
        "number": "cbc:ID",
        "issued_on": "cbc:IssueDate",
        "due_on": "cbc:DueDate",
        "currency": "cbc:DocumentCurrencyCode",
        "buyer_reference": "cbc:BuyerReference",
        "order_number": "cac:OrderReference/cbc:ID",
        "means_code": "cac:PaymentMeans/cbc:PaymentMeansCode",
        "iban": "cac:PaymentMeans/cac:PayeeFinancialAccount/cbc:ID",
        "preceding": "cac:BillingReference/cac:InvoiceDocumentReference/cbc:ID",
        "preceding_on": "cac:BillingReference/cac:InvoiceDocumentReference/cbc:IssueDate",
        "from": "cac:InvoicePeriod/cbc:StartDate",
        "to": "cac:InvoicePeriod/cbc:EndDate",
        "seller": "cac:AccountingSupplierParty/cac:Party",
        "buyer": "cac:AccountingCustomerParty/cac:Party",
        "party_name": "cac:PartyLegalEntity/cbc:RegistrationName",
        "party_number": "cac:PartyIdentification/cbc:ID",
        "party_registration": "cac:PartyLegalEntity/cbc:CompanyID",
        "party_vat_id": "cac:PartyTaxScheme[cac:TaxScheme/cbc:ID='VAT']/cbc:CompanyID",
        "party_tax_number": "cac:PartyTaxScheme[cac:TaxScheme/cbc:ID!='VAT']/cbc:CompanyID",
        "party_postcode": "cac:PostalAddress/cbc:PostalZone",
        "line": "cac:InvoiceLine",
        "line_text": "cac:Item/cbc:Name",
        "line_quantity": "cbc:InvoicedQuantity",
        "line_price": "cac:Price/cbc:PriceAmount",
        "line_net": "cbc:LineExtensionAmount",
        "line_category": "cac:Item/cac:ClassifiedTaxCategory/cbc:ID",
        "line_rate": "cac:Item/cac:ClassifiedTaxCategory/cbc:Percent",
        "tax": "cac:TaxTotal/cac:TaxSubtotal",
        "tax_category": "cac:TaxCategory/cbc:ID",
        "tax_rate": "cac:TaxCategory/cbc:Percent",
        "tax_taxable": "cbc:TaxableAmount",
        "tax_tax": "cbc:TaxAmount",
        "tax_text": "cac:TaxCategory/cbc:TaxExemptionReason",
        "total_lines": "cac:LegalMonetaryTotal/cbc:LineExtensionAmount",
        "total_net": "cac:LegalMonetaryTotal/cbc:TaxExclusiveAmount",
        "total_vat": "cac:TaxTotal/cbc:TaxAmount",
        "total_gross": "cac:LegalMonetaryTotal/cbc:TaxInclusiveAmount",
        "total_prepaid": "cac:LegalMonetaryTotal/cbc:PrepaidAmount",
        "total_payable": "cac:LegalMonetaryTotal/cbc:PayableAmount",
        "note": "cbc:Note",
        "terms": "cac:PaymentTerms/cbc:Note",
    }
)
_AMOUNT: Final = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,10})?")
"""xs:decimal, bounded: no exponent, for 1e999999999 is a number of a gigabyte."""
TOTALS: Final = ("lines", "net", "vat", "gross", "prepaid", "payable")


def read(file: bytes) -> Said:
    """What a CII or UBL file says. Raises Unreadable: no XML, a DTD in it, no invoice, a field of no use."""
    root = parse(file)
    match QName(root).namespace:
        case namespace if namespace == CII["rsm"]:
            return _Reader(root, Syntax.cii, _CII, CII).said()
        case namespace if namespace == UBL["ubl"]:
            return _Reader(root, Syntax.ubl, _UBL, UBL).said()
        case _:
            raise Unreadable("neither a Cross Industry Invoice nor a UBL Invoice")


class _Reader:
    def __init__(
        self, root: _Element, syntax: Syntax, places: Mapping[str, str], names: Mapping[str, str]
    ) -> None:
        self._root, self._syntax, self._places, self._names = root, syntax, places, dict(names)
        self._days = "%Y%m%d" if syntax is Syntax.cii else "%Y-%m-%d"

    def said(self) -> Said:
        preceding = self._text("preceding")
        return Said(
            syntax=self._syntax,
            guideline=self._needed("guideline"),
            type_code=self._needed("type_code"),
            number=self._needed("number"),
            issued_on=self._day("issued_on") or "",
            due_on=self._day("due_on"),
            currency=self._needed("currency"),
            buyer_reference=self._text("buyer_reference"),
            order_number=self._text("order_number"),
            means_code=self._text("means_code"),
            iban=self._text("iban"),
            preceding=(preceding, self._day("preceding_on")) if preceding else None,
            period=(self._day("from"), self._day("to")),
            seller=self._party("seller"),
            buyer=self._party("buyer"),
            lines=tuple(self._line(line) for line in self._all("line")),
            taxes=tuple(self._tax(tax) for tax in self._all("tax")),
            totals={name: self._number(f"total_{name}") for name in TOTALS},
            notes=tuple(note.text or "" for note in self._all("note")),
            terms=self._text("terms"),
            texts="\n".join(str(text) for text in self._root.itertext() if str(text).strip()),
        )

    def _all(self, name: str) -> list[_Element]:
        return self._root.findall(self._places[name], self._names)

    def _text(self, name: str, within: _Element | None = None) -> str | None:
        # XPath and not find(): the latter knows no paths in conditions
        found = (self._root if within is None else within).xpath(self._places[name], namespaces=self._names)
        first = found[0] if isinstance(found, list) and found else None
        return (first.text or "").strip() or None if isinstance(first, _Element) else None

    def _needed(self, name: str, within: _Element | None = None) -> str:
        text = self._text(name, within)
        if text is None:
            raise Unreadable(f"{name.replace('_', ' ')} is missing")
        return text

    def _day(self, name: str) -> str | None:
        text = self._text(name)
        if text is None:
            return None
        try:
            return datetime.strptime(text, self._days).replace(tzinfo=UTC).date().isoformat()
        except ValueError:
            raise Unreadable(f"{name.replace('_', ' ')} is no day") from None

    def _number(self, name: str, within: _Element | None = None, default: Decimal | None = None) -> Decimal:
        text = self._text(name, within) if default is not None else self._needed(name, within)
        if text is None:
            return default or Decimal(0)
        if not _AMOUNT.fullmatch(text):
            raise Unreadable(f"{name.replace('_', ' ')} is no number")
        return Decimal(text)

    def _party(self, role: str) -> SaidParty:
        found = self._all(role)
        if not found:
            raise Unreadable(f"{role} is missing")
        party = found[0]
        return SaidParty(
            name=self._needed("party_name", party),
            number=self._text("party_number", party),
            registration=self._text("party_registration", party),
            vat_id=self._text("party_vat_id", party),
            tax_number=self._text("party_tax_number", party),
            postcode=self._text("party_postcode", party),
        )

    def _line(self, line: _Element) -> SaidLine:
        quantity = line.find(self._places["line_quantity"], self._names)
        return SaidLine(
            text=self._needed("line_text", line),
            quantity=self._number("line_quantity", line),
            unit=(quantity.get("unitCode") or "") if quantity is not None else "",
            price=self._number("line_price", line),
            net=self._number("line_net", line),
            category=self._needed("line_category", line),
            rate=self._number("line_rate", line, Decimal(0)),
        )

    def _tax(self, tax: _Element) -> SaidTax:
        return SaidTax(
            category=self._needed("tax_category", tax),
            rate=self._number("tax_rate", tax, Decimal(0)),
            taxable=self._number("tax_taxable", tax),
            tax=self._number("tax_tax", tax),
            exemption_text=self._text("tax_text", tax),
        )


def embedded(pdf: bytes) -> bytes:
    """The one XML file in a ZUGFeRD file. Raises Unreadable."""
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    try:
        attachments = PdfReader(BytesIO(pdf)).attachments
        files = {name: list(found) for name, found in attachments.items()}
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Unreadable(f"no PDF that can be read: {error}") from error
    match files:
        case {"factur-x.xml": [xml]} if len(files) == 1:
            return xml
        case _:
            raise Unreadable(f"does not hold exactly one factur-x.xml, but {sorted(files)}")
