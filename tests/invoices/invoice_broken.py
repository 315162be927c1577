"""Documents that are wrong in one thing each. Every one of them must be rejected."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from typing import Any

from pypdf import PdfReader, PdfWriter
from pypdf.generic import DictionaryObject, NameObject, TextStringObject

from billing.einvoice import cii, ubl
from billing.einvoice.profiles import Format, in_force

Change = Callable[[bytes], bytes]
Made = Mapping[tuple[str, Format], bytes]
"""The valid files, by case and format."""


@dataclass(frozen=True)
class Broken:
    """A wrong file. frozen: the case whose frozen document is needed to see that it is wrong, else None."""

    name: str
    format: Format
    content: bytes
    frozen: str | None = None


def _put(old: str, new: str, times: int = 1) -> Change:
    def change(file: bytes) -> bytes:
        text = file.decode()
        if old not in text:
            raise AssertionError(f"{old!r} is not in the file that should be broken")
        return text.replace(old, new, times).encode()

    return change


def _without(element: str, *, last: bool = False) -> Change:
    """Leave out the first (or last) element of this name."""

    def change(file: bytes) -> bytes:
        found = list(re.finditer(rf"\s*<{element}[ >].*?</{element}>", file.decode(), re.DOTALL))
        gone = found[-1 if last else 0]
        return (file.decode()[: gone.start()] + file.decode()[gone.end() :]).encode()

    return change


def _all_of(*changes: Change) -> Change:
    def change(file: bytes) -> bytes:
        for one in changes:
            file = one(file)
        return file

    return change


BOMB = (
    '<!DOCTYPE bomb [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>'
)
DECLARATION = "<?xml version='1.0' encoding='UTF-8'?>"

_CII: tuple[tuple[str, str, Change], ...] = (
    ("one cent too much VAT", "standard-client", _put("74.39<", "74.40<", 9)),
    (
        "one cent too much VAT, and the totals follow",
        "standard-client",
        _all_of(_put("74.39<", "74.40<", 9), _put("465.89<", "465.90<", 9)),
    ),
    (
        "two euros too much VAT",
        "standard-client",
        _all_of(_put("74.39<", "76.39<", 9), _put("465.89<", "467.89<", 9)),
    ),
    ("quantity × price is not the line", "standard-client", _put(">3.50<", ">3.25<")),
    ("price is not the line's", "standard-client", _put(">95.00<", ">95.01<")),
    ("lines do not add up", "standard-client", _put("<ram:LineTotalAmount>391.50", "<ram:LineTotalAmount>391.51")),
    ("gross is not net and VAT", "standard-client", _put("465.89<", "465.98<", 9)),
    ("payable is not gross", "standard-client", _put("DuePayableAmount>465.89", "DuePayableAmount>465.88")),
    ("a self-billed document called an invoice", "standard-contractor", _put("TypeCode>389", "TypeCode>380")),
    ("a self-billed document called a credit note", "standard-contractor", _put("TypeCode>389", "TypeCode>381")),
    ("an invoice called self-billed", "standard-client", _put("TypeCode>380", "TypeCode>389")),
    ("a partial invoice, code 326", "standard-client", _put("TypeCode>380", "TypeCode>326")),
    ("self-billed by code 261", "standard-contractor", _put("TypeCode>389", "TypeCode>261")),
    ("Gutschrift on an invoice", "standard-client", _put("Content>Preise", "Content>Gutschrift. Preise")),
    ("Gutschrift in a line of a correction", "correction-client", _put("Name>An- und", "Name>Gutschrift An- und")),
    ("no word Gutschrift", "standard-contractor", _put("Gutschrift:", "Rechnung:")),
    ("a correction that refers to nothing", "correction-client", _without("ram:InvoiceReferencedDocument")),
    ("a self-billed correction that refers to nothing", "correction-contractor",
     _without("ram:InvoiceReferencedDocument")),
    ("a correction with one amount not mirrored", "correction-client", _put(">-59.00<", ">59.00<")),
    ("a reversal computed anew, halves towards plus infinity", "half-cents-reversal-client",
     _put(">-0.29<", ">-0.28<", 9)),
    ("a negative price", "correction-client", _all_of(_put(">95.00<", ">-95.00<"), _put(">-3.50<", ">3.50<"))),
    ("no buyer reference", "standard-client", _without("ram:BuyerReference")),
    ("no contact of the seller", "standard-client", _without("ram:DefinedTradeContact")),
    ("a phone number that is none", "standard-client", _put("+49 541 900100", "–")),
    ("an e-mail address that is none", "standard-client", _put("URIID>abrechnung@", "URIID>abrechnung")),
    ("no electronic address of the buyer", "standard-client", _without("ram:URIUniversalCommunication", last=True)),
    ("a transfer without an account", "standard-client", _without("ram:PayeePartyCreditorFinancialAccount")),
    ("an IBAN with a wrong check digit", "standard-client", _put("DE0212030000", "DE0312030000")),
    ("no means of payment", "standard-client", _without("ram:SpecifiedTradeSettlementPaymentMeans")),
    ("neither due date nor terms", "standard-client", _without("ram:SpecifiedTradePaymentTerms")),
    ("no reason for reverse charge", "reverse-charge-client", _all_of(
        _without("ram:ExemptionReason"), _without("ram:ExemptionReasonCode"))),
    ("reverse charge with a rate", "reverse-charge-client", _put("Percent>0.00", "Percent>19.00", 9)),
    ("reverse charge, buyer without VAT id", "reverse-charge-client", _put(
        '<ram:ID schemeID="VA">DE123456789</ram:ID>', '<ram:ID schemeID="FC">15/1</ram:ID>')),
    ("small business with VAT", "small-business-contractor", _put("CalculatedAmount>0.00", "CalculatedAmount>1.00")),
    ("not taxable, with a VAT id", "fee-as-damages-client", _put(
        '<ram:ID schemeID="FC">66/200/00001</ram:ID>', '<ram:ID schemeID="VA">DE999999999</ram:ID>')),
    ("seller with a tax number only, and no identifier", "small-business-contractor", _without("ram:ID", last=False)),
    ("no number of the seller at all", "standard-contractor", _all_of(
        _without("ram:SpecifiedTaxRegistration"), _without("ram:SpecifiedTaxRegistration"))),
    ("a currency that is none", "standard-client", _put("EUR", "EUD", 9)),
    ("a unit that is none", "standard-client", _put('unitCode="HUR"', 'unitCode="STD"')),
    ("a country that is none", "standard-client", _put("CountryID>DE", "CountryID>XX")),
    ("a category that is none", "standard-client", _put("CategoryCode>S", "CategoryCode>Q", 9)),
    ("the 30th of February", "standard-client", _put(">20260305<", ">20260230<")),
    ("a line without a name", "standard-client", _without("ram:SpecifiedTradeProduct")),
    ("no lines", "cancellation-fee-client", _without("ram:IncludedSupplyChainTradeLineItem")),
    ("another standard's identifier", "standard-client", _put("xrechnung_3.0", "xrechnung_1.2")),
    ("no business process", "standard-client", _without("ram:BusinessProcessSpecifiedDocumentContextParameter")),
    ("elements in another order", "standard-client", _all_of(
        _put("<ram:TypeCode>380</ram:TypeCode>", ""),
        _put("<ram:ID>RE-2026-000001</ram:ID>", "<ram:TypeCode>380</ram:TypeCode><ram:ID>RE-2026-000001</ram:ID>"))),
    ("an element nobody knows", "standard-client", _put("<ram:Name>", "<ram:Nickname>x</ram:Nickname><ram:Name>")),
    ("another namespace", "standard-client", _put("CrossIndustryInvoice:100", "CrossIndustryInvoice:1", 9)),
    ("cut off", "standard-client", lambda file: file[: len(file) // 2]),
    ("empty", "standard-client", lambda _: b""),
    ("an XML bomb", "standard-client", _all_of(
        _put(DECLARATION, DECLARATION + BOMB), _put(">KST-7<", ">&c;<"))),
    ("an entity that reads a file", "standard-client", _all_of(
        _put(DECLARATION, DECLARATION + '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/hostname">]>'),
        _put(">KST-7<", ">&f;<"))),
    ("a DTD of no effect", "standard-client", _put(DECLARATION, DECLARATION + "<!DOCTYPE x [<!ELEMENT x ANY>]>")),
)  # fmt: skip

_UBL: tuple[tuple[str, str, Change], ...] = (
    ("one cent too much VAT", "standard-client", _put("74.39<", "74.40<", 9)),
    ("quantity × price is not the line", "standard-client", _put(">3.50<", ">3.25<")),
    ("a self-billed document called an invoice", "standard-contractor", _put("TypeCode>389", "TypeCode>380")),
    ("a credit note's code in an invoice", "standard-contractor", _put("TypeCode>389", "TypeCode>381")),
    ("no word Gutschrift", "standard-contractor", _put("Gutschrift:", "Rechnung:")),
    ("Gutschrift on an invoice", "standard-client", _put("Note>Preise", "Note>Gutschrift. Preise")),
    ("a correction that refers to nothing", "correction-client", _without("cac:BillingReference")),
    ("a self-billed correction that refers to nothing", "correction-contractor", _without("cac:BillingReference")),
    ("no buyer reference", "standard-client", _without("cbc:BuyerReference")),
    ("no contact of the seller", "standard-client", _without("cac:Contact")),
    ("a transfer without an account", "standard-client", _without("cac:PayeeFinancialAccount")),
    ("no reason for reverse charge", "reverse-charge-client", _all_of(
        _without("cbc:TaxExemptionReason"), _without("cbc:TaxExemptionReasonCode"))),
    ("not taxable, with a VAT id", "fee-as-damages-client", _put(
        "<cbc:CompanyID>66/200/00001</cbc:CompanyID>\n        <cac:TaxScheme>\n          <cbc:ID>FC",
        "<cbc:CompanyID>DE999999999</cbc:CompanyID>\n        <cac:TaxScheme>\n          <cbc:ID>VAT")),
    ("a correction with one amount not mirrored", "correction-contractor", _put(">-59.00<", ">59.00<")),
    ("elements in another order", "standard-client", _all_of(
        _put("<cbc:ID>RE-2026-000001</cbc:ID>", "", 1),
        _put("<cbc:DueDate>", "<cbc:ID>RE-2026-000001</cbc:ID><cbc:DueDate>"))),
    ("a UBL credit note", "standard-contractor", _put("schema:xsd:Invoice-2", "schema:xsd:CreditNote-2", 9)),
    ("an XML bomb", "standard-client", _all_of(
        _put(DECLARATION, DECLARATION + BOMB), _put(">KST-7<", ">&c;<"))),
)  # fmt: skip

# Right in themselves, but not what was frozen.
_OTHERWISE: tuple[tuple[str, str, Change], ...] = (
    ("another day", "standard-client", _put(">20260305<", ">20260306<")),
    ("another account", "standard-client", _put("DE02120300000000202051", "DE02500105170137075030")),
    ("another number", "standard-client", _put("<ram:ID>RE-2026-000001", "<ram:ID>RE-2026-000002")),
    ("a correction of another document", "correction-client", _put(
        "IssuerAssignedID>RE-2026-000001", "IssuerAssignedID>RE-2026-000009")),
    ("no order number", "standard-client", _without("ram:BuyerOrderReferencedDocument")),
    ("a line the less", "standard-client", _all_of(
        _without("ram:IncludedSupplyChainTradeLineItem"), _put("391.50<", "59.00<", 9), _put("74.39<", "11.21<", 9),
        _put("465.89<", "70.21<", 9))),
)  # fmt: skip


def _pdfs(made: Made, plain_pdf: bytes) -> Iterator[tuple[str, bytes, str | None]]:
    """`plain_pdf`: a page that is not PDF/A."""
    good = made["standard-client", Format.zugferd]
    other = made["surcharges-client", Format.zugferd]
    xml = made["standard-client", Format.xrechnung_cii]
    yield "no XML in it", _rewritten(good, lambda root: (root.pop("/Names"), root.pop("/AF"))), None
    yield "XML under another name", _renamed(good), None
    yield "no PDF/A: no metadata", _rewritten(good, lambda root: root.pop("/Metadata")), None
    yield "no PDF/A: a font that is not embedded", _without_font(good), None
    yield "no PDF/A: no relation of the attachment", _rewritten(good, lambda root: root.pop("/AF")), None
    yield "a script that runs when it is opened", _scripted(good), None
    yield "no PDF/A at all, XML attached by hand", _attached(plain_pdf, xml), None
    yield "two XML files", _attached(good, xml), None
    yield "encrypted", _encrypted(good), None
    yield "cut off", good[: len(good) // 2], None
    yield "no PDF", xml, None
    yield "the page of another document", _swapped(other, good), "standard-client"


def _rewritten(file: bytes, change: Callable[[Any], object]) -> bytes:
    writer = PdfWriter(clone_from=BytesIO(file))
    change(writer.root_object)
    return _written(writer)


def _scripted(file: bytes) -> bytes:
    writer = PdfWriter(clone_from=BytesIO(file))
    writer.root_object[NameObject("/OpenAction")] = DictionaryObject(
        {
            NameObject("/S"): NameObject("/JavaScript"),
            NameObject("/JS"): TextStringObject("app.alert('paid');"),
        }
    )
    return _written(writer)


def _renamed(file: bytes) -> bytes:
    writer = PdfWriter(clone_from=BytesIO(file))
    root: Any = writer.root_object
    for specification in root["/AF"]:
        for key in ("/F", "/UF"):
            specification.get_object()[NameObject(key)] = TextStringObject("rechnung.xml")
    root["/Names"]["/EmbeddedFiles"]["/Names"][0] = TextStringObject("rechnung.xml")
    return _written(writer)


def _without_font(file: bytes) -> bytes:
    writer = PdfWriter(clone_from=BytesIO(file))
    page: Any = writer.pages[0]
    for font in page["/Resources"]["/Font"].values():
        descriptor = font.get_object()["/DescendantFonts"][0].get_object()["/FontDescriptor"]
        for key in ("/FontFile", "/FontFile2", "/FontFile3"):
            descriptor.pop(key, None)
    return _written(writer)


def _attached(file: bytes, xml: bytes) -> bytes:
    writer = PdfWriter(clone_from=BytesIO(file))
    writer.add_attachment("factur-x.xml", xml)
    return _written(writer)


def _encrypted(file: bytes) -> bytes:
    writer = PdfWriter(clone_from=BytesIO(file))
    writer.encrypt("", "owner")
    return _written(writer)


def _swapped(page_of: bytes, rest_of: bytes) -> bytes:
    """One document's XML behind another's page."""
    writer = PdfWriter(clone_from=BytesIO(rest_of))
    page, other = writer.pages[0], PdfReader(BytesIO(page_of)).pages[0]
    for key in ("/Contents", "/Resources"):
        page[NameObject(key)] = other[key].clone(writer)
    return _written(writer)


def _written(writer: PdfWriter) -> bytes:
    out = BytesIO()
    writer.write(out)
    return bytes(out.getvalue())


def _changed_over(data: Mapping[str, Any], format_: Format) -> bytes:
    """Seller and buyer in each other's place: what those do who take a Gutschrift for an invoice of their own."""
    write = cii.write if format_ is Format.xrechnung_cii else ubl.write
    wrong = dict(data) | {"seller": data["buyer"], "buyer": data["seller"]}
    return write(wrong, in_force(format_, date.fromisoformat(data["issued_on"])))


def broken(made: Made, frozen: Mapping[str, Mapping[str, Any]], plain_pdf: bytes) -> Iterator[Broken]:
    """All of them."""
    for format_ in (Format.xrechnung_cii, Format.xrechnung_ubl):
        case = "standard-contractor"
        content = _changed_over(frozen[case], format_)
        yield Broken(f"{format_.name}: seller and buyer changed over", format_, content, case)
    for name, case, change in _CII:
        format_ = Format.xrechnung_cii
        yield Broken(f"CII: {name}", format_, change(made[case, format_]))
    for name, case, change in _UBL:
        format_ = Format.xrechnung_ubl
        yield Broken(f"UBL: {name}", format_, change(made[case, format_]))
    for name, case, change in _OTHERWISE:
        format_ = Format.xrechnung_cii
        yield Broken(f"not as frozen: {name}", format_, change(made[case, format_]), frozen=case)
    for name, content, known in _pdfs(made, plain_pdf):
        yield Broken(f"PDF: {name}", Format.zugferd, content, known)
