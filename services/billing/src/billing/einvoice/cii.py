"""The frozen document as UN/CEFACT Cross Industry Invoice D16B. Terms (BT-, BG-) are those of EN 16931."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lxml.etree import _Element

from billing.einvoice.profiles import Profile
from billing.einvoice.xml import CII, document, node

Element = _Element | None
Data = Mapping[str, Any]
INVOICED_OBJECT = "130"
"""UNTDID 1001: the document referred to is what is invoiced (BT-18)."""
NO_RATE = "0.00"
"""BT-119 where nothing is taxable (category O): EN 16931 lets it out (BR-48), XRechnung wants it (BR-DE-14)."""


def write(data: Data, profile: Profile) -> bytes:
    """The XML file. Says what the document says: nothing is computed."""
    return document(
        "rsm:CrossIndustryInvoice",
        CII,
        (
            node(
                "rsm:ExchangedDocumentContext",
                node("ram:BusinessProcessSpecifiedDocumentContextParameter", node("ram:ID", profile.process)),
                node("ram:GuidelineSpecifiedDocumentContextParameter", node("ram:ID", profile.guideline)),
            ),
            node(
                "rsm:ExchangedDocument",
                node("ram:ID", data["number"]),
                node("ram:TypeCode", data["type_code"]),
                node("ram:IssueDateTime", _day(data["issued_on"])),
                (
                    node(
                        "ram:IncludedNote",
                        node("ram:Content", note["text"]),
                        node("ram:SubjectCode", note["subject"]),
                    )
                    for note in data["notes"]
                ),
            ),
            node(
                "rsm:SupplyChainTradeTransaction",
                (_line(line) for line in data["lines"]),
                _agreement(data),
                _delivery(data),
                _settlement(data),
            ),
        ),
    )


def _line(line: Data) -> Element:
    return node(
        "ram:IncludedSupplyChainTradeLineItem",
        node("ram:AssociatedDocumentLineDocument", node("ram:LineID", str(line["position"]))),
        node("ram:SpecifiedTradeProduct", node("ram:Name", line["text"])),
        node(
            "ram:SpecifiedLineTradeAgreement",
            node("ram:NetPriceProductTradePrice", node("ram:ChargeAmount", line["unit_price"])),
        ),
        node(
            "ram:SpecifiedLineTradeDelivery",
            node("ram:BilledQuantity", line["quantity"], unitCode=line["unit"]),
        ),
        node(
            "ram:SpecifiedLineTradeSettlement",
            node(
                "ram:ApplicableTradeTax",
                node("ram:TypeCode", "VAT"),
                node("ram:CategoryCode", line["vat_category"]),
                node("ram:RateApplicablePercent", line["vat_rate"]),
            ),
            node(
                "ram:SpecifiedTradeSettlementLineMonetarySummation", node("ram:LineTotalAmount", line["net"])
            ),
        ),
    )


def _agreement(data: Data) -> Element:
    return node(
        "ram:ApplicableHeaderTradeAgreement",
        node("ram:BuyerReference", data["buyer_reference"]),
        node("ram:SellerTradeParty", _party(data["seller"], tax_number=data["seller"]["tax_number"])),
        node("ram:BuyerTradeParty", _party(data["buyer"], tax_number=None)),
        node("ram:BuyerOrderReferencedDocument", node("ram:IssuerAssignedID", data["order_number"])),
        node(
            "ram:AdditionalReferencedDocument",
            node("ram:IssuerAssignedID", data["job"]["job_number"]),
            node("ram:TypeCode", INVOICED_OBJECT),
        ),
    )


def _party(party: Data, *, tax_number: str | None) -> Iterator[Element]:
    """`tax_number`: BT-32, which only a seller has."""
    contact = party["contact"] or {}
    address = party["electronic_address"]
    yield node("ram:ID", party["customer_number"])
    yield node("ram:Name", party["name"])
    yield node("ram:SpecifiedLegalOrganization", node("ram:ID", party["registration"]))
    yield node(
        "ram:DefinedTradeContact",
        node("ram:PersonName", contact.get("name")),
        node("ram:TelephoneUniversalCommunication", node("ram:CompleteNumber", contact.get("phone"))),
        node("ram:EmailURIUniversalCommunication", node("ram:URIID", contact.get("email"))),
    )
    yield node(
        "ram:PostalTradeAddress",
        node("ram:PostcodeCode", party["postcode"]),
        node("ram:LineOne", party["street"]),
        node("ram:CityName", party["city"]),
        node("ram:CountryID", party["country"]),
    )
    yield node(
        "ram:URIUniversalCommunication", node("ram:URIID", address["value"], schemeID=address["scheme"])
    )
    yield node("ram:SpecifiedTaxRegistration", node("ram:ID", tax_number, schemeID="FC"))
    yield node("ram:SpecifiedTaxRegistration", node("ram:ID", party["vat_id"], schemeID="VA"))


def _delivery(data: Data) -> Element:
    return node(
        "ram:ApplicableHeaderTradeDelivery",
        node(
            "ram:ActualDeliverySupplyChainEvent",
            node("ram:OccurrenceDateTime", _day(data["period"]["to"])),
        ),
    )


def _settlement(data: Data) -> Element:
    payment, period, totals = data["payment"], data["period"], data["totals"]
    return node(
        "ram:ApplicableHeaderTradeSettlement",
        node("ram:PaymentReference", payment["reference"]),
        node("ram:InvoiceCurrencyCode", data["currency"]),
        node(
            "ram:SpecifiedTradeSettlementPaymentMeans",
            node("ram:TypeCode", payment["means_code"]),
            node("ram:Information", payment["means_text"]),
            node(
                "ram:PayeePartyCreditorFinancialAccount",
                node("ram:IBANID", payment["iban"]),
                node("ram:AccountName", payment["account_name"]) if payment["iban"] else None,
            ),
            node(
                "ram:PayeeSpecifiedCreditorFinancialInstitution",
                node("ram:BICID", payment["bic"]) if payment["iban"] else None,
            ),
        ),
        (_tax(one) for one in data["vat_breakdown"]),
        node(
            "ram:BillingSpecifiedPeriod",
            node("ram:StartDateTime", _day(period["from"])),
            node("ram:EndDateTime", _day(period["to"])),
        ),
        node(
            "ram:SpecifiedTradePaymentTerms",
            node("ram:Description", payment["terms"]),
            node("ram:DueDateDateTime", _day(data["due_on"])),
        ),
        node(
            "ram:SpecifiedTradeSettlementHeaderMonetarySummation",
            node("ram:LineTotalAmount", totals["lines"]),
            node("ram:TaxBasisTotalAmount", totals["net"]),
            node("ram:TaxTotalAmount", totals["vat"], currencyID=data["currency"]),
            node("ram:GrandTotalAmount", totals["gross"]),
            node("ram:TotalPrepaidAmount", totals["prepaid"]),
            node("ram:DuePayableAmount", totals["payable"]),
        ),
        _preceding(data["preceding"]),
    )


def _tax(one: Data) -> Element:
    return node(
        "ram:ApplicableTradeTax",
        node("ram:CalculatedAmount", one["tax"]),
        node("ram:TypeCode", "VAT"),
        node("ram:ExemptionReason", one["exemption_text"]),
        node("ram:BasisAmount", one["taxable"]),
        node("ram:CategoryCode", one["category"]),
        node("ram:ExemptionReasonCode", one["exemption_code"]),
        node("ram:RateApplicablePercent", one["rate"] or NO_RATE),
    )


def _preceding(preceding: Data | None) -> Element:
    if preceding is None:
        return None
    return node(
        "ram:InvoiceReferencedDocument",
        node("ram:IssuerAssignedID", preceding["number"]),
        node(
            "ram:FormattedIssueDateTime",
            node("qdt:DateTimeString", preceding["issued_on"].replace("-", ""), format="102"),
        ),
    )


def _day(day: str | None) -> Element:
    return node("udt:DateTimeString", day.replace("-", ""), format="102") if day else None
