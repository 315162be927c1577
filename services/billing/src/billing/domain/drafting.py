"""From the facts of a job to both documents but for their numbers; or the first thing that is missing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from billing.domain import pricing, tax, wording
from billing.domain.documents import Draft, Kind, Line, Payment, Roles, Withheld, Work
from billing.domain.ledger import Purchase, reverse_charge
from billing.domain.money import ZERO, share
from billing.domain.partners import Partner, Party, any_covers
from billing.domain.places import states_of
from billing.domain.pricing import PricedLine, Visit
from billing.domain.rate_cards import Tariff
from billing.domain.settlements import Facts, Lack, Settlement, Terms
from billing.domain.tax import Case, Decided, Supply, region_of
from billing.domain.work import CompletedWork, Occasion
from contracts.billing_commands_v1 import FeeNature
from contracts.billing_payables_v1 import BuildingTax
from contracts.billing_settlements_v1 import Hold
from contracts.values import Leg, OwnReference, VatCategory

BUILDING_TAX_PERCENT: Final = Decimal("15.00")
"""§ 48 (1) sentence 1 EStG."""


@dataclass(frozen=True, slots=True)
class Drafts:
    """Both legs without numbers, and what becomes of the building tax."""

    client: Draft
    contractor: Draft
    building_tax: BuildingTax

    @property
    def purchase(self) -> Purchase:
        """The contractor's side in amounts."""
        return purchase_of(self.contractor)


class Nothing:
    """There is nothing to bill: rework at no charge, or a cancellation without a fee."""


NOTHING: Final = Nothing()


@dataclass(frozen=True, slots=True)
class _Known:
    terms: Terms
    tariff: Tariff
    client: Partner
    contractor: Partner


def purchase_of(draft: Draft) -> Purchase:
    """What the contractor's leg is in the books."""
    withheld = draft.withheld.amount if draft.withheld else ZERO
    reverse = reverse_charge(draft.tax.treatment.category, draft.net)
    return Purchase(draft.partner_id, draft.net, draft.vat, reverse, withheld)


def draft(settlement: Settlement, facts: Facts, today: date) -> Drafts | Nothing | Lack:
    """Both documents as they would be issued today; or what they lack; or that there is nothing to bill."""
    known = _known(settlement.work, facts)
    if isinstance(known, Lack):
        return known
    lines = _lines(settlement, facts, known.tariff)
    if isinstance(lines, Lack):
        return lines
    if not lines:
        return NOTHING
    client = _leg(settlement, facts, known, lines, Leg.client, today)
    if isinstance(client, Lack):
        return client
    contractor = _leg(settlement, facts, known, lines, Leg.contractor, today)
    if isinstance(contractor, Lack):
        return contractor
    return Drafts(client, *_with_building_tax(contractor, settlement, facts, known.contractor, today))


def _known(work: CompletedWork, facts: Facts) -> _Known | Lack:
    tariff = None
    if facts.card is not None:
        tariff = facts.card.tariff(
            work.rate_card_version, work.kind_of_work, work.travel_zone, work.certifications
        )
    if tariff is None:
        return Lack(Hold.missing_rate_card, f"rate-card/{work.rate_card_id}")
    if facts.client is None:
        return Lack(Hold.missing_partner, f"partner/{work.client_id}")
    if facts.contractor is None:
        return Lack(Hold.missing_partner, f"partner/{work.contractor_id}")
    return _Known(facts.terms, tariff, facts.client, facts.contractor)


# -- what is charged -----------------------------------------------------------------------------------------


def _lines(settlement: Settlement, facts: Facts, tariff: Tariff) -> tuple[PricedLine, ...] | Lack:
    work = settlement.work
    itself = f"settlement/{work.job_id}"
    if work.occasion is Occasion.cancelled:
        return pricing.cancelled(tariff, work.hours_of_notice or ZERO)
    if work.rework_of is not None:
        return _rework(settlement, facts)
    if work.occasion is Occasion.nobody_there:
        return pricing.nobody_there(tariff)
    of = Visit(
        work.hours,
        work.performed_from,
        work.performed_to,
        work.response_time,
        work.worked,
        frozenset({settlement.state}) if settlement.state else states_of(work.postcode),
    )
    if pricing.implausible(of) and (work.hours <= 0 or Hold.implausible_hours not in settlement.waived):
        return Lack(Hold.implausible_hours, itself)
    if _over_cap(work) and Hold.over_cap not in settlement.waived:
        return Lack(Hold.over_cap, itself)
    lines = pricing.visit(tariff, of)
    return Lack(lines, itself) if isinstance(lines, Hold) else lines


