"""Any sequence of statement, correction, objection, own invoice, hold, payment and crash leaves the books right."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from billing_books import NOW, Archive, Story, as_stored, facts_of
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from billing.domain import accounts, issuing, payables
from billing.domain.classes import Classified, WorkClass
from billing.domain.documents import Kind
from billing.domain.drafting import Drafts, draft
from billing.domain.money import ZERO
from billing.domain.reversals import Frozen
from billing.domain.settlements import Lack, OwnInvoice, Settlement
from billing.domain.work import CompletedWork, Occasion
from billing.store import _read_settlement, _write_settlement
from billing.tables import settlements
from billing.translation import completed_work, partner_from
from chassis.decisions import Decision, Rejected, Waiting
from contracts.billing_commands_v1 import (
    DecideOwnInvoice,
    ObjectToSelfBilling,
    RecordPayout,
    ResolveHold,
    TaxTreatment,
)
from contracts.billing_payables_v1 import BuildingTax
from contracts.billing_settlements_v1 import Hold
from contracts.ids import uuid7
from contracts.values import Leg, OwnReference, ResponseTime, State, VatCategory, WorkedTime, eur

JOBS = 2
NEVER_STORED = {"issued", "booked", "received"}
_quarters = st.integers(1, 60).map(lambda quarters: Decimal(quarters) / 4)
_jobs = st.integers(0, JOBS - 1)


class Books(RuleBasedStateMachine):
    """A few jobs of one client and one contractor; whatever is decided is kept, or lost in a crash and done again."""

    @initialize(agreed=st.booleans(), building=st.sampled_from((None, True, False)))
    def begin(self, agreed: bool, building: bool | None) -> None:  # drawn by Hypothesis
        self.story = Story(uuid7(), uuid7(), uuid7(), uuid7())
        self.stories = [self.story.another_job() for _ in range(JOBS)]
        self.facts = replace(
            facts_of(self.story),
            contractor=partner_from(self.story.contractor(self_billing=agreed)),
            work_class=_classified(building),
        )
        self.archive = Archive()
        self.now = NOW
        self.states: dict[UUID, Settlement] = {}
        self.versions: dict[UUID, int] = {}
        self.crashes = False
        self.together = False

    # -- what happens ------------------------------------------------------------------------------------------

    @rule(job=_jobs, hours=_quarters)
    def complete(self, job: int, hours: Decimal) -> None:
        story = self.stories[job]
        work = completed_work(story.completed(hours=hours))
        self.versions.setdefault(story.job_id, 1)
        self._take(job, lambda of, facts: issuing.settle(of, work, facts, self.now))

    @rule(job=_jobs, hours=_quarters)
    def correct(self, job: int, hours: Decimal) -> None:
        story = self.stories[job]
        if story.job_id not in self.states:
            return
        self.versions[story.job_id] += 1
        work = completed_work(story.corrected(self.versions[story.job_id], hours=hours))
        self._take(job, lambda of, facts: issuing.correct(of, work, facts, self.now))

    @rule(job=_jobs)
    def object_to(self, job: int) -> None:
        story = self.stories[job]
        of = self.states.get(story.job_id)
        if of is None or of.self_billed_number is None:
            return
        command = ObjectToSelfBilling(
            job_id=story.job_id,
            contractor_id=story.contractor_id,
            document_number=of.self_billed_number,
            reason="x",
        )
        self._take(job, lambda of, facts: payables.object_to(of, command, facts, self.now))

    @rule(job=_jobs, differs=st.booleans())
    def bill_himself(self, job: int, differs: bool) -> None:
        of = self.states.get(self.stories[job].job_id)
        if of is None:
            return
        drafts = draft(of, self.facts, date(2026, 3, 5))
        if not isinstance(drafts, Drafts):
            return
        fixed = drafts.contractor
        extra = Decimal("10.00") if differs else ZERO
        own = OwnInvoice(
            f"R-{self.now:%m%d%H}", date(2026, 3, 5), fixed.net + extra, fixed.vat, VatCategory.S
        )
        numbered_so = [
            str(job_id)
            for job_id, other in self.states.items()
            for known in (other.own_invoice, other.own_booked)
            if known is not None and known.number == own.number
        ]
        self._take(job, lambda of, facts: payables.take_own_invoice(of, own, facts, self.now, numbered_so))

    @rule(job=_jobs, accept=st.booleans())
    def judge_his_invoice(self, job: int, accept: bool) -> None:
        command = DecideOwnInvoice(job_id=self.stories[job].job_id, accept=accept, note="x")
        self._take(job, lambda of, facts: payables.decide_own_invoice(of, command, facts, self.now))

    @rule(job=_jobs)
    def look(self, job: int) -> None:
        command = ResolveHold(job_id=self.stories[job].job_id, note="x")
        self._take(job, lambda of, facts: issuing.resolve(of, command, facts, self.now))

    @rule(job=_jobs)
    def pay(self, job: int) -> None:
        story = self.stories[job]
        of = self.states.get(story.job_id)
        if of is None or of.issued_version is None:
            return
        owed = payables.owed(of, self.archive.facts(self.facts).documents) - of.late_building_tax - of.paid
        if owed <= 0:
            return
        command = RecordPayout(job_id=story.job_id, amount=eur(owed), paid_on=self.now.date())
        self._take(job, lambda of, facts: payables.record_payout(of, command, facts, self.now))

    @rule(agreed=st.booleans())
    def agree(self, agreed: bool) -> None:
        self.facts = replace(self.facts, contractor=partner_from(self.story.contractor(self_billing=agreed)))

    @rule()
    def lose_the_client_record_for_a_while(self) -> None:
        known = partner_from(self.story.client())
        self.facts = replace(self.facts, client=None if self.facts.client else known)

    @rule()
    def crash_next(self) -> None:
        self.crashes = True

    @rule()
    def decide_in_one_transaction_from_here(self) -> None:
        """Messages that lay on their topics while billing was away: one batch, and no state is read back between."""
        self.together, self.crashes = True, False

    @rule()
    def end_the_transaction(self) -> None:
        self.together = False
        self.archive.save()
        self.states = {job_id: as_stored(of) for job_id, of in self.states.items()}

    @rule()
    def wait(self) -> None:
        self.now += timedelta(hours=1)

    def _take(self, job: int, decide: Any) -> None:
        """Decide and keep; after a crash everything of that transaction is gone, and it is decided again."""
        job_id = self.stories[job].job_id
        for crashed in (True, False) if self.crashes and not self.together else (False,):
            counters = dict(self.archive.given)
            documents, entries = len(self.archive.documents), len(self.archive.entries)
            try:
                outcome = decide(self.states.get(job_id), self.archive.facts(self.facts))
            except Rejected:
                return
            if isinstance(outcome, Waiting):
                assert isinstance(outcome.otherwise, Decision)
                outcome = outcome.otherwise
            state = self.archive.take(outcome, ends=not self.together).state
            if state is not None:
                assert written_and_read(state) == as_stored(state)
            if crashed:
                self.archive.forget(counters, documents, entries)
            elif state is not None:
                self.states[job_id] = state
        self.crashes = False

    # -- what always holds -------------------------------------------------------------------------------------

    @invariant()
    def the_ledger_is_zero(self) -> None:
        assert sum(self.archive.balances().values()) == 0
        for entry in self.archive.entries:
            assert sum(posting.amount for posting in entry.postings) == 0
        keys = [(entry.source, entry.happened, entry.leg) for entry in self.archive.entries]
        assert len(set(keys)) == len(keys)

    @invariant()
    def numbers_count_from_one(self) -> None:
        for kind in Kind:
            running = [one.running_number for one in self.archive.documents if one.kind is kind]
            assert running == list(range(1, len(running) + 1))

    @invariant()
    def one_document_is_live_per_statement_and_leg(self) -> None:
        reversed_ = [one.preceding for one in self.archive.documents if one.preceding]
        assert len(set(reversed_)) == len(reversed_)
        for job_id, of in self.states.items():
            live = [
                one
                for one in self.archive.documents
                if one.job_id == job_id and one.preceding is None and one.number not in reversed_
            ]
            invoices = [one.number for one in live if one.kind is Kind.invoice]
            assert invoices == ([of.invoice_number] if of.invoice_number else [])
            assert sum(one.kind is Kind.self_billed_invoice for one in live) <= 1
            if of.lack is None and of.issued_version is not None:
                by_us = of.self_billed_number is not None and of.objected_on is None
                assert by_us is (of.own_booked is None)

    @invariant()
    def the_margin_is_the_difference_of_both_nets(self) -> None:
        """What live documents and booked own invoices say is what revenue and cost say."""
        balances = self.archive.balances()
        numbers = {one.number: one for one in self.archive.documents}
        client_net = sum(
            (numbers[of.invoice_number].net for of in self.states.values() if of.invoice_number), ZERO
        )
        contractor_net = ZERO
        for of in self.states.values():
            if of.own_booked is not None:
                contractor_net += of.own_booked.net
            elif of.self_billed_number is not None:
                contractor_net += numbers[of.self_billed_number].net
        assert -balances.get(accounts.REVENUE, ZERO) == client_net
        assert balances.get(accounts.COST_OF_SERVICES, ZERO) == contractor_net

    @invariant()
    def what_is_owed_is_what_the_books_say(self) -> None:
        documents = {one.number: Frozen.of(one) for one in self.archive.documents}
        open_ = sum(
            (
                payables.owed(of, documents) - of.late_building_tax - of.paid
                for of in self.states.values()
                if of.issued_version is not None
            ),
            ZERO,
        )
        assert -self.archive.balance("payable") == open_

    @invariant()
    def no_two_jobs_are_billed_under_one_number_of_his(self) -> None:
        booked = [of.own_booked.number for of in self.states.values() if of.own_booked is not None]
        assert len(set(booked)) == len(booked)

    @invariant()
    def what_is_held_has_a_name(self) -> None:
        for of in self.states.values():
            assert of.settled_at is not None or of.lack is not None
            assert of.lack is None or of.lack.hold is not Hold.unknown

    @precondition(lambda self: bool(self.states))
    @rule(job=_jobs)
    def what_was_said_before_changes_nothing(self, job: int) -> None:
        story = self.stories[job]
        of = self.states.get(story.job_id)
        if of is None:
            return
        facts = self.archive.facts(self.facts)
        work = completed_work(story.completed(hours=Decimal(9)))
        assert issuing.settle(of, work, facts, self.now) == Decision(of)
        assert issuing.correct(of, of.work, facts, self.now) == Decision(of)


def _classified(building: bool | None) -> Classified[WorkClass] | None:
    if building is None:
        return None
    one = WorkClass(
        date(2026, 1, 1), building_work=building, repair=False, connected_with_property=None, note=""
    )
    return Classified("installation", (one,))


def written_and_read(of: Settlement) -> Settlement:
    """As the database gives it back: JSONB as what it holds, all else as it was put in."""
    row = {
        column.name: json.loads(value) if str(column.type) == "JSONB" and value is not None else value
        for column, value in zip(settlements.columns, _write_settlement(of), strict=True)
    }
    return _read_settlement(SimpleNamespace(**row))


def test_no_field_of_a_settlement_is_lost_on_its_way_through_the_database() -> None:
    """Every field is something else than its default: a new one has to be put in here, and in the store."""
    story = Story(uuid7(), uuid7(), uuid7(), uuid7())
    moment = datetime(2026, 3, 3, 8, tzinfo=UTC)
    own = OwnInvoice(
        "R-1", date(2026, 3, 1), Decimal("9.00"), Decimal("1.71"), VatCategory.S, Decimal("1.61")
    )
    work = replace(
        completed_work(
            story.completed(version=2, own_reference=OwnReference(order_number="B", cost_centre="K"))
        ),
        occasion=Occasion.nobody_there,
        response_time=ResponseTime.scheduled,
        worked=(WorkedTime(starts_at=moment, ends_at=moment + timedelta(hours=2)),),
        approved_up_to=Decimal("4.00"),
        rework_of=uuid7(),
        hours_of_notice=Decimal("1.50"),
    )
    full = Settlement(
        work,
        lack=Lack(Hold.over_cap, f"settlement/{work.job_id}"),
        held_since=moment,
        settled_at=moment,
        resolution_note="gesehen",
        issued_version=1,
        invoice_number="RE-2026-000001",
        self_billed_number="GS-2026-000001",
        own_invoice=own,
        own_booked=replace(own, number="R-2"),
        objected_on=date(2026, 3, 4),
        building_tax=BuildingTax.withheld,
        late_building_tax=Decimal("1.61"),
        paid=Decimal("7.00"),
        payouts=3,
        waived=frozenset({Hold.over_cap, Hold.implausible_hours}),
        state=State.SH,
        decided={Leg.client: TaxTreatment.outside_scope},
    )
    assert written_and_read(full) == full
    plain = Settlement(completed_work(story.completed()))
    same = {name.name for name in fields(Settlement) if getattr(full, name.name) == getattr(plain, name.name)}
    assert same == NEVER_STORED
    optional = [one for one in fields(CompletedWork) if one.name not in ("job_id", "job_number")]
    unset = {one.name for one in optional if getattr(full.work, one.name) == one.default}
    assert unset == set()


TestBooks = Books.TestCase
TestBooks.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
