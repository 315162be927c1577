"""The settlement of one job: both legs at once and once, or a named hold; corrected by reversing in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from billing.domain.classes import Classified, FeeClass, WorkClass
from billing.domain.documents import Document
from billing.domain.holds import MEANINGS, WAIVABLE
from billing.domain.ledger import Entry
from billing.domain.money import ZERO
from billing.domain.partners import Contact, Partner, Party, Period
from billing.domain.pricing import BERLIN
from billing.domain.rate_cards import RateCard
from billing.domain.reversals import Frozen
from billing.domain.tax import decided_by_clerk
from billing.domain.work import CompletedWork
from chassis.decisions import Decision, Rejected
from contracts.billing_commands_v1 import DecideTax, ResolveHold, TaxTreatment
from contracts.billing_payables_v1 import BuildingTax
from contracts.billing_settlements_v1 import Hold, SettlementHeld
from contracts.values import Leg, State, VatCategory

CALLED_TIMER = "called"
"""Set by the arrival of what a held settlement lacks."""
LOOK_AGAIN_TIMER = "look-again"
"""Set by the settlement itself; a timer of its own, so that neither overwrites the other."""
LOOK_AGAIN_FIRST = timedelta(seconds=2)
"""What it lacks may have arrived, and called, in the moment before its lack was written down."""
LOOK_AGAIN = timedelta(minutes=1)
"""How often it looks after that, called or not."""


MAY_BE_ON_ITS_WAY = frozenset(
    {
        Hold.missing_rate_card,
        Hold.missing_partner,
        Hold.missing_party_data,
        Hold.missing_self_billing_agreement,
        Hold.rework_unclear,
    }
)
"""Waited for in silence for a moment, before it is a hold: topics have no order between them."""


@dataclass(frozen=True, slots=True)
class Lack:
    """What a settlement cannot do without: the hold's name, and `<rows>/<id>` of what has to come."""

    hold: Hold
    of: str


@dataclass(frozen=True, slots=True)
class OwnInvoice:
    """The contractor's own invoice. withheld: building tax kept back on it, once it is booked."""

    number: str
    issued_on: date
    net: Decimal
    vat: Decimal
    category: VatCategory
    withheld: Decimal = ZERO

    @property
    def gross(self) -> Decimal:
        return self.net + self.vat


@dataclass(frozen=True, slots=True)
class Received:
    """A contractor's own e-invoice as it came in: who buys keeps the original (§ 14b (1) UStG)."""

    number: str
    content: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class Settlement:
    """One job's settlement. Held while `lack` is there; settled since `settled_at`; both, when a correction is held.

    issued_version: the statement that the live documents are about; invoice_number, self_billed_number: those.
    waived: holds that a clerk has looked at. decided: how a clerk decided a leg's tax.
    own_invoice: his own one, looked at; own_booked: the one that stands in the books.
    objected_on: the contractor objected to `self_billed_number`; his own invoice is waited for.
    paid: what was paid to him for this job. late_building_tax: found due after the document was issued.
    issued, booked, received: what this transaction adds to documents, books and what others sent (see `adding`); empty
    when read back.
    """

    work: CompletedWork
    lack: Lack | None = None
    held_since: datetime | None = None
    settled_at: datetime | None = None
    resolution_note: str | None = None
    issued_version: int | None = None
    invoice_number: str | None = None
    self_billed_number: str | None = None
    own_invoice: OwnInvoice | None = None
    own_booked: OwnInvoice | None = None
    objected_on: date | None = None
    building_tax: BuildingTax = BuildingTax.none
    late_building_tax: Decimal = ZERO
    paid: Decimal = ZERO
    payouts: int = 0
    waived: frozenset[Hold] = frozenset()
    state: State | None = None
    decided: Mapping[Leg, TaxTreatment] = field(default_factory=dict)
    issued: tuple[Document, ...] = ()
    booked: tuple[Entry, ...] = ()
    received: tuple[Received, ...] = ()

    @property
    def up_to_date(self) -> bool:
        """Whether what is issued is about the newest statement."""
        return self.issued_version == self.work.statement_version

    def adding(
        self,
        *,
        issued: Sequence[Document] = (),
        booked: Sequence[Entry] = (),
        received: Sequence[Received] = (),
    ) -> Settlement:
        """With these behind what the transaction has added already: it may decide several times about one job."""
        return replace(
            self,
            issued=(*self.issued, *issued),
            booked=(*self.booked, *booked),
            received=(*self.received, *received),
        )

    @property
    def waits_for_own(self) -> bool:
        """Whether he objected and has not billed himself yet."""
        return self.objected_on is not None and self.own_booked is None