def _over_cap(work: CompletedWork) -> bool:
    return work.approved_up_to is not None and work.hours > work.approved_up_to


def _rework(settlement: Settlement, facts: Facts) -> tuple[PricedLine, ...] | Lack:
    """Made good at no charge by who had done it. Somebody else would want to be paid: a clerk looks at that."""
    work, original = settlement.work, facts.original
    same = (
        original is not None
        and original.work.contractor_id == work.contractor_id
        and original.work.client_id == work.client_id
    )
    if same or Hold.rework_unclear in settlement.waived:
        return ()
    return Lack(Hold.rework_unclear, f"settlement/{work.rework_of}")


# -- how it is taxed -----------------------------------------------------------------------------------------


def _tax(
    settlement: Settlement, facts: Facts, leg: Leg, seller: Party, buyer: Party, known: _Known, net: Decimal
) -> Decided | Lack:
    work = settlement.work
    by_clerk = settlement.decided.get(leg)
    decided = tax.decided_by_clerk(by_clerk) if by_clerk is not None else None
    if decided is None:
        found = tax.decide(_case(work, facts, leg, seller, buyer, known, net), work.performed_to)
        if isinstance(found, Hold):
            return Lack(found, _waits_for(found, work, leg))
        decided = found
    return _parties_fit(decided, leg, work, seller, buyer) or decided


def _case(
    work: CompletedWork, facts: Facts, leg: Leg, seller: Party, buyer: Party, known: _Known, net: Decimal
) -> Case:
    day = work.performed_to
    kind = facts.work_class.on(day) if facts.work_class else None
    on_client = leg is Leg.client
    certificates = known.client.building_certificates if on_client else known.terms.certificates
    return Case(
        supplier=region_of(seller.address.country),
        recipient=region_of(buyer.address.country),
        supply=_supply(work, facts),
        supplier_vat_id=_has_vat_id(seller),
        recipient_vat_id=_has_vat_id(buyer),
        small_business=not on_client and any_covers(known.contractor.small_business, day),
        building_work=kind.building_work if kind else None,
        small_repair=bool(kind and kind.repair and net <= tax.REPAIR_LIMIT),
        recipient_certified=any_covers(certificates, day),
        property_connected=kind.connected_with_property if kind else None,
    )


def _supply(work: CompletedWork, facts: Facts) -> Supply:
    if work.fee is None:
        return Supply.work
    of = facts.fee_class.on(work.performed_to) if facts.fee_class else None
    if of is None:
        return Supply.fee_unclassified
    return Supply.fee_remuneration if of.nature is FeeNature.remuneration else Supply.fee_damages


def _waits_for(found: Hold, work: CompletedWork, leg: Leg) -> str:
    match found:
        case Hold.work_not_classified:
            return f"work-class/{work.kind_of_work.value}"
        case Hold.fee_not_classified if work.fee is not None:
            return f"fee-class/{work.fee.value}"
        case Hold.missing_party_data:
            return f"partner/{work.client_id if leg is Leg.client else work.contractor_id}"
        case _:
            return f"settlement/{work.job_id}"


def _has_vat_id(party: Party) -> bool:
    """A VAT id without its country's form was left out when the partner was taken over."""
    return party.vat_id is not None


def _parties_fit(decided: Decided, leg: Leg, work: CompletedWork, seller: Party, buyer: Party) -> Lack | None:
    """§ 14 (4) no. 2 UStG asks for the seller's number, BR-CO-26 for one that tells him, BR-AE-02 to 04 for the rest.

    What is not taxable is no supply, so § 14 does not ask; but no VAT id may be on it (BR-O-02), and a tax number
    alone tells nobody to BR-CO-26.
    """
    category = decided.treatment.category
    outside = category is VatCategory.O
    told = seller.customer_number is not None or seller.registration is not None
    seller_named = told if outside else _has_vat_id(seller) or (told and seller.tax_number is not None)
    buyer_named = _has_vat_id(buyer) or buyer.registration is not None
    if not seller_named and leg is Leg.client:
        return Lack(
            Hold.missing_party_data, f"settlement/{work.job_id}"
        )  # our own data: no partner brings it
    if seller_named and (buyer_named or category is not VatCategory.AE):
        return None
    return Lack(Hold.missing_party_data, _waits_for(Hold.missing_party_data, work, leg))


# -- the documents -------------------------------------------------------------------------------------------


