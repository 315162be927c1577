"""What the registry listens to and who decides it: the service's table of contents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from chassis.decisions import Outcome, Row
from chassis.routes import Given, Reader, acting_for, distributor, on, on_timer, on_tombstone
from contracts import crm_partners_v1
from contracts.actor import Actor
from contracts.billing_settlements_v1 import JobSettled
from contracts.crm_partners_v1 import CrmPartner
from contracts.matching_assignments_v1 import (
    AssignmentKept,
    AssignmentReleased,
    JobAssigned,
    JobOffered,
    JobUnfilled,
)
from contracts.partner_registry_commands_v1 import (
    ApplyCrmRecord,
    DeclareSmallBusiness,
    EndAgreement,
    ExcludePartner,
    NotifyPartner,
    RecordCertification,
    RecordLiabilityInsurance,
    RecordTaxCertificate,
    RegisterPartner,
    ReinstatePartner,
    SetAvailability,
    SetBillingDetails,
    SetSealingKey,
    SignAgreement,
    SuspendPartner,
    WithdrawCertification,
)
from partner_registry.domain import correspondence, letters, master, money_facts, rights, wishes
from partner_registry.domain.correspondence import Correspondence
from partner_registry.domain.master import Customer
from partner_registry.domain.partner import INSURANCE_ENDS, Partner
from partner_registry.store import CORRESPONDENCE, CUSTOMERS, PARTNERS

SERVICE = "partner-registry"

State = TypeVar("State")
Said = TypeVar("Said")

himself = acting_for("partner_id")


def itself(actor: Actor, _: Any) -> bool:
    """The registry's own commands, which its other readers make."""
    return actor.kind == "service" and actor.name == SERVICE


def readers(link_base_url: str) -> Sequence[Reader]:
    """All that comes in. `link_base_url`: where gateways serve jobs, for the links in letters."""
    return (
        Reader(
            "partners",
            tables=(CUSTOMERS, PARTNERS),
            routes=(
                on(RegisterPartner, PARTNERS, _register, needs=_customer_locked, by=distributor),
                on(ApplyCrmRecord, PARTNERS, plain(master.apply), by=itself),
                on(SignAgreement, PARTNERS, plain(rights.sign_agreement), by=distributor),
                on(EndAgreement, PARTNERS, timed(rights.end_agreement), by=distributor),
                on(RecordLiabilityInsurance, PARTNERS, timed(rights.record_insurance), by=distributor),
                on(RecordCertification, PARTNERS, timed(rights.record_certification), by=distributor),
                on(WithdrawCertification, PARTNERS, plain(rights.withdraw_certification), by=distributor),
                on(SuspendPartner, PARTNERS, plain(rights.suspend), by=distributor),
                on(ReinstatePartner, PARTNERS, plain(rights.reinstate), by=distributor),
                on(SetAvailability, PARTNERS, plain(wishes.set_availability), by=himself),
                on(ExcludePartner, PARTNERS, _exclude, needs=_other_partner, by=himself),
                on(SetSealingKey, PARTNERS, plain(wishes.set_sealing_key), by=himself),
                on(SetBillingDetails, PARTNERS, plain(money_facts.set_details), by=himself),
                on(DeclareSmallBusiness, PARTNERS, plain(money_facts.declare_small_business), by=himself),
                on(RecordTaxCertificate, PARTNERS, plain(money_facts.record_certificate), by=distributor),
                on(NotifyPartner, PARTNERS, _notify_with(link_base_url), by=itself),
            ),
            timers=(on_timer(INSURANCE_ENDS, PARTNERS, _insurance_ends),),
        ),
        Reader(
            "crm",
            tables=(CUSTOMERS,),
            routes=(
                on(CrmPartner, CUSTOMERS, _heard),
                on_tombstone(crm_partners_v1.TOPIC, CUSTOMERS, _forgotten),
            ),
        ),
        Reader(
            "notices",
            tables=(CORRESPONDENCE,),
            routes=(
                on(JobOffered, CORRESPONDENCE, _offered),
                on(JobAssigned, CORRESPONDENCE, _assigned),
                on(AssignmentReleased, CORRESPONDENCE, _released),
                on(AssignmentKept, CORRESPONDENCE, _kept),
                on(JobUnfilled, CORRESPONDENCE, _unfilled),
                on(JobSettled, CORRESPONDENCE, _settled),
            ),
        ),
    )


def plain(decide: Callable[[State, Said], Outcome[State]]) -> Callable[[State, Said, Given], Outcome[State]]:
    """A decision that needs only the state and the message."""
    return lambda state, message, _: decide(state, message)


def timed(
    decide: Callable[[State, Said, datetime], Outcome[State]],
) -> Callable[[State, Said, Given], Outcome[State]]:
    """A decision that also needs the time."""
    return lambda state, message, given: decide(state, message, given.now)


def _customer_locked(command: RegisterPartner) -> Iterable[Row]:
    return (CUSTOMERS.locked(command.customer_number),)


def _register(partner: Partner | None, command: RegisterPartner, given: Given) -> Outcome[Partner | None]:
    return master.register(partner, command, given.one(CUSTOMERS, command.customer_number), CUSTOMERS.name)


def _other_partner(command: ExcludePartner) -> Iterable[Row]:
    return (PARTNERS.row(command.other_partner_id),)


def _exclude(partner: Partner | None, command: ExcludePartner, given: Given) -> Outcome[Partner | None]:
    return wishes.exclude(partner, command, given.one(PARTNERS, command.other_partner_id))


def _notify_with(
    link_base_url: str,
) -> Callable[[Partner | None, NotifyPartner, Given], Outcome[Partner | None]]:
    return lambda partner, command, given: letters.notify(partner, command, given.new_id(), link_base_url)


def _insurance_ends(partner: Partner | None, _: str, given: Given) -> Outcome[Partner | None]:
    return rights.insurance_ends(partner, given.now)


def _heard(customer: Customer | None, record: CrmPartner, given: Given) -> Outcome[Customer | None]:
    return master.heard(customer, record, given.new_id())


def _forgotten(customer: Customer | None, _: str, __: Given) -> Outcome[Customer | None]:
    return master.forgotten(customer)


# Events of matching and billing, translated.


def _offered(job: Correspondence | None, event: JobOffered, given: Given) -> Outcome[Correspondence | None]:
    return correspondence.offered(
        job, event.job_id, event.job_number, event.contractor_id, event.expires_at, given.now
    )


def _assigned(job: Correspondence | None, event: JobAssigned, _: Given) -> Outcome[Correspondence | None]:
    return correspondence.assigned(job, event.job_id, event.job_number, event.client_id, event.contractor_id)


def _released(
    job: Correspondence | None, event: AssignmentReleased, _: Given
) -> Outcome[Correspondence | None]:
    return correspondence.released(job, event.job_id, event.job_number, event.client_id, event.contractor_id)


def _kept(job: Correspondence | None, event: AssignmentKept, _: Given) -> Outcome[Correspondence | None]:
    return correspondence.kept(job, event.job_id, event.job_number, event.client_id, event.contractor_id)


def _unfilled(job: Correspondence | None, event: JobUnfilled, _: Given) -> Outcome[Correspondence | None]:
    return correspondence.unfilled(job, event.job_id, event.job_number, event.client_id)


def _settled(job: Correspondence | None, event: JobSettled, _: Given) -> Outcome[Correspondence | None]:
    return correspondence.settled(job, event.job_id, event.job_number, event.client_id, event.contractor_id)
