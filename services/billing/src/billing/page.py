"""A document as a page people can read: one self-contained HTML file, made from the frozen data alone.

It is marked as a sample: the lawful document is the e-invoice, which follows in a later release.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from html import escape
from importlib import resources
from types import MappingProxyType
from typing import Any

_GERMAN = MappingProxyType(
    {
        "sample": "Muster – keine Rechnung im Sinne des § 14 UStG",
        "watermark": "MUSTER",
        "by_buyer": "vom Leistungsempfänger ausgestellt (§ 14 Abs. 2 Satz 5 UStG)",
        "for_job": "zum Auftrag {job_number}",
        "number": "Nummer",
        "issued_on": "Datum",
        "performed": "Leistungszeitraum",
        "due_on": "Fällig am",
        "customer_number": "Kundennummer",
        "order_number": "Ihre Bestellung",
        "cost_centre": "Ihre Kostenstelle",
        "seller": "Leistungserbringer",
        "buyer": "Leistungsempfänger",
        "vat_id": "USt-IdNr.",
        "tax_number": "Steuernummer",
        "position": "Pos.",
        "text": "Leistung",
        "quantity": "Menge",
        "unit_price": "Einzelpreis",
        "amount": "Betrag",
        "HUR": "Std.",
        "LS": "pauschal",
        "net": "Nettobetrag",
        "vat": "Umsatzsteuer",
        "gross": "Gesamtbetrag",
        "fingerprint": "Festgeschriebene Daten, SHA-256",
    }
)
_ENGLISH = MappingProxyType(
    {
        "sample": "Sample – not an invoice within the meaning of § 14 UStG "
        "(Muster – keine Rechnung im Sinne des § 14 UStG)",
        "watermark": "SAMPLE",
        "by_buyer": "issued by the recipient of the service (§ 14 (2) sentence 5 UStG)",
        "for_job": "for job {job_number}",
        "number": "Number",
        "issued_on": "Date",
        "performed": "Service period",
        "due_on": "Due on",
        "customer_number": "Customer number",
        "order_number": "Your order",
        "cost_centre": "Your cost centre",
        "seller": "Supplier",
        "buyer": "Recipient of the service",
        "vat_id": "VAT ID",
        "tax_number": "Tax number",
        "position": "No.",
        "text": "Service",
        "quantity": "Quantity",
        "unit_price": "Unit price",
        "amount": "Amount",
        "HUR": "h",
        "LS": "flat rate",
        "net": "Net amount",
        "vat": "VAT",
        "gross": "Total",
        "fingerprint": "Frozen data, SHA-256",
    }
)


def render(data: Mapping[str, Any], sha256: str) -> str:
    """The page of a frozen document (billing.domain.documents) in its own language."""
    return _Page(data, sha256).html()


class _Page:
    def __init__(self, data: Mapping[str, Any], sha256: str) -> None:
        self._data = data
        self._sha256 = sha256
        self._german = data["language"] != "en"
        self._words = _GERMAN if self._german else _ENGLISH

    def html(self) -> str:
        data, says = self._data, self._says
        css = resources.files("billing").joinpath("page.css").read_text(encoding="utf-8")
        title = escape(data["title"])
        self_billed = data["kind"].startswith("self-billed")
        by_buyer = "<br>" + says("by_buyer") if self_billed else ""
        lines = "".join(self._line(number, line) for number, line in enumerate(data["lines"], start=1))
        recipient = data["seller"] if self_billed else data["buyer"]
        issuer = data["issuer"]
        number = escape(data["number"])
        closing = escape(data["payment"]["terms"])
        notes = "".join(f'<p class="small">{escape(note["text"])}</p>' for note in data["notes"])
        taxes = "".join(
            f'<tr><td>{self._tax(row)}</td><td class="n">{self._euros(row["tax"])}</td></tr>'
            for row in data["vat_breakdown"]
        )
        return f"""<!doctype html>