@dataclass(frozen=True, slots=True)
class Terms:
    """What is the same for all settlements.

    distributor: on one side of every document; certificates: his own USt 1 TG. desk: whom to ask about documents.
    hold_after: how late data may be before it is a named hold.
    """

    distributor: Party
    desk: Contact
    iban: str | None
    client_payment_days: int
    contractor_payment_days: int
    hold_after: timedelta
    certificates: tuple[Period, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """The reference data of one settlement, as far as it is here.

    original: of rework, the settlement of the job that is made good. documents: the live ones, by number.
    """

    terms: Terms
    card: RateCard | None
    client: Partner | None
    contractor: Partner | None
    work_class: Classified[WorkClass] | None = None
    fee_class: Classified[FeeClass] | None = None
    original: Settlement | None = None
    documents: Mapping[str, Frozen] = field(default_factory=dict)


def open_hold(settlement: Settlement | None) -> Settlement:
    """The settlement, held. Raises Rejected: unknown-settlement, not-held."""
    of = known(settlement)
    if of.lack is None:
        raise Rejected("not-held", "Nothing is held for this job.", "job_id")
    return of


def known(settlement: Settlement | None) -> Settlement:
    """The settlement that a command is about. Raises Rejected."""
    if settlement is None:
        raise Rejected("unknown-settlement", "No completed job with this id has come to billing.", "job_id")
    return settlement


def looked_at(settlement: Settlement | None, command: ResolveHold) -> Settlement:
    """A clerk has looked at it: what he may decide by his word alone is waived. Raises Rejected."""
    held = open_hold(settlement)
    hold = held.lack.hold if held.lack else Hold.unknown
    if command.state is State.unknown:
        raise Rejected("unknown-value", "This state is not known here.", "state")
    waived = held.waived | {hold} if hold in WAIVABLE else held.waived
    return replace(held, waived=waived, state=command.state or held.state, resolution_note=command.note)


def tax_decided(settlement: Settlement | None, command: DecideTax) -> Settlement:
    """A clerk decides one leg's tax; only where the table did not. Raises Rejected."""
    held = open_hold(settlement)
    if held.lack is None or held.lack.hold is not Hold.tax_undecided:
        raise Rejected("tax-not-open", "The tax of this job is not what it waits for.", "job_id")
    if command.leg is Leg.unknown or decided_by_clerk(command.treatment) is None:
        raise Rejected("unknown-value", "This leg or treatment is not known here.", "treatment")
    decided = {**held.decided, command.leg: command.treatment}
    return replace(held, decided=decided, resolution_note=command.note)


def still_held(lack: Lack) -> Rejected:
    """The refusal that says why nothing could be done."""
    meaning = MEANINGS[lack.hold]
    return Rejected("still-held", f"{meaning.why} It is resolved by: {meaning.resolved_by}."[:500], "job_id")


def hold(settlement: Settlement, lack: Lack, now: datetime) -> Decision[Settlement]:
    """Hold it by name, and say so when the name is new."""
    if settlement.lack == lack:
        return Decision(settlement, timers={LOOK_AGAIN_TIMER: now + LOOK_AGAIN})
    timers = {LOOK_AGAIN_TIMER: now + LOOK_AGAIN_FIRST}
    if settlement.lack is not None and settlement.lack.hold is lack.hold:
        return Decision(replace(settlement, lack=lack), timers=timers)
    work = settlement.work
    told = SettlementHeld(job_id=work.job_id, job_number=work.job_number, hold=lack.hold, since=now)
    return Decision(replace(settlement, lack=lack, held_since=now), [told], timers=timers)


def berlin_day(now: datetime) -> date:
    """The day in Germany; it decides the year of a document's number."""
    return now.astimezone(BERLIN).date()