def _leg(
    settlement: Settlement,
    facts: Facts,
    known: _Known,
    priced: tuple[PricedLine, ...],
    leg: Leg,
    today: date,
) -> Draft | Lack:
    """One leg. The client's order number and cost centre are none of the contractor's business: left out."""
    work, terms = settlement.work, known.terms
    on_client = leg is Leg.client
    partner = known.client if on_client else known.contractor
    us, him = terms.distributor, partner.party
    roles = Roles(us, _addressed(him, terms), us) if on_client else Roles(_reachable(him, terms), us, us)
    lines = tuple(_line(one, work, partner, leg) for one in priced)
    net = sum((line.net for line in lines), ZERO)
    decided = _tax(settlement, facts, leg, roles.seller, roles.buyer, known, net)
    if isinstance(decided, Lack):
        return decided
    days = terms.client_payment_days if on_client else terms.contractor_payment_days
    reference = work.own_reference if on_client else OwnReference()
    payee = terms.iban if on_client else partner.iban
    return Draft(
        kind=Kind.invoice if on_client else Kind.self_billed_invoice,
        roles=roles,
        partner_id=partner.partner_id,
        work=_document_work(work),
        lines=lines,
        tax=decided,
        language=partner.language,
        issued_on=today,
        payment=Payment(payee, roles.seller.name, today + timedelta(days=days)),
        own_reference=reference,
        buyer_reference=(partner.leitweg_id if on_client else None)
        or reference.cost_centre
        or work.job_number,
        replaces=_replaces(settlement, leg),
    )


def _replaces(settlement: Settlement, leg: Leg) -> str | None:
    """The document in whose place this one will stand, when a statement was corrected."""
    if leg is Leg.client:
        return settlement.invoice_number
    return settlement.self_billed_number if settlement.objected_on is None else None


def _line(priced: PricedLine, work: CompletedWork, partner: Partner, leg: Leg) -> Line:
    text = wording.line(
        priced.code,
        partner.language,
        kind_of_work=work.kind_of_work,
        postcode=work.postcode,
        days=work.days,
        zone=work.travel_zone,
        certifications=work.certifications,
    )
    price = priced.price.client if leg is Leg.client else priced.price.contractor
    return Line(priced.code, text, priced.quantity, priced.unit, price)


def _document_work(work: CompletedWork) -> Work:
    return Work(
        job_id=work.job_id,
        job_number=work.job_number,
        postcode=work.postcode,
        performed_from=work.performed_from,
        performed_to=work.performed_to,
        statement_version=work.statement_version,
        rate_card_id=work.rate_card_id,
        rate_card_version=work.rate_card_version,
        rework_of=work.rework_of,
    )


def _reachable(party: Party, terms: Terms) -> Party:
    """A seller has a contact (BR-DE-2): without one of his own, the desk that wrote the document for him."""
    return _addressed(party if party.contact else replace(party, contact=terms.desk), terms)


def _addressed(party: Party, terms: Terms) -> Party:
    """Both sides have an electronic address; who has none is reached through the desk."""
    if party.electronic_address is not None:
        return party
    return replace(party, electronic_address=("EM", terms.desk.email))


# -- building withholding tax --------------------------------------------------------------------------------


def _with_building_tax(
    contractor: Draft, settlement: Settlement, facts: Facts, partner: Partner, today: date
) -> tuple[Draft, BuildingTax]:
    marked = building_tax(settlement.work, facts, partner, today)
    if marked is not BuildingTax.withheld:
        return contractor, marked
    return replace(contractor, withheld=withheld_from(contractor)), marked


def building_tax(work: CompletedWork, facts: Facts, partner: Partner, today: date) -> BuildingTax:
    """§§ 48-48b EStG, for the distributor as recipient. The certificate counts on the day it is paid or issued."""
    if work.fee is not None:
        return BuildingTax.none
    kind = facts.work_class.on(work.performed_to) if facts.work_class else None
    if kind is not None and not kind.building_work:
        return BuildingTax.none
    if any_covers(partner.building_tax_exemptions, today):
        return BuildingTax.exempt if kind else BuildingTax.none
    return BuildingTax.withheld if kind else BuildingTax.undecided


def withheld_from(contractor: Draft) -> Withheld:
    """Remuneration with VAT (§ 48 (3) EStG), also where we owe the VAT ourselves (§ 13b UStG)."""
    base = contractor.net + contractor.vat
    base += reverse_charge(contractor.tax.treatment.category, contractor.net)
    return Withheld(BUILDING_TAX_PERCENT, base, share(base, BUILDING_TAX_PERCENT))
