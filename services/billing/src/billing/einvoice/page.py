"""What stands where on the readable page: strings only, made from the frozen document; layout.typ sets them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from billing.einvoice.words import Words

Data = Mapping[str, Any]
SELF_BILLED = frozenset({"self-billed-invoice", "self-billed-correction"})


def page(data: Data) -> dict[str, object]:
    """All strings of the page."""
    words = Words(data["language"])
    issuer = data["issuer"]
    recipient = data["seller"] if data["kind"] in SELF_BILLED else data["buyer"]
    preceding = data["preceding"]
    opening = words[f"{data['kind']}_opening"].format(
        job=data["job"]["job_number"], preceding=preceding["number"] if preceding else ""
    )
    return {
        "language": data["language"],
        "title": data["title"],
        # a self-billed correction's title names the document it corrects: its own number stands below
        "heading": data["title"]
        if preceding and preceding["number"] in data["title"]
        else f"{data['title']} {data['number']}",
        "number": data["number"],
        "issued_on": data["issued_on"],
        "house": issuer["name"],
        "sender": " · ".join([issuer["name"], issuer["street"], f"{issuer['postcode']} {issuer['city']}"]),
        "recipient": [recipient["name"], *_address(recipient, data, words)],
        "facts": list(_facts(data, recipient, words)),
        "salutation": words["salutation"],
        "opening": opening,
        "parties": [_party(data, role, words) for role in ("seller", "buyer")],
        "columns": [
            words[name]
            for name in ("position", "text", "quantity", "unit", "unit_price", "vat_rate", "amount")
        ],
        "lines": [_line(line, words) for line in data["lines"]],
        "sums": list(_sums(data, words)),
        "exemptions": [one["exemption_text"] for one in data["vat_breakdown"] if one["exemption_text"]],
        "gross": [words[f"{data['kind']}_gross"], f"{words.amount(data['totals']['payable'])} €"],
        "withheld": _withheld(data["withheld"], words),
        "payment_title": words["payment"],
        "terms": data["payment"]["terms"],
        "payment": list(_payment(data, words)),
        "notes_title": words["notes"],
        "notes": [note["text"] for note in data["notes"]],
        "embedded": words["embedded"],
        "page_of": words["page_of"],
        "imprint": list(_imprint(data, words)),
    }


def _address(party: Data, data: Data, words: Words) -> list[str]:
    abroad = [] if party["country"] == data["issuer"]["country"] else [words.country(party["country"])]
    return [party["street"], f"{party['postcode']} {party['city']}", *abroad]


def _facts(data: Data, recipient: Data, words: Words) -> Iterator[list[str]]:
    period, preceding, own = data["period"], data["preceding"], data["own_reference"]
    performed = words.day(period["from"])
    if period["to"] != period["from"]:
        performed += f" – {words.day(period['to'])}"
    # the buyer's reference is shown where nothing else says it already
    said = {own["cost_centre"], own["order_number"], data["job"]["job_number"]}
    facts = {
        "number": data["number"],
        "issued_on": words.day(data["issued_on"]),
        "performed": performed,
        "due_on": words.day(data["due_on"]) if data["due_on"] else None,
        "preceding": preceding and preceding["number"],
        "preceding_on": preceding and words.day(preceding["issued_on"]),
        "replaces": data["replaces"],
        "customer_number": recipient["customer_number"],
        "job": data["job"]["job_number"],
        "order_number": own["order_number"],
        "cost_centre": own["cost_centre"],
        "buyer_reference": None if data["buyer_reference"] in said else data["buyer_reference"],
    }
    for name, value in facts.items():
        if value:
            yield [words[name], value]


def _party(data: Data, role: str, words: Words) -> dict[str, object]:
    party = data[role]
    numbers = [
        f"{words[name]} {party[name]}"
        for name in ("vat_id", "tax_number")
        if party[name] and (role == "seller" or name == "vat_id")
    ]
    return {
        "role": words[role],
        "name": party["name"],
        "address": ", ".join(_address(party, data, words)),
        "numbers": numbers,
    }


def _line(line: Data, words: Words) -> list[str]:
    rate = line["vat_rate"]
    return [
        str(line["position"]),
        line["text"],
        words.quantity(line["quantity"], line["unit"]),
        words[line["unit"]],
        words.amount(line["unit_price"]),
        "–" if rate is None else f"{words.percent(rate)} %",
        words.amount(line["net"]),
    ]


def _sums(data: Data, words: Words) -> Iterator[list[str]]:
    yield [words["net"], f"{words.amount(data['totals']['net'])} €"]
    for one in data["vat_breakdown"]:
        label = words[{"S": "vat_S", "O": "vat_O"}.get(one["category"], "vat_other")]
        said = label.format(rate=words.percent(one["rate"] or "0"), taxable=words.amount(one["taxable"]))
        yield [said, f"{words.amount(one['tax'])} €"]


def _withheld(withheld: Data | None, words: Words) -> list[str] | None:
    if withheld is None:
        return None
    said = words["withheld"].format(
        percent=words.percent(withheld["percent"]), base=words.amount(withheld["base"]), law=withheld["law"]
    )
    return [said, f"{words.amount(withheld['amount'])} €"]


def _payment(data: Data, words: Words) -> Iterator[list[str]]:
    payment = data["payment"]
    yield [words["means"], payment["means_text"]]
    if payment["iban"]:
        iban = payment["iban"]
        yield [words["account_name"], payment["account_name"] or ""]
        yield [words["iban"], " ".join(iban[at : at + 4] for at in range(0, len(iban), 4))]
        if payment["bic"]:
            yield [words["bic"], payment["bic"]]
    yield [words["reference"], payment["reference"]]


def _imprint(data: Data, words: Words) -> Iterator[list[str]]:
    """The columns at the foot: who the issuer is."""
    issuer, contact = data["issuer"], data["issuer"]["contact"] or {}
    yield [issuer["name"], *_address(issuer, data, words)]
    yield [contact[name] for name in ("name", "phone", "email") if contact.get(name)]
    numbers = [f"{words[name]} {issuer[name]}" for name in ("vat_id", "tax_number") if issuer[name]]
    yield [*([issuer["registration"]] if issuer["registration"] else []), *numbers]
