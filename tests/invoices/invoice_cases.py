"""Frozen documents of every kind that billing issues: what the validators are shown.

Amounts are computed here by a second, independent hand (integers of cents); the service's own are in its domain.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

Data = dict[str, Any]
CENT = Decimal("0.01")

REVERSE_CHARGE = "Steuerschuldnerschaft des Leistungsempfängers (§ 13b UStG)"
SMALL_BUSINESS = "Steuerbefreiung für Kleinunternehmer (§ 19 UStG)"


def _party(**facts: Any) -> Data:
    return {
        "country": "DE",
        "vat_id": None,
        "tax_number": None,
        "customer_number": None,
        "registration": None,
        "contact": None,
    } | facts


DISTRIBUTOR = _party(
    name="Musterdistribution GmbH",
    street="Beispielallee 1",
    postcode="49074",
    city="Osnabrück",
    vat_id="DE999999999",
    tax_number="66/200/00001",
    registration="HRB 4711 (Amtsgericht Osnabrück)",
    electronic_address={"scheme": "EM", "value": "abrechnung@musterdistribution.example"},
    contact={
        "name": "Abrechnung",
        "phone": "+49 541 900100",
        "email": "abrechnung@musterdistribution.example",
    },
)
CLIENT = _party(
    name="Bürotechnik Huber GmbH & Co. KG",
    street="Hauptstraße 5",
    postcode="80331",
    city="München",
    vat_id="DE123456789",
    customer_number="K-1000",
    electronic_address={"scheme": "EM", "value": "rechnung@huber.example"},
)
CONTRACTOR = _party(
    name="Systemhaus Förde KG",
    street="Hafenweg 3",
    postcode="24937",
    city="Flensburg",
    vat_id="DE234567891",
    tax_number="15/123/45678",
    customer_number="K-2000",
    electronic_address={"scheme": "EM", "value": "buero@foerde.example"},
    contact={"name": "Systemhaus Förde KG", "phone": "+49 461 12345", "email": "buero@foerde.example"},
)
SMALL_CONTRACTOR = CONTRACTOR | {"vat_id": None, "name": "Netzdienst Petersen <e. K.>"}
AUSTRIAN_CONTRACTOR = CONTRACTOR | {
    "name": "Kommunikationstechnik Steiner e.U.",
    "street": "Linzer Gasse 10",
    "postcode": "5020",
    "city": "Salzburg",
    "country": "AT",
    "vat_id": "ATU12345675",
    "tax_number": None,
}
SWISS_CLIENT = CLIENT | {
    "name": "Telematik Zürich AG",
    "street": "Bahnhofstrasse 1",
    "postcode": "8001",
    "city": "Zürich",
    "country": "CH",
    "vat_id": None,
}


@dataclass(frozen=True)
class Line:
    """What is done and what it costs; amounts in euros."""

    code: str
    text: str
    quantity: str
    unit: str
    price: str


@dataclass(frozen=True)
class Case:
    """One document to be written in all formats."""

    name: str
    data: Mapping[str, Any] = field(repr=False)


WORK = Line(
    "work", "Installation vor Ort, PLZ 24937, 03.03.2026–04.03.2026, Unify OpenScape", "3.50", "HUR", "95.00"
)
TRAVEL = Line("travel", "An- und Abfahrt, Pauschale Zone 2", "1", "LS", "59.00")
SURCHARGES = (
    Line("surcharge-night", "Zuschlag Nacht 25 %, 20:00–23:15", "3.25", "HUR", "23.75"),
    Line("surcharge-saturday", "Zuschlag Samstag 25 %", "2.00", "HUR", "23.75"),
    Line("surcharge-sunday", "Zuschlag Sonntag 50 %", "1.75", "HUR", "47.50"),
    Line("surcharge-holiday", "Zuschlag Feiertag (Karfreitag, SH) 100 %", "0.25", "HUR", "95.00"),
    Line("surcharge-response", "Reaktionszeitklasse 4 Stunden, pauschal", "1", "LS", "120.00"),
)
# each line has exactly half a cent before rounding: 0.25 × 0.10, 0.5 × 0.03, 0.125 × 1.00, 1.5 × 0.67
HALF_CENTS = (
    Line("work", "Halbe Cent, Viertelstunde", "0.25", "HUR", "0.10"),
    Line("work", "Halbe Cent, halbe Stunde", "0.5", "HUR", "0.03"),
    Line("work", "Halbe Cent, Achtel", "0.125", "HUR", "1.00"),
    Line("work", "Halbe Cent, anderthalb Stunden", "1.5", "HUR", "0.67"),
    # the sum is 1.50, its 19 % are 0.285
    Line("travel", "Rundung der Steuer", "1", "LS", "0.31"),
)
FIFTY = tuple(
    Line("work", f"Montage Endgerät {number}, PLZ 24937, 03.03.2026", f"{number * 25 % 1000 / 100 + 0.25:.2f}",
         "HUR", f"{70 + number * 37 % 60}.{number * 13 % 100:02d}")
    for number in range(1, 51)
)  # fmt: skip
CANCELLATION = Line(
    "fee-late_cancellation", "Stornopauschale, Absage 6 Stunden vor Beginn, PLZ 24937", "1", "LS", "85.00"
)
REWORK = Line("rework", "Nacharbeit ohne Berechnung zu Auftrag A0000000A", "1.25", "HUR", "0.00")


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def frozen(
    leg: str,
    lines: Sequence[Line],
    category: str = "S",
    *,
    seller: Data | None = None,
    buyer: Data | None = None,
    language: str = "de",
    number: int = 1,
    withheld: bool = False,
    iban: bool = True,
) -> Data:
    """A document as billing freezes it. `leg`: client or contractor."""
    client = leg == "client"
    seller = seller or (DISTRIBUTOR if client else CONTRACTOR)
    buyer = buyer or (CLIENT if client else DISTRIBUTOR)
    if category == "O":
        seller, buyer = seller | {"vat_id": None}, buyer | {"vat_id": None}
    name = f"{'RE' if client else 'GS'}-2026-{number:06d}"
    rates: dict[str, str | None] = {"S": "19.00", "AE": "0.00", "E": "0.00", "O": None}
    rate = rates[category]
    written: list[Data] = [
        {
            "position": position,
            "code": line.code,
            "text": line.text,
            "quantity": line.quantity,
            "unit": line.unit,
            "unit_price": line.price,
            "net": f"{_cents(Decimal(line.quantity) * Decimal(line.price)):f}",
            "vat_category": category,
            "vat_rate": rate,
        }
        for position, line in enumerate(lines, start=1)
    ]
    net = sum((Decimal(line["net"]) for line in written), Decimal("0.00"))
    vat = _cents(net * Decimal(rate or "0") / 100)
    exemption, code = {
        "S": (None, None),
        "AE": (REVERSE_CHARGE, "VATEX-EU-AE"),
        "E": (SMALL_BUSINESS, None),
        "O": ("Nicht steuerbar (Leistungsort außerhalb Deutschlands)", "VATEX-EU-O"),
    }[category]
    notes: list[Data] = [
        {
            "subject": None,
            "text": "Preise nach Abrechnungspauschale Version 1, festgelegt bei der Ausschreibung. "
            "Grundlage: Leistungsnachweis Version 1.",
        }
    ]
    if not client:
        notes.append(
            {
                "subject": None,
                "text": "Gutschrift: vom Leistungsempfänger ausgestellt (§ 14 Abs. 2 Satz 5 UStG). Sie verliert mit "
                "Ihrem Widerspruch die Wirkung einer Rechnung.",
            }
        )
    if exemption:
        notes.append({"subject": "AAI", "text": exemption})
    if withheld:
        notes.append(
            {
                "subject": None,
                "text": "Bauabzugsteuer: 15 % des Entgelts werden einbehalten und abgeführt (§ 48 EStG).",
            }
        )
    totals = {
        "lines": f"{net:f}",
        "net": f"{net:f}",
        "vat": f"{vat:f}",
        "gross": f"{net + vat:f}",
        "prepaid": "0.00",
        "payable": f"{net + vat:f}",
    }
    english = language == "en"
    titles = {
        "client": ("Rechnung", "Invoice"),
        "contractor": ("Gutschrift", "Self-billed invoice (Gutschrift)"),
    }
    pays = {
        "client": ("Zahlbar bis 19.03.2026 ohne Abzug.", "Payable by 19 Mar 2026 without deduction."),
        "contractor": ("Wir zahlen bis 19.03.2026.", "We will pay by 19 Mar 2026."),
    }
    return {
        "form": 2,
        "kind": "invoice" if client else "self-billed-invoice",
        "type_code": "380" if client else "389",
        "title": titles[leg][english],
        "number": name,
        "issued_on": "2026-03-05",
        "due_on": "2026-03-19",
        "language": language,
        "currency": "EUR",
        "seller": seller,
        "buyer": buyer,
        "issuer": DISTRIBUTOR | ({"vat_id": None} if category == "O" else {}),
        "buyer_reference": "KST-7" if client else "A0000000K",
        "order_number": "B-4711" if client else None,
        "own_reference": {
            "order_number": "B-4711" if client else None,
            "cost_centre": "KST-7" if client else None,
        },
        "preceding": None,
        "replaces": None,
        "period": {"from": "2026-03-03", "to": "2026-03-04"},
        "payment": {
            "means_code": "58" if iban else "1",
            "means_text": "SEPA-Überweisung" if iban else "Nach Vereinbarung",
            "iban": "DE02120300000000202051" if iban else None,
            "bic": "BYLADEM1001" if iban else None,
            "account_name": seller["name"] if iban else None,
            "reference": name,
            "terms": pays[leg][english],
        },
        "job": {
            "job_id": "01930000-0000-7000-8000-000000000001",
            "job_number": "A0000000K",
            "postcode": "24937",
            "performed_from": "2026-03-03",
            "performed_to": "2026-03-04",
            "statement_version": 1,
            "rate_card_id": "01930000-0000-7000-8000-000000000002",
            "rate_card_version": 1,
            "rework_of": None,
        },
        "lines": written,
        "vat_breakdown": [
            {
                "category": category,
                "rate": rate,
                "taxable": f"{net:f}",
                "tax": f"{vat:f}",
                "exemption_text": exemption,
                "exemption_code": code,
            }
        ],
        "totals": totals,
        "net": totals["net"],
        "vat": totals["vat"],
        "gross": totals["gross"],
        "notes": notes,
        "withheld": {
            "law": "§ 48 EStG",
            "percent": "15.00",
            "base": totals["gross"],
            "amount": f"{_cents((net + vat) * 15 / 100):f}",
        }
        if withheld
        else None,
        "tax": {"rule": "case", "source": "case", "performed_to": "2026-03-04"},
    }


def _negative(amount: str) -> str:
    """The mirror of an amount; zero has no sign."""
    mirrored = -Decimal(amount)
    return f"{abs(mirrored) if mirrored == 0 else mirrored:f}"


def reversal(original: Mapping[str, Any]) -> Data:
    """The full reversal: every amount of the original with the other sign, nothing computed again."""
    data = copy.deepcopy(dict(original))
    self_billed = data["type_code"] == "389"
    number, english = data["number"], data["language"] == "en"
    data["kind"] = "self-billed-correction" if self_billed else "invoice-correction"
    data["type_code"] = "389" if self_billed else "384"
    if self_billed:
        data["title"] = (
            f"Correction of self-billed invoice (Korrektur der Gutschrift) no. {number}"
            if english
            else f"Korrektur der Gutschrift Nr. {number}"
        )
        note = f"Korrektur der Gutschrift Nr. {number} vom 05.03.2026: sie wird in voller Höhe aufgehoben."
    else:
        data["title"] = "Invoice correction (Rechnungskorrektur)" if english else "Rechnungskorrektur"
        note = f"Rechnungskorrektur zur Rechnung Nr. {number} vom 05.03.2026: sie wird in voller Höhe aufgehoben."
    data["number"] = number.replace("RE", "RK").replace("GS", "GK")
    data["preceding"] = {"number": number, "issued_on": data["issued_on"], "type_code": original["type_code"]}
    data["issued_on"], data["due_on"] = "2026-03-20", None
    data["payment"] |= {
        "means_code": "97",
        "means_text": "Verrechnung",
        "iban": None,
        "bic": None,
        "account_name": None,
        "reference": data["number"],
        "terms": "Der Betrag wird verrechnet.",
    }
    for line in data["lines"]:
        line["quantity"], line["net"] = _negative(line["quantity"]), _negative(line["net"])
    for one in data["vat_breakdown"]:
        one["taxable"], one["tax"] = _negative(one["taxable"]), _negative(one["tax"])
    data["totals"] = {name: _negative(amount) for name, amount in data["totals"].items()}
    data |= {name: data["totals"][name] for name in ("net", "vat", "gross")}
    data["notes"] = [{"subject": None, "text": note}, *data["notes"][2 if self_billed else 1 :]]
    data["withheld"] = None
    return data


def cases() -> Iterator[Case]:
    """Every case on both legs; German, and one pair in English."""
    for leg in ("client", "contractor"):
        # the contractor's being small is nothing to the client: his leg is taxed as ever
        small, category = (SMALL_CONTRACTOR, "E") if leg == "contractor" else (None, "S")
        plain = frozen(leg, [WORK, TRAVEL])
        yield Case(f"standard-{leg}", plain)
        yield Case(f"english-{leg}", frozen(leg, [WORK, TRAVEL, REWORK], language="en", number=2))
        yield Case(f"reverse-charge-{leg}", frozen(leg, [WORK, TRAVEL], "AE", number=3))
        yield Case(f"correction-{leg}", reversal(plain))
        yield Case(f"replacement-{leg}", frozen(leg, [WORK], number=4) | {"replaces": plain["number"]})
        yield Case(f"cancellation-fee-{leg}", frozen(leg, [CANCELLATION], number=5))
        yield Case(f"fee-as-damages-{leg}", frozen(leg, [CANCELLATION], "O", number=6))
        yield Case(f"surcharges-{leg}", frozen(leg, [WORK, *SURCHARGES, TRAVEL], number=7))
        yield Case(f"fifty-lines-{leg}", frozen(leg, FIFTY, number=8))
        half_cents = frozen(leg, HALF_CENTS, number=9)
        yield Case(f"half-cents-{leg}", half_cents)
        yield Case(f"half-cents-reversal-{leg}", reversal(half_cents))
        yield Case(f"small-business-{leg}", frozen(leg, [WORK, TRAVEL], category, seller=small, number=10))
        yield Case(
            f"small-business-reversal-{leg}",
            reversal(frozen(leg, [WORK, TRAVEL], category, seller=small, number=11)),
        )
    yield Case("no-iban-contractor", frozen("contractor", [WORK, TRAVEL], iban=False, number=12))
    yield Case("withheld-contractor", frozen("contractor", [WORK, TRAVEL], withheld=True, number=13))
    yield Case(
        "austrian-contractor",
        frozen("contractor", [WORK, TRAVEL], "AE", seller=AUSTRIAN_CONTRACTOR, number=14),
    )
    yield Case("swiss-client", frozen("client", [WORK, TRAVEL], "O", buyer=SWISS_CLIENT, number=12))
