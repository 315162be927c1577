"""A contractor's own e-invoice, read with care: it comes from outside and may be anything."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any, Final

from billing.domain.payables import checked
from billing.domain.settlements import OwnInvoice
from chassis.decisions import Rejected
from contracts.values import VatCategory

LARGEST_BYTES: Final = 400_000
_NAMESPACES: Final = {
    "ubl": "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2",
    "cac": "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2",
    "cbc": "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2",
    "rsm": "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100",
    "ram": "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100",
    "udt": "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100",
}
_UBL: Final = MappingProxyType(
    {
        "number": "cbc:ID",
        "type": "cbc:InvoiceTypeCode",
        "day": "cbc:IssueDate",
        "currency": "cbc:DocumentCurrencyCode",
        "lines": "cac:InvoiceLine/cbc:LineExtensionAmount",
        "net": "cac:LegalMonetaryTotal/cbc:TaxExclusiveAmount",
        "vat": "cac:TaxTotal/cbc:TaxAmount",
        "gross": "cac:LegalMonetaryTotal/cbc:TaxInclusiveAmount",
        "category": "cac:TaxTotal/cac:TaxSubtotal/cac:TaxCategory/cbc:ID",
    }
)
_HEADER: Final = "rsm:SupplyChainTradeTransaction/ram:ApplicableHeaderTradeSettlement"
_SUMS: Final = f"{_HEADER}/ram:SpecifiedTradeSettlementHeaderMonetarySummation"
_CII: Final = MappingProxyType(
    {
        "number": "rsm:ExchangedDocument/ram:ID",
        "type": "rsm:ExchangedDocument/ram:TypeCode",
        "day": "rsm:ExchangedDocument/ram:IssueDateTime/udt:DateTimeString",
        "currency": f"{_HEADER}/ram:InvoiceCurrencyCode",
        "lines": "rsm:SupplyChainTradeTransaction/ram:IncludedSupplyChainTradeLineItem/"
        "ram:SpecifiedLineTradeSettlement/ram:SpecifiedTradeSettlementLineMonetarySummation/ram:LineTotalAmount",
        "net": f"{_SUMS}/ram:TaxBasisTotalAmount",
        "vat": f"{_SUMS}/ram:TaxTotalAmount",
        "gross": f"{_SUMS}/ram:GrandTotalAmount",
        "category": f"{_HEADER}/ram:ApplicableTradeTax/ram:CategoryCode",
    }
)
_FORMS: Final = MappingProxyType(
    {f"{{{_NAMESPACES['ubl']}}}Invoice": _UBL, f"{{{_NAMESPACES['rsm']}}}CrossIndustryInvoice": _CII}
)
_INVOICE_TYPES: Final = frozenset({"380", "326"})


def own_invoice(content: bytes) -> OwnInvoice:
    """The invoice in a file. Raises Rejected: not-xml, wrong-format, not-an-invoice, wrong-currency, sums-wrong."""
    root = _parsed(content)
    places = _FORMS.get(root.tag)
    if places is None:
        raise _refused("wrong-format", "This is neither an UBL invoice nor a CII invoice.")
    if _one(root, places["type"]) not in _INVOICE_TYPES:
        raise _refused("not-an-invoice", "Only an invoice (type 380) can be booked.")
    if _one(root, places["currency"]) != "EUR":
        raise _refused("wrong-currency", "Invoices are in euros.")
    net, vat, gross = (_amount(_one(root, places[name])) for name in ("net", "vat", "gross"))
    lines = [_amount(found) for found in _all(root, places["lines"])]
    if not lines or sum(lines) != net:
        raise _refused("sums-wrong", f"The lines do not add up to {net}.")
    category = _category(_all(root, places["category"]))
    number = _one(root, places["number"])
    read = OwnInvoice(_number(number), _day(_one(root, places["day"])), net, vat, category)
    return checked(read, gross)


def joined(pieces: Sequence[str]) -> bytes:
    """The file that came in pieces of base64. Raises Rejected: not-base64, too-large."""
    if sum(map(len, pieces)) > LARGEST_BYTES * 4 // 3 + 4:
        raise _refused("too-large", f"An invoice has at most {LARGEST_BYTES} bytes.")
    try:
        return base64.b64decode("".join(pieces), validate=True)
    except (binascii.Error, ValueError):
        raise _refused("not-base64", "The pieces together are not base64.") from None


def _parsed(content: bytes) -> Any:
    """The root. A document type is refused outright: entities are what XML bombs are made of."""
    from lxml import etree  # 10 MB that a replica needs only once somebody sends such a file

    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError:
        raise _refused("not-xml", "The file is no well-formed XML.") from None
    except ValueError:
        raise _refused("not-xml", "The file is no well-formed XML.") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise _refused("not-xml", "An invoice has no document type declaration.")
    return root


def _all(root: Any, path: str) -> list[str]:
    return [(found.text or "").strip() for found in root.findall(path, _NAMESPACES)]


def _one(root: Any, path: str) -> str:
    found = _all(root, path)
    if len(found) != 1 or not found[0]:
        raise _refused("wrong-format", f"{path.rsplit('/', 1)[-1]} should be there once.")
    return found[0]


def _amount(said: str) -> Decimal:
    try:
        amount = Decimal(said)
        if amount.is_finite() and amount >= 0 and amount == amount.quantize(Decimal("0.01")):
            return amount.quantize(Decimal("0.01"))
    except InvalidOperation:
        pass
    raise _refused("sums-wrong", "An amount is none, or negative, or has fractions of a cent.")


def _category(said: Sequence[str]) -> VatCategory:
    if len(set(said)) != 1 or said[0] not in VatCategory.__members__:
        raise _refused("wrong-format", "There should be one VAT category, S, AE, E or O.")
    return VatCategory(said[0])


def _number(said: str) -> str:
    if not 1 <= len(said) <= 30 or not said.isprintable():  # DocumentNumber
        raise _refused("wrong-format", "The invoice's number should have at most 30 characters.")
    return said.upper()


def _day(said: str) -> date:
    try:
        return date.fromisoformat(said) if "-" in said else datetime.strptime(said, "%Y%m%d").date()  # noqa: DTZ007  # a day, no moment
    except ValueError:
        raise _refused("wrong-format", "The day of issue is none.") from None


def _refused(code: str, sentence: str) -> Rejected:
    return Rejected(code, sentence, "content_base64")