<html lang="{"de" if self._german else "en"}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} {number}</title>
<style>
{css}</style>
</head>
<body>
<div class="sample">{says("sample")}</div>
<main data-sample="{says("watermark")}">
<header>
<div><div class="house">{escape(issuer["name"])}</div><p>{self._address(issuer, ", ")}</p></div>
<p class="small">{says("vat_id")} {escape(issuer["vat_id"] or "–")}</p>
</header>
<div class="top">
<div class="window">
<p class="small">{escape(issuer["name"])} · {self._address(issuer, " · ")}</p>
<p><strong>{escape(recipient["name"])}</strong></p>
<p>{self._address(recipient, "<br>")}</p>
</div>
<dl class="facts">{self._facts(recipient)}</dl>
</div>
<h1>{title} <span class="no">{number}</span><small>{says("for_job")}{by_buyer}</small></h1>
<div class="parties">{self._party("seller")}{self._party("buyer")}</div>
<table>
<thead><tr><th>{says("position")}</th><th>{says("text")}</th><th class="n">{says("quantity")}</th>
<th class="n">{says("unit_price")}</th><th class="n">{says("amount")}</th></tr></thead>
<tbody>{lines}</tbody>
</table>
<table class="sums">
<tr><td>{says("net")}</td><td class="n">{self._euros(data["net"])}</td></tr>
{taxes}
<tr><td>{says("gross")}</td><td class="n">{self._euros(data["gross"])}</td></tr>
</table>
<div class="closing"><p>{closing}</p>{notes}</div>
<footer>{escape(issuer["name"])} · {self._address(issuer, " · ")}<br>
{says("fingerprint")} {escape(self._sha256)}</footer>
</main>
</body>
</html>
"""

    def _says(self, word: str) -> str:
        job = self._data["job"]
        return escape(
            self._words[word].format(
                job_number=job["job_number"],
            )
        )

    def _tax(self, row: Mapping[str, Any]) -> str:
        if row["category"] != "S":
            return escape(row["exemption_text"])
        rate = self._number(row["rate"]).removesuffix(",00").removesuffix(".00")
        return f"{self._says('vat')} {rate} %"

    def _facts(self, recipient: Mapping[str, Any]) -> str:
        data, job = self._data, self._data["job"]
        performed = self._day(job["performed_from"])
        if job["performed_to"] != job["performed_from"]:
            performed += f" – {self._day(job['performed_to'])}"
        facts = {
            "number": data["number"],
            "issued_on": self._day(data["issued_on"]),
            "performed": performed,
            "due_on": self._day(data["due_on"]) if data["due_on"] else None,
            "customer_number": recipient["customer_number"],
            "order_number": data["own_reference"]["order_number"],
            "cost_centre": data["own_reference"]["cost_centre"],
        }
        return "".join(
            f"<dt>{self._says(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts.items() if value
        )

    def _party(self, role: str) -> str:
        party = self._data[role]
        numbers = "".join(
            f"<p>{self._says(name)} {escape(party[name])}</p>"
            for name in ("vat_id", "tax_number")
            if party[name]
        )
        return (
            f"<section><h2>{self._says(role)}</h2><p><strong>{escape(party['name'])}</strong></p>"
            f"<p>{self._address(party, '<br>')}</p>{numbers}</section>"
        )

    def _line(self, number: int, line: Mapping[str, Any]) -> str:
        unit = self._says(line["unit"])
        quantity = f"{self._number(line['quantity'])} {unit}" if line["unit"] == "HUR" else unit
        return (
            f"<tr><td>{number}</td><td>{escape(line['text'])}</td>"
            f'<td class="n">{quantity}</td><td class="n">{self._euros(line["unit_price"])}</td>'
            f'<td class="n">{self._euros(line["net"])}</td></tr>'
        )

    @staticmethod
    def _address(party: Mapping[str, Any], between: str) -> str:
        abroad = [] if party["country"] == "DE" else [escape(party["country"])]
        return between.join(
            [escape(party["street"]), escape(f"{party['postcode']} {party['city']}"), *abroad]
        )

    def _day(self, day: str) -> str:
        return f"{date.fromisoformat(day):{'%d.%m.%Y' if self._german else '%d %b %Y'}}"

    def _number(self, number: str) -> str:
        grouped = f"{Decimal(number):,.2f}"
        return grouped.translate(str.maketrans(",.", ".,")) if self._german else grouped

    def _euros(self, amount: str) -> str:
        return f"{self._number(amount)} €" if self._german else f"€{self._number(amount)}"
