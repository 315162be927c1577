"""A contractor's own e-invoice as he may send it: number 2026-117, his work and 49.00 for the way, in euro."""

from datetime import date
from decimal import Decimal
from typing import Any

from billing.domain.settlements import OwnInvoice
from contracts.values import VatCategory


def own_invoice(**fields: Any) -> OwnInvoice:
    """As billing reads it."""
    chosen: dict[str, Any] = {
        "number": "2026-117",
        "issued_on": date(2026, 3, 9),
        "net": Decimal("323.75"),
        "vat": Decimal("61.51"),
        "category": VatCategory.S,
    }
    return OwnInvoice(**(chosen | fields))


def ubl(work: str, net: str, tax: str, gross: str) -> str:
    """In UBL, with the amounts as they stand there."""
    return f"""<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
 xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
 xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2">
 <cbc:ID>2026-117</cbc:ID><cbc:IssueDate>2026-03-09</cbc:IssueDate>
 <cbc:InvoiceTypeCode>380</cbc:InvoiceTypeCode><cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>
 <cac:TaxTotal><cbc:TaxAmount>{tax}</cbc:TaxAmount><cac:TaxSubtotal>
  <cac:TaxCategory><cbc:ID>S</cbc:ID></cac:TaxCategory></cac:TaxSubtotal></cac:TaxTotal>
 <cac:LegalMonetaryTotal><cbc:TaxExclusiveAmount>{net}</cbc:TaxExclusiveAmount>
  <cbc:TaxInclusiveAmount>{gross}</cbc:TaxInclusiveAmount></cac:LegalMonetaryTotal>
 <cac:InvoiceLine><cbc:LineExtensionAmount>{work}</cbc:LineExtensionAmount></cac:InvoiceLine>
 <cac:InvoiceLine><cbc:LineExtensionAmount>49.00</cbc:LineExtensionAmount></cac:InvoiceLine>
</Invoice>"""


CII = """<rsm:CrossIndustryInvoice xmlns:rsm="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
 xmlns:ram="urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"
 xmlns:udt="urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100">
 <rsm:ExchangedDocument><ram:ID>2026-117</ram:ID><ram:TypeCode>380</ram:TypeCode>
  <ram:IssueDateTime><udt:DateTimeString format="102">20260309</udt:DateTimeString></ram:IssueDateTime>
 </rsm:ExchangedDocument>
 <rsm:SupplyChainTradeTransaction>
  <ram:IncludedSupplyChainTradeLineItem><ram:SpecifiedLineTradeSettlement>
   <ram:SpecifiedTradeSettlementLineMonetarySummation><ram:LineTotalAmount>323.75</ram:LineTotalAmount>
   </ram:SpecifiedTradeSettlementLineMonetarySummation></ram:SpecifiedLineTradeSettlement>
  </ram:IncludedSupplyChainTradeLineItem>
  <ram:ApplicableHeaderTradeSettlement><ram:InvoiceCurrencyCode>EUR</ram:InvoiceCurrencyCode>
   <ram:ApplicableTradeTax><ram:CategoryCode>S</ram:CategoryCode></ram:ApplicableTradeTax>
   <ram:SpecifiedTradeSettlementHeaderMonetarySummation><ram:TaxBasisTotalAmount>323.75</ram:TaxBasisTotalAmount>
    <ram:TaxTotalAmount currencyID="EUR">61.51</ram:TaxTotalAmount><ram:GrandTotalAmount>385.26</ram:GrandTotalAmount>
   </ram:SpecifiedTradeSettlementHeaderMonetarySummation></ram:ApplicableHeaderTradeSettlement>
 </rsm:SupplyChainTradeTransaction></rsm:CrossIndustryInvoice>"""
"""In CII: 274.75 and 49.00, and 19 %."""
BOMB = (
    '<!DOCTYPE bomb [<!ENTITY a0 "ha">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    + "]>"
)
"""What stands before an invoice whose number is &a11; and that would fill the memory."""
