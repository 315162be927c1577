"""Values that several messages share. Amounts are decimal text with a currency, never floating point."""

from __future__ import annotations

from datetime import timedelta
from decimal import ROUND_CEILING, Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from contracts.messages import OpenEnum, Value
from contracts.wire import Day, Time, decimal_text, text, whole

LONGEST_WINDOW = timedelta(days=14)

# -- text of a checked form ------------------------------------------------------------------------

Name = Annotated[str, text(120)]
"""The name of a company, person or place."""
Postcode = Annotated[str, text(5, "^[0-9]{5}$")]
"""A German postcode."""
Country = Annotated[str, text(2, "^[A-Z]{2}$")]
"""ISO 3166-1 alpha-2."""
Email = Annotated[str, text(254, r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$")]
"""An address for mail; a simple form on purpose, one recipient, ASCII."""
Phone = Annotated[str, text(30, "^[+0-9(][0-9 ()/.-]{2,29}$")]
CustomerNumber = Annotated[str, text(20, "^[A-Z0-9][A-Z0-9-]{0,19}$")]
"""The distributor's number of a dealer."""
Group = Annotated[str, text(40, "^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
"""A code for a group of companies that belong together; never their name."""
VatId = Annotated[str, text(14, "^[A-Z]{2}[A-Z0-9]{2,12}$")]
"""Umsatzsteuer-Identifikationsnummer, § 27a UStG."""
TaxNumber = Annotated[str, text(20, "^[0-9][0-9/ ]{5,19}$")]
"""Steuernummer."""
Code = Annotated[str, text(60, "^[a-z0-9][a-z0-9-]{0,59}$")]
"""A fixed word for programs, such as `insurance-expired`."""
ArticleNumber = Annotated[str, text(30, "^[A-Za-z0-9][A-Za-z0-9./_-]{0,29}$")]
JobNumber = Annotated[str, text(9, "^A[0-9A-HJKMNP-TV-Z]{8}$")]
"""The number people use for a job (contracts.ids.job_number)."""
DocumentNumber = Annotated[str, text(30, "^[A-Z0-9][A-Z0-9-]{0,29}$")]
"""The gapless number of an invoice or a self-billed invoice, § 14 (4) no. 4 UStG."""
Reference = Annotated[str, text(30, "^[A-Za-z0-9][A-Za-z0-9./_-]{0,29}$")]
Sha256 = Annotated[str, text(64, "^[0-9a-f]{64}$")]
Iban = Annotated[str, text(34, "^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$")]
"""The account to pay to, without spaces (ISO 13616); its check digits are judged by who uses it."""
LeitwegId = Annotated[str, text(46, "^[0-9]{2,12}(-[A-Za-z0-9]{1,30})?-[0-9]{2}$")]
"""A public buyer's routing number, BT-10 of an XRechnung."""
CertificateNumber = Annotated[str, text(30, "^[A-Za-z0-9][A-Za-z0-9 ./_-]{0,29}$")]
"""The number on a certificate of the tax office."""
ForeignPostcode = Annotated[str, text(10, "^[A-Z0-9][A-Z0-9 -]{1,9}$")]
"""A postcode of any country."""
KeyName = Annotated[str, text(64, "^[A-Za-z0-9._-]{1,64}$")]
"""The kid of a key."""
Remark = Annotated[str, text(200)]
"""A remark of the distributor's people, on restricted topics only."""
_LETTERS = "A-Za-zÄÖÜäöüßéèáàçñ"
_SIGNS = " ,.:;()/+&'-"
_DIGITS = f"([0-9][{_SIGNS}]*){{0,5}}"
_PUBLIC = f"^{_DIGITS}([{_LETTERS}]+[{_SIGNS}]*{_DIGITS})*$"
"""Begins with a letter or digit; at most five digits between letters, no @: no phone number, no mail address."""
Summary = Annotated[str, text(80, _PUBLIC)]
"""A few words on the work, for all to read."""
Manufacturer = Annotated[str, text(40, _PUBLIC)]
ProductLine = Annotated[str, text(40, _PUBLIC)]
Fact = Annotated[str, text(200, f"^[{_LETTERS}0-9][{_LETTERS}0-9 ,.:;()/+&%<>=≤≥–'_-]*$")]
"""What was found, in words of the system's own, and names such as a manufacturer's."""
SealedText = Annotated[
    str,
    text(
        20_000,
        r"^[A-Za-z0-9_-]{20,4000}\.[A-Za-z0-9_-]{0,400}\.[A-Za-z0-9_-]{16}\.[A-Za-z0-9_-]{1,19000}\.[A-Za-z0-9_-]{22}$",
    ),
]
Sealed = SealedText
"""Ciphertext: a compact JWE (RFC 7516) of an EndCustomer, bound to one job (contracts.seal)."""

# -- numbers ---------------------------------------------------------------------------------------

_TO_399 = "([1-9]|[1-9][0-9]|[1-3][0-9]{2})"
Hours = Annotated[
    Decimal,
    decimal_text(
        "Working hours in steps of a quarter, 0.25 to 400.",
        rf"^(0\.(25|50?|75)|{_TO_399}(\.(00?|25|50?|75))?|400(\.00?)?)$",
    ),
]
WeeklyHours = Annotated[
    Decimal,
    decimal_text(
        "Hours a week, 0 to 400: a dealer may have several people.",
        rf"^((0|{_TO_399})(\.[0-9]{{1,2}})?|400(\.00?)?)$",
    ),
]
Amount = Annotated[
    Decimal,
    decimal_text("Two digits follow the point; never negative.", r"^(0|[1-9][0-9]{0,9})\.[0-9]{2}$", 2),
]
Quantity = Annotated[Decimal, decimal_text("How many or how much.", r"^(0|[1-9][0-9]{0,5})(\.[0-9]{1,3})?$")]
Kilometres = Annotated[
    Decimal, decimal_text("As the crow flies, one digit after the point.", r"^(0|[1-9][0-9]{0,4})\.[0-9]$", 1)
]
Share = Annotated[Decimal, decimal_text("0 to 1.", r"^(0(\.[0-9]{1,4})?|1(\.0{1,4})?)$")]
Score = Annotated[Decimal, decimal_text("The more, the better.", r"^-?(0|[1-9][0-9]{0,5})(\.[0-9]{1,4})?$")]
Percent = Annotated[
    Decimal,
    decimal_text("In percent: 19.00 is nineteen percent.", r"^(100\.00|(0|[1-9][0-9]?)\.[0-9]{2})$", 2),
]
Zone = Annotated[int, whole(1, 6)]
"""A travel zone of the rate card, 1 the nearest."""
Version = Annotated[int, whole(1, 2_147_483_647)]
"""Counts 1, 2, 3 …"""
Count = Annotated[int, whole(0, 1_000_000)]

# -- words -----------------------------------------------------------------------------------------


class KindOfWork(OpenEnum):
    """What is to be done."""

    installation = "installation"
    service = "service"
    maintenance = "maintenance"
    dismantling = "dismantling"
    unknown = "unknown"


class ResponseTime(OpenEnum):
    """Promised time to arrival, counted in service hours."""

    four_hours = "four_hours"
    next_business_day = "next_business_day"
    scheduled = "scheduled"
    unknown = "unknown"


class CustomerStatus(OpenEnum):
    """How the distributor stands to a dealer; only `active` opens the gate."""

    active = "active"
    blocked = "blocked"
    ended = "ended"
    unknown = "unknown"


class AgreementKind(OpenEnum):
    """What a framework agreement allows: to post jobs, or to take them."""

    client = "client"
    contractor = "contractor"
    unknown = "unknown"


class OfferPolicy(OpenEnum):
    """How candidates are asked: the best is simply given the job, one after the other, or the best few at once."""

    direct = "direct"
    sequential = "sequential"
    broadcast = "broadcast"
    unknown = "unknown"


class SurchargeKind(OpenEnum):
    """When an hour costs more, in German local time. Of several only the highest counts."""

    night = "night"
    saturday = "saturday"
    sunday = "sunday"
    holiday = "holiday"
    """A public holiday of the state in which the work is done."""
    unknown = "unknown"


class FeeKind(OpenEnum):
    """What is charged although no work was done."""

    late_cancellation = "late_cancellation"
    nobody_there = "nobody_there"
    unknown = "unknown"


class Leg(OpenEnum):
    """One of the two sides of a settlement."""

    client = "client"
    contractor = "contractor"
    unknown = "unknown"


class State(OpenEnum):
    """A state of Germany, ISO 3166-2 without `DE-`."""

    BB = "BB"
    BE = "BE"
    BW = "BW"
    BY = "BY"
    HB = "HB"
    HE = "HE"
    HH = "HH"
    MV = "MV"
    NI = "NI"
    NW = "NW"
    RP = "RP"
    SH = "SH"
    SL = "SL"
    SN = "SN"
    ST = "ST"
    TH = "TH"
    unknown = "unknown"


class VatCategory(OpenEnum):
    """A VAT category of UNTDID 5305, as EN 16931 uses it."""

    S = "S"
    """Standard rate."""
    AE = "AE"
    """The recipient owes the tax, § 13b UStG."""
    E = "E"
    """Exempt: a small business, § 19 UStG."""
    O = "O"  # noqa: E741  # the code of the standard
    """Not subject to VAT."""
    unknown = "unknown"


class NoticeKind(OpenEnum):
    """What a partner is told about a job."""

    offer = "offer"
    assignment = "assignment"
    assignment_client = "assignment_client"
    released = "released"
    amended = "amended"
    settlement_client = "settlement_client"
    settlement_contractor = "settlement_contractor"
    unfilled = "unfilled"
    unknown = "unknown"


Language = Literal["de", "en"]

# -- values ----------------------------------------------------------------------------------------


class Money(Value):
    """An amount, never negative, with two digits after the point."""

    amount: Amount
    currency: Literal["EUR"]


def eur(amount: Decimal | int | str) -> Money:
    """An amount in euros. Raises pydantic.ValidationError when negative or with fractions of a cent."""
    return Money(amount=Decimal(amount), currency="EUR")


class Address(Value):
    """Where a partner is."""

    street: Name
    postcode: Postcode
    city: Name
    country: Country = "DE"


class RequiredCertification(Value):
    """What the contractor of a job must be certified for, at least at this level."""

    manufacturer: Manufacturer
    product_line: ProductLine
    level: Annotated[int, whole(1, 5)]

    def covers(self, asked: RequiredCertification) -> bool:
        """Whether what is asked for is this, at this level or above."""
        same = (self.manufacturer, self.product_line) == (asked.manufacturer, asked.product_line)
        return same and asked.level >= self.level


class Certification(RequiredCertification):
    """What a partner is certified for, through this day."""

    valid_until: Day


class Window(Value):
    """When the work is to be done. The end is after the start, at most 14 days later."""

    starts_at: Time
    ends_at: Time

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.starts_at < self.ends_at <= self.starts_at + LONGEST_WINDOW:
            raise ValueError("ends_at should be after starts_at, at most 14 days")
        return self


class OwnReference(Value):
    """The client's own numbers, repeated on his invoice."""

    order_number: Reference | None = None
    cost_centre: Reference | None = None


class ZonePrice(Value):
    """What a job costs the client when the contractor comes from this travel zone, net."""

    zone: Zone
    per_hour: Money
    """By what the job asks for: certified work may be dearer."""
    travel: Money
    billed_hours: Quantity | None = None
    """The estimated hours, begun steps whole, a least for a visit."""
    response_surcharge: Money | None = None
    """For the promised response time, where the rate card has one."""
    estimated_total: Money | None = None
    """Of all that, before surcharges for the time of day and the kind of day."""


class Material(Value):
    """Material that was used, by the distributor's article number."""

    article_number: ArticleNumber
    quantity: Quantity


class Jwk(Value):
    """A public key to seal to (RFC 7517): P-256 with x and y, or X25519 with x alone."""

    kty: Literal["EC", "OKP"]
    crv: Literal["P-256", "X25519"]
    x: Annotated[str, text(43, "^[A-Za-z0-9_-]{43}$")]
    y: Annotated[str, text(43, "^[A-Za-z0-9_-]{43}$")] | None = None
    kid: KeyName

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.kty, self.crv, self.y is not None) not in {("EC", "P-256", True), ("OKP", "X25519", False)}:
            raise ValueError("Input should be an EC key on P-256 with y, or an OKP key on X25519 without")
        return self


class WorkPrice(Value):
    """The hour of one kind of work: what the client pays and what the contractor gets, net."""

    kind_of_work: KindOfWork
    client_per_hour: Money
    contractor_per_hour: Money


class ZoneTravel(Value):
    """The way there and back, flat: up to this distance by the zone's rule, net."""

    zone: Zone
    up_to_km: Annotated[int, whole(1, 2_000)]
    client_flat: Money
    contractor_flat: Money


class QualifiedPrice(WorkPrice):
    """The hour of work that asks for this certification, at this level or above; dearer than the plain one."""

    certification: RequiredCertification


class TimeSurcharge(Value):
    """So many percent of the hour's price on top, for the hours that fall into this time."""

    kind: SurchargeKind
    client_percent: Percent
    contractor_percent: Percent


class ResponseSurcharge(Value):
    """A flat price on top for a promised response time, net."""

    response_time: ResponseTime
    client_flat: Money
    contractor_flat: Money


class Fee(Value):
    """A flat price where no work was done, net."""

    kind: FeeKind
    under_hours_of_notice: Annotated[int, whole(1, 1_000)] | None = None
    """late_cancellation: charged when the window was to begin in less than so many hours."""
    client_flat: Money
    contractor_flat: Money


class VisitTerms(Value):
    """How the hours of a visit become hours that are billed, the same on both sides."""

    minimum_hours: Hours | None = None
    """At least so much is billed for a visit."""
    step_minutes: Annotated[int, whole(15, 60)] = 15
    """Begun steps are billed whole; a multiple of 15."""

    def billed_hours(self, hours: Decimal) -> Decimal:
        """What is billed of so many hours, in hundredths."""
        step = Decimal(self.step_minutes) / 60
        steps = (hours / step).to_integral_value(ROUND_CEILING)
        return max((steps * step).quantize(Decimal("0.01")), self.minimum_hours or Decimal("0.00"))


class PriceTerms(VisitTerms):
    """What a rate card may say beside the plain prices. All of it may be left out."""

    qualified_prices: list[QualifiedPrice] = Field(default_factory=list, max_length=100)
    night_from_hour: Annotated[int, whole(0, 23)] = 20
    night_to_hour: Annotated[int, whole(0, 23)] = 6
    time_surcharges: list[TimeSurcharge] = Field(default_factory=list, max_length=10)
    response_surcharges: list[ResponseSurcharge] = Field(default_factory=list, max_length=10)
    fees: list[Fee] = Field(default_factory=list, max_length=20)


class WorkedTime(Value):
    """A stretch of work, for surcharges."""

    starts_at: Time
    ends_at: Time

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.starts_at < self.ends_at <= self.starts_at + timedelta(hours=24):
            raise ValueError("ends_at should be after starts_at, at most 24 hours")
        return self


class PostalAddress(Value):
    """Where a company has its seat, in any country."""

    street: Name
    postcode: ForeignPostcode
    city: Name
    country: Country


class Term(Value):
    """The days on which something holds, both included; without an end it is open."""

    valid_from: Day
    valid_until: Day | None = None


class TaxCertificate(Value):
    """A certificate of the tax office and the days it holds, both included."""

    number: CertificateNumber
    valid_from: Day
    valid_until: Day


class DocumentLine(Value):
    """A line of a document (EN 16931 BG-25); unit: a code of UN/ECE recommendation 20, HUR or C62."""

    text: Name
    quantity: Quantity
    unit: Annotated[str, text(3, "^[A-Z0-9]{2,3}$")]
    unit_price: Money
    net: Money


class EndCustomer(Value):
    """Who the work is done for: in the clear with client, contractor and distributor only; else sealed."""

    name: Name
    contact: Name | None = None
    street: Name
    postcode: Postcode
    city: Name
    phone: Phone
    email: Email | None = None
    notes: Annotated[str, Field(max_length=2_000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$")] = ""
    """What the contractor has to know: access, floor, contact on site, the work in detail."""
