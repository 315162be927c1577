"""The frozen document as OASIS UBL 2.1 Invoice. Terms (BT-, BG-) are those of EN 16931.

Self-billed documents (389) and corrections (384, 389) are Invoices too: a UBL CreditNote would be code 381.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lxml.etree import _Element

from billing.einvoice.profiles import Profile
from billing.einvoice.xml import UBL, document, node

Element = _Element | None
Data = Mapping[str, Any]
INVOICED_OBJECT = "130"
"""UNTDID 1001: the document referred to is what is invoiced (BT-18)."""
NO_RATE = "0.00"
"""BT-119 where nothing is taxable (category O): EN 16931 lets it out (BR-48), XRechnung wants it (BR-DE-14)."""


def write(data: Data, profile: Profile) -> bytes:
    """The XML file. Says what the document says: nothing is computed."""
    return document("ubl:Invoice", UBL, _invoice(data, profile))


def _invoice(data: Data, profile: Profile) -> Iterator[Element]:
    payment, period = data["payment"], data["period"]
    yield node("cbc:CustomizationID", profile.guideline)
    yield node("cbc:ProfileID", profile.process)
    yield node("cbc:ID", data["number"])
    yield node("cbc:IssueDate", data["issued_on"])
    yield node("cbc:DueDate", data["due_on"])
    yield node("cbc:InvoiceTypeCode", data["type_code"])
    for note in data["notes"]:
        # UBL has no place for the subject code BT-21: the binding of EN 16931 puts it in front, between signs
        yield node("cbc:Note", f"#{note['subject']}#{note['text']}" if note["subject"] else note["text"])
    yield node("cbc:DocumentCurrencyCode", data["currency"])
    yield node("cbc:BuyerReference", data["buyer_reference"])
    yield node("cac:InvoicePeriod", node("cbc:StartDate", period["from"]), node("cbc:EndDate", period["to"]))
    yield node("cac:OrderReference", node("cbc:ID", data["order_number"]))
    yield _preceding(data["preceding"])
    yield node(
        "cac:AdditionalDocumentReference",
        node("cbc:ID", data["job"]["job_number"]),
        node("cbc:DocumentTypeCode", INVOICED_OBJECT),
    )
    yield node(
        "cac:AccountingSupplierParty",
        node("cac:Party", _party(data["seller"], tax_number=data["seller"]["tax_number"])),
    )
    yield node("cac:AccountingCustomerParty", node("cac:Party", _party(data["buyer"], tax_number=None)))
    yield node("cac:Delivery", node("cbc:ActualDeliveryDate", period["to"]))
    yield node(
        "cac:PaymentMeans",
        node("cbc:PaymentMeansCode", payment["means_code"], name=payment["means_text"]),
        node("cbc:PaymentID", payment["reference"]),
        node(
            "cac:PayeeFinancialAccount",
            node("cbc:ID", payment["iban"]),
            node("cbc:Name", payment["account_name"]),
            node("cac:FinancialInstitutionBranch", node("cbc:ID", payment["bic"])),
        )
        if payment["iban"]
        else None,
    )
    yield node("cac:PaymentTerms", node("cbc:Note", payment["terms"]))
    yield from _sums(data)
    for line in data["lines"]:
        yield _line(line, data["currency"])


def _preceding(preceding: Data | None) -> Element:
    if preceding is None:
        return None
    return node(
        "cac:BillingReference",
        node(
            "cac:InvoiceDocumentReference",
            node("cbc:ID", preceding["number"]),
            node("cbc:IssueDate", preceding["issued_on"]),
        ),
    )


def _party(party: Data, *, tax_number: str | None) -> Iterator[Element]:
    """`tax_number`: BT-32, which only a seller has."""
    contact = party["contact"] or {}
    address = party["electronic_address"]
    yield node("cbc:EndpointID", address["value"], schemeID=address["scheme"])
    yield node("cac:PartyIdentification", node("cbc:ID", party["customer_number"]))
    yield node(
        "cac:PostalAddress",
        node("cbc:StreetName", party["street"]),
        node("cbc:CityName", party["city"]),
        node("cbc:PostalZone", party["postcode"]),
        node("cac:Country", node("cbc:IdentificationCode", party["country"])),
    )
    yield _tax_registration(party["vat_id"], "VAT")
    yield _tax_registration(tax_number, "FC")
    yield node(
        "cac:PartyLegalEntity",
        node("cbc:RegistrationName", party["name"]),
        node("cbc:CompanyID", party["registration"]),
    )
    yield node(
        "cac:Contact",
        node("cbc:Name", contact.get("name")),
        node("cbc:Telephone", contact.get("phone")),
        node("cbc:ElectronicMail", contact.get("email")),
    )


def _tax_registration(number: str | None, scheme: str) -> Element:
    if number is None:
        return None
    return node("cac:PartyTaxScheme", node("cbc:CompanyID", number), _scheme(scheme))


def _scheme(scheme: str) -> Element:
    return node("cac:TaxScheme", node("cbc:ID", scheme))


def _sums(data: Data) -> Iterator[Element]:
    totals, currency = data["totals"], data["currency"]
    yield node(
        "cac:TaxTotal",
        node("cbc:TaxAmount", totals["vat"], currencyID=currency),
        (
            node(
                "cac:TaxSubtotal",
                node("cbc:TaxableAmount", one["taxable"], currencyID=currency),
                node("cbc:TaxAmount", one["tax"], currencyID=currency),
                node(
                    "cac:TaxCategory",
                    node("cbc:ID", one["category"]),
                    node("cbc:Percent", one["rate"] or NO_RATE),
                    node("cbc:TaxExemptionReasonCode", one["exemption_code"]),
                    node("cbc:TaxExemptionReason", one["exemption_text"]),
                    _scheme("VAT"),
                ),
            )
            for one in data["vat_breakdown"]
        ),
    )
    yield node(
        "cac:LegalMonetaryTotal",
        node("cbc:LineExtensionAmount", totals["lines"], currencyID=currency),
        node("cbc:TaxExclusiveAmount", totals["net"], currencyID=currency),
        node("cbc:TaxInclusiveAmount", totals["gross"], currencyID=currency),
        node("cbc:PrepaidAmount", totals["prepaid"], currencyID=currency),
        node("cbc:PayableAmount", totals["payable"], currencyID=currency),
    )


def _line(line: Data, currency: str) -> Element:
    return node(
        "cac:InvoiceLine",
        node("cbc:ID", str(line["position"])),
        node("cbc:InvoicedQuantity", line["quantity"], unitCode=line["unit"]),
        node("cbc:LineExtensionAmount", line["net"], currencyID=currency),
        node(
            "cac:Item",
            node("cbc:Name", line["text"]),
            node(
                "cac:ClassifiedTaxCategory",
                node("cbc:ID", line["vat_category"]),
                node("cbc:Percent", line["vat_rate"]),
                _scheme("VAT"),
            ),
        ),
        node("cac:Price", node("cbc:PriceAmount", line["unit_price"], currencyID=currency)),
    )
