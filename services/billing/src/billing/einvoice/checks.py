"""What no schematron looks at: each cent, the type code, and the word „Gutschrift“ only where it belongs.

The official rules allow the VAT to be wrong by up to one euro, and do not multiply quantity by price.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from billing.einvoice.reading import TOTALS, Said, SaidParty

Data = Mapping[str, Any]
_CENT: Final = Decimal("0.01")
INVOICE, CORRECTION, SELF_BILLED = "380", "384", "389"
"""UNTDID 1001: commercial invoice, corrected invoice, self-billed invoice. 381, a credit note, is none of ours."""
WORD: Final = "gutschrift"
"""§ 14 (4) no. 10 UStG asks for it on what the recipient of the service issues, and nothing else may bear it."""
NO_TAX: Final = frozenset({"AE", "E", "O"})


def of_itself(said: Said) -> list[str]:
    """What is wrong with a document whatever it was made from."""
    return [*_lines(said), *_sums(said), *_taxes(said), *_type(said), *_word(said), *_parties(said)]


def against(said: Said, data: Data) -> list[str]:
    """Where a file does not say what was frozen."""
    preceding = data["preceding"]
    pairs = {
        "type code": (said.type_code, data["type_code"]),
        "number": (said.number, data["number"]),
        "day of issue": (said.issued_on, data["issued_on"]),
        "due date": (said.due_on, data["due_on"]),
        "currency": (said.currency, data["currency"]),
        "buyer reference": (said.buyer_reference, data["buyer_reference"]),
        "order number": (said.order_number, data["order_number"]),
        "means of payment": (said.means_code, data["payment"]["means_code"]),
        "IBAN": (said.iban, data["payment"]["iban"]),
        "preceding document": (
            said.preceding,
            (preceding["number"], preceding["issued_on"]) if preceding else None,
        ),
        "period": (said.period, (data["period"]["from"], data["period"]["to"])),
        "seller": (_facts(said.seller), _frozen_facts(data["seller"], seller=True)),
        "buyer": (_facts(said.buyer), _frozen_facts(data["buyer"], seller=False)),
        "totals": (dict(said.totals), {name: Decimal(data["totals"][name]) for name in TOTALS}),
        "lines": (
            [(one.text, one.quantity, one.unit, one.price, one.net, one.category) for one in said.lines],
            [
                (
                    one["text"],
                    Decimal(one["quantity"]),
                    one["unit"],
                    Decimal(one["unit_price"]),
                    Decimal(one["net"]),
                    one["vat_category"],
                )
                for one in data["lines"]
            ],
        ),
        "VAT breakdown": (
            [(one.category, one.rate, one.taxable, one.tax, one.exemption_text) for one in said.taxes],
            [
                (
                    one["category"],
                    Decimal(one["rate"] or 0),
                    Decimal(one["taxable"]),
                    Decimal(one["tax"]),
                    one["exemption_text"],
                )
                for one in data["vat_breakdown"]
            ],
        ),
    }
    notes = all(note["text"] in said.texts for note in data["notes"])
    return [
        *(f"{name} is not as frozen" for name, (is_, frozen) in pairs.items() if is_ != frozen),
        *([] if notes else ["a note is missing"]),
    ]


def _half_up(amount: Decimal) -> Decimal:
    """To the cent, half away from zero, so that a reversal mirrors its original."""
    return amount.quantize(_CENT, ROUND_HALF_UP)


def _lines(said: Said) -> Iterator[str]:
    for position, line in enumerate(said.lines, start=1):
        if line.net != _half_up(line.quantity * line.price):
            yield f"line {position}: {line.quantity} × {line.price} is not {line.net}"
        if line.price < 0:
            yield f"line {position}: a price is never negative"
        if line.category in NO_TAX and line.rate != 0:
            yield f"line {position}: category {line.category} has no rate"


def _sums(said: Said) -> Iterator[str]:
    totals = said.totals
    if totals["lines"] != sum((line.net for line in said.lines), Decimal(0)):
        yield "the lines do not add up"
    if totals["net"] != totals["lines"]:
        yield "net is not the sum of the lines"
    if totals["vat"] != sum((tax.tax for tax in said.taxes), Decimal(0)):
        yield "the VAT does not add up"
    if totals["gross"] != totals["net"] + totals["vat"]:
        yield "gross is not net and VAT"
    if totals["payable"] != totals["gross"] - totals["prepaid"]:
        yield "payable is not gross less prepaid"


def _taxes(said: Said) -> Iterator[str]:
    taxable: dict[tuple[str, Decimal], Decimal] = defaultdict(Decimal)
    for line in said.lines:
        taxable[line.category, line.rate] += line.net
    for tax in said.taxes:
        if tax.taxable != taxable.pop((tax.category, tax.rate), None):
            yield f"category {tax.category}: what is taxable is not the sum of its lines"
        if tax.tax != _half_up(tax.taxable * tax.rate / 100):
            yield f"category {tax.category}: {tax.rate} % of {tax.taxable} is not {tax.tax}"
        if (tax.category in NO_TAX) != (tax.exemption_text is not None):
            yield f"category {tax.category}: the reason for no tax is missing, or is one too many"
    if taxable:
        yield "a category of the lines is not in the breakdown"


def _type(said: Said) -> Iterator[str]:
    gross = said.totals["gross"]
    if said.type_code not in (INVOICE, CORRECTION, SELF_BILLED):
        yield f"type code {said.type_code} is none of ours"
    if said.type_code == INVOICE and (said.preceding or gross < 0):
        yield "an invoice is not negative and corrects nothing"
    if said.type_code == CORRECTION and not said.preceding:
        yield "a correction refers to what it corrects"
    if said.type_code == SELF_BILLED and (said.preceding is not None) != (gross < 0):
        yield "a self-billed document is negative when it corrects another, and only then"
    if said.type_code == CORRECTION and gross > 0:
        yield "a correction takes back: it is not positive"
    if said.totals["payable"] > 0 and said.due_on is None:
        yield "what is to be paid is due on a day"  # BR-CO-25, which the CII schematron does not see


def _word(said: Said) -> Iterator[str]:
    """In the issuer's own words: a client may call his order Gutschrift-12, or himself so."""
    if (WORD in said.issuers_words.lower()) != (said.type_code == SELF_BILLED):
        yield f"type code {said.type_code}: the word Gutschrift is missing, or where it does not belong"


def _parties(said: Said) -> Iterator[str]:
    seller, buyer = said.seller, said.buyer
    outside = any(tax.category == "O" for tax in said.taxes)
    if not (seller.vat_id or seller.tax_number or outside):  # what is not taxable: § 14 (4) UStG does not ask
        yield "the seller has neither VAT id nor tax number"
    if not (seller.vat_id or seller.number or seller.registration):
        yield "nothing tells who the seller is"  # BR-CO-26
    if seller.name == buyer.name:
        yield "seller and buyer are the same"
    if outside and (seller.vat_id or buyer.vat_id):
        yield "category O goes with no VAT id"


def _facts(party: SaidParty) -> tuple[str | None, ...]:
    return (party.name, party.number, party.registration, party.vat_id, party.tax_number, party.postcode)


def _frozen_facts(party: Data, *, seller: bool) -> tuple[str | None, ...]:
    return (
        party["name"],
        party["customer_number"],
        party["registration"],
        party["vat_id"],
        party["tax_number"] if seller else None,
        party["postcode"],
    )
