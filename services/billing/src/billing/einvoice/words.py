"""The words of the readable page, German and English. What the document itself says comes from the document."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Final

_GERMAN: Final = MappingProxyType(
    {
        "number": "Nummer",
        "issued_on": "Datum",
        "performed": "Leistungszeitraum",
        "due_on": "Fällig am",
        "customer_number": "Ihre Kundennummer",
        "job": "Auftrag",
        "order_number": "Ihre Bestellnummer",
        "cost_centre": "Ihre Kostenstelle",
        "buyer_reference": "Ihre Referenz",
        "preceding": "Zu Beleg",
        "preceding_on": "Beleg vom",
        "replaces": "Ersetzt Beleg",
        "seller": "Leistungserbringer",
        "buyer": "Leistungsempfänger",
        "vat_id": "USt-IdNr.",
        "tax_number": "Steuernummer",
        "position": "Pos.",
        "text": "Leistung",
        "quantity": "Menge",
        "unit": "Einheit",
        "unit_price": "Einzelpreis €",
        "vat_rate": "USt",
        "amount": "Betrag €",
        "HUR": "Std.",
        "LS": "pauschal",
        "C62": "Stück",
        "net": "Summe netto",
        "vat_S": "Umsatzsteuer {rate} % auf {taxable} €",
        "vat_other": "Umsatzsteuer 0 % auf {taxable} €",
        "vat_O": "Nicht steuerbar",
        "invoice_gross": "Rechnungsbetrag",
        "self-billed-invoice_gross": "Gutschriftbetrag",
        "invoice-correction_gross": "Korrekturbetrag",
        "self-billed-correction_gross": "Korrekturbetrag",
        "invoice_opening": "für die Arbeiten aus dem Auftrag {job}, in Ihrem Namen ausgeführt, berechnen wir:",
        "self-billed-invoice_opening": "für Ihre Leistungen aus dem Auftrag {job} rechnen wir wie folgt ab:",
        "invoice-correction_opening": "den Beleg {preceding} zum Auftrag {job} heben wir in voller Höhe auf:",
        "self-billed-correction_opening": "den Beleg {preceding} zum Auftrag {job} heben wir in voller Höhe auf:",
        "salutation": "Sehr geehrte Damen und Herren,",
        "withheld": "Davon einbehaltene Bauabzugsteuer {percent} % von {base} € ({law})",
        "payment": "Zahlung",
        "means": "Zahlungsart",
        "account_name": "Kontoinhaber",
        "iban": "IBAN",
        "bic": "BIC",
        "reference": "Verwendungszweck",
        "notes": "Hinweise",
        "embedded": "Diese Datei enthält die Rechnungsdaten als XML (ZUGFeRD, Profil EN 16931).",
        "page_of": "Seite {page} von {pages}",
        "AT": "Österreich",
        "CH": "Schweiz",
        "DE": "Deutschland",
    }
)
_ENGLISH: Final = MappingProxyType(
    {
        "number": "Number",
        "issued_on": "Date",
        "performed": "Service period",
        "due_on": "Due on",
        "customer_number": "Your customer number",
        "job": "Job",
        "order_number": "Your order number",
        "cost_centre": "Your cost centre",
        "buyer_reference": "Your reference",
        "preceding": "Refers to",
        "preceding_on": "Dated",
        "replaces": "Replaces",
        "seller": "Supplier",
        "buyer": "Recipient of the service",
        "vat_id": "VAT ID",
        "tax_number": "Tax number",
        "position": "No.",
        "text": "Service",
        "quantity": "Quantity",
        "unit": "Unit",
        "unit_price": "Unit price €",
        "vat_rate": "VAT",
        "amount": "Amount €",
        "HUR": "h",
        "LS": "flat rate",
        "C62": "pcs",
        "net": "Net total",
        "vat_S": "VAT {rate} % on {taxable} €",
        "vat_other": "VAT 0 % on {taxable} €",
        "vat_O": "Not subject to VAT",
        "invoice_gross": "Invoice total",
        "self-billed-invoice_gross": "Total payable to you",
        "invoice-correction_gross": "Total of the correction",
        "self-billed-correction_gross": "Total of the correction",
        "invoice_opening": "for the work of job {job}, carried out in your name, we charge:",
        "self-billed-invoice_opening": "for your services in job {job} we, the recipient, settle as follows:",
        "invoice-correction_opening": "we reverse document {preceding} for job {job} in full:",
        "self-billed-correction_opening": "we reverse document {preceding} for job {job} in full:",
        "salutation": "Dear Sir or Madam,",
        "withheld": "of which withheld: construction withholding tax {percent} % of {base} € ({law})",
        "payment": "Payment",
        "means": "Means of payment",
        "account_name": "Account holder",
        "iban": "IBAN",
        "bic": "BIC",
        "reference": "Payment reference",
        "notes": "Remarks",
        "embedded": "This file contains the invoice data as XML (ZUGFeRD, profile EN 16931).",
        "page_of": "Page {page} of {pages}",
        "AT": "Austria",
        "CH": "Switzerland",
        "DE": "Germany",
    }
)


class Words:
    """Words, days and numbers in a document's language."""

    def __init__(self, language: str) -> None:
        self._german = language != "en"
        self._words: Mapping[str, str] = _GERMAN if self._german else _ENGLISH

    def __getitem__(self, name: str) -> str:
        return self._words[name]

    def country(self, code: str) -> str:
        """Its name, or the ISO code where a letter abroad needs no more."""
        return self._words.get(code, code).upper()

    def day(self, day: str) -> str:
        """An ISO day as people write it."""
        found = date.fromisoformat(day)
        return f"{found:%d.%m.%Y}" if self._german else f"{found.day} {found:%b %Y}"

    def amount(self, amount: str) -> str:
        """Two decimals at least, three where the number has them; a true minus sign."""
        number = Decimal(amount)
        exponent = number.as_tuple().exponent
        places = max(2, -exponent if isinstance(exponent, int) else 0)
        grouped = f"{number:,.{places}f}".replace("-", "−")
        return grouped.translate(str.maketrans(",.", ".,")) if self._german else grouped

    def quantity(self, quantity: str, unit: str) -> str:
        """Hours with decimals, pieces without where there are none."""
        number = Decimal(quantity)
        if unit != "HUR" and number == number.to_integral_value():
            return f"{number:.0f}".replace("-", "−")
        return self.amount(quantity)

    def percent(self, rate: str) -> str:
        """19.00 is 19; 7.50 is 7,5."""
        plain = f"{Decimal(rate).normalize():f}"
        return plain.replace(".", ",") if self._german else plain
