"""What people do when they hear something: who says what next, and after how long. No I/O."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import assert_never
from uuid import UUID

from contracts.billing_commands_v1 import ResolveHold
from contracts.billing_settlements_v1 import SettlementHeld
from contracts.ids import uuid7
from contracts.job_exchange_commands_v1 import (
    ApproveStatement,
    CancelJob,
    CancelReason,
    DisputeReason,
    DisputeStatement,
    RecordArrival,
    ResolveDispute,
    SubmitStatement,
)
from contracts.job_exchange_jobs_v1 import (
    JobCompleted,
    JobDisputed,
    JobPosted,
    JobStarted,
    JobStated,
    WorkOrderReleased,
)
from contracts.matching_assignments_v1 import JobOffered
from contracts.matching_commands_v1 import (
    AcceptOffer,
    DeclineOffer,
    DeclineReason,
    ReleaseAssignment,
    ReleaseReason,
    ReportNoShow,
)
from contracts.messages import Message
from contracts.replies_v1 import Rejected
from contracts.values import Material
from dealers.book import Job
from dealers.community import Community
from dealers.postings import BERLIN
from dealers.wishes import DISTRIBUTOR

QUARTER = Decimal("0.25")
LATE_BY_S = 3.0
SAYS_IT_AGAIN_AFTER_S = 3.0
MOMENT = timedelta(seconds=0.5)
"""People note their arrival before they report it; a time in the future would not be believed."""
TRY_AGAIN_AFTER_S = (3.0, 10.0, 30.0)
DECLINE_REASONS = (DeclineReason.no_capacity, DeclineReason.too_far, DeclineReason.not_interested)


@dataclass(frozen=True, slots=True)
class Act:
    """Say this after so many seconds. `twice`: the very same message is sent two times, as programs do."""

    after_s: float
    message: Message
    actor: str
    twice: bool = False


@dataclass(frozen=True, slots=True)
class Pace:
    """From and to how many seconds people take."""

    answer_s: tuple[float, float] = (0.2, 1.5)
    drive_s: tuple[float, float] = (0.3, 1.5)
    work_s: tuple[float, float] = (0.5, 2.0)
    read_s: tuple[float, float] = (0.2, 1.5)


@dataclass(frozen=True, slots=True)
class Habits:
    """How this community behaves."""

    community: Community
    pace: Pace
    lots: Random

    def react(self, job: Job, message: Message, now: datetime) -> Iterator[Act]:
        """What follows from something that was heard about a job."""
        match message:
            case JobPosted():
                yield from self._posted(job)
            case JobOffered():
                yield from self._offered(job, message)
            case WorkOrderReleased():
                yield from self._sent_there(job, message.contractor_id, now)
            case JobStarted():
                yield from self._started(job, message)
            case JobStated():
                yield from self._stated(job, message)
            case JobDisputed():
                yield from self._disputed(job, message)
            case JobCompleted():
                yield from self._completed(job, message)
            case SettlementHeld():
                yield from self._held(job)
            case Rejected(code="arrival-in-future") if job.contractor_id is not None:
                yield self._is_there_still(job, job.contractor_id, now)
            case _:
                return

    def _posted(self, job: Job) -> Iterator[Act]:
        if job.course.cancelling == "at_once":
            yield self._cancels(job, self._some(self.pace.answer_s), CancelReason.posted_in_error)

    def _offered(self, job: Job, offer: JobOffered) -> Iterator[Act]:
        himself = _partner(offer.contractor_id)
        after_s = self._some(self.pace.answer_s)
        lot = self.lots.random() * 100
        if lot < job.course.accepts_percent:
            accept = AcceptOffer(
                job_id=job.job_id, contractor_id=offer.contractor_id, offer_id=offer.offer_id
            )
            yield Act(after_s, accept, himself)
        elif lot < (100 + job.course.accepts_percent) / 2:
            decline = DeclineOffer(
                job_id=job.job_id,
                contractor_id=offer.contractor_id,
                offer_id=offer.offer_id,
                reason=self.lots.choice(DECLINE_REASONS),
            )
            yield Act(after_s, decline, himself)
        if self.lots.random() < 0.01:  # somebody tries to take what was offered to another one
            rival = self._another(offer.contractor_id)
            yield Act(
                0.0,
                AcceptOffer(job_id=job.job_id, contractor_id=rival, offer_id=offer.offer_id),
                _partner(rival),
            )

    def _sent_there(self, job: Job, contractor_id: UUID, now: datetime) -> Iterator[Act]:
        course = job.course
        if course.cancelling == "when_assigned":
            yield self._cancels(job, self._some(self.pace.answer_s), CancelReason.customer_withdrew)
            return
        if course.arriving == "gives_it_back" and not job.gave_back:
            job.gave_back += 1
            release = ReleaseAssignment(
                job_id=job.job_id, contractor_id=contractor_id, reason=ReleaseReason.illness
            )
            yield Act(self._some(self.pace.answer_s), release, _partner(contractor_id))
            return
        to_the_start_s = max(0.0, (job.window.starts_at - now).total_seconds())
        after_s = self._some(self.pace.drive_s)
        if course.arriving == "never" and not job.no_shows:
            job.no_shows += 1
            report = ReportNoShow(job_id=job.job_id, client_id=job.client_id, contractor_id=contractor_id)
            yield Act(to_the_start_s + LATE_BY_S, report, _partner(job.client_id))
            return
        if course.arriving == "late":
            after_s += to_the_start_s + LATE_BY_S
        arrival = RecordArrival(
            job_id=job.job_id,
            contractor_id=contractor_id,
            arrived_at=now + timedelta(seconds=after_s) - MOMENT,
        )
        yield Act(after_s, arrival, _partner(contractor_id))

    @staticmethod
    def _is_there_still(job: Job, contractor_id: UUID, now: datetime) -> Act:
        """Somebody's clock is wrong, his or theirs: who stands at the door says it again."""
        arrival = RecordArrival(job_id=job.job_id, contractor_id=contractor_id, arrived_at=now)
        return Act(SAYS_IT_AGAIN_AFTER_S, arrival, _partner(contractor_id))

    def _started(self, job: Job, started: JobStarted) -> Iterator[Act]:
        after_s = self._some(self.pace.work_s)
        if job.course.cancelling == "too_late":
            yield self._cancels(job, 0.0, CancelReason.done_otherwise)
        if job.course.stating == "by_another_first":
            rival = self._another(started.contractor_id)
            yield Act(after_s / 2, self._statement(job, rival, Decimal(1)), _partner(rival))
        hours = _hours(job.estimated_hours * self._share_of_estimate(job))
        statement = self._statement(job, started.contractor_id, hours)
        twice = job.course.stating == "twice"
        yield Act(after_s, statement, _partner(started.contractor_id), twice=twice)

    def _share_of_estimate(self, job: Job) -> Decimal:
        match job.course.stating:
            case "far_over" | "disputed_to_the_end":
                return Decimal(self.lots.randint(200, 300)) / 100
            case "a_bit_over":
                return Decimal(self.lots.randint(125, 150)) / 100
            case "right" | "twice" | "by_another_first" | "again_later":
                return Decimal(self.lots.randint(70, 100)) / 100
            case stating:
                assert_never(stating)

    def _stated(self, job: Job, stated: JobStated) -> Iterator[Act]:
        if stated.within_limits:
            return
        client = _partner(stated.client_id)
        after_s = self._some(self.pace.read_s)
        if stated.hours >= 2 * job.estimated_hours and stated.statement_version == 1:
            dispute = DisputeStatement(
                job_id=job.job_id,
                client_id=stated.client_id,
                statement_id=stated.statement_id,
                reason=DisputeReason.hours_too_high,
            )
            yield Act(after_s, dispute, client)
        else:
            approve = ApproveStatement(
                job_id=job.job_id, client_id=stated.client_id, statement_id=stated.statement_id
            )
            yield Act(after_s, approve, client)

    def _disputed(self, job: Job, disputed: JobDisputed) -> Iterator[Act]:
        fair = _hours(job.estimated_hours)
        if job.course.stating == "disputed_to_the_end":
            resolve = ResolveDispute(job_id=job.job_id, statement_id=disputed.statement_id, hours=fair)
            yield Act(self._some(self.pace.read_s), resolve, DISTRIBUTOR)
        else:
            statement = self._statement(job, disputed.contractor_id, fair)
            yield Act(self._some(self.pace.work_s), statement, _partner(disputed.contractor_id))

    def _completed(self, job: Job, completed: JobCompleted) -> Iterator[Act]:
        if job.course.stating == "again_later":
            second = self._statement(job, completed.contractor_id, Decimal(40))
            yield Act(self._some(self.pace.work_s), second, _partner(completed.contractor_id))

    @staticmethod
    def _held(job: Job) -> Iterator[Act]:
        """The distributor's people have it tried again: what was missing may have come."""
        for after_s in TRY_AGAIN_AFTER_S:
            yield Act(after_s, ResolveHold(job_id=job.job_id, note="Looked into"), DISTRIBUTOR)

    def _statement(self, job: Job, contractor_id: UUID, hours: Decimal) -> SubmitStatement:
        day = datetime.now(BERLIN).date()
        materials = []
        if self.lots.random() < 0.3:
            materials.append(Material(article_number="CAT7-3M", quantity=Decimal(self.lots.randint(1, 12))))
        return SubmitStatement(
            job_id=job.job_id,
            contractor_id=contractor_id,
            statement_id=uuid7(),
            hours=hours,
            travel_km=self.lots.randint(5, 180),
            performed_from=day,
            performed_to=day,
            materials=materials,
        )

    def _cancels(self, job: Job, after_s: float, reason: CancelReason) -> Act:
        client_id = job.client_id
        cancel = CancelJob(job_id=job.job_id, client_id=client_id, reason=reason)
        return Act(after_s, cancel, _partner(client_id))

    def _another(self, contractor_id: UUID) -> UUID:
        while (found := self.lots.choice(list(self.community.partners))) == contractor_id:
            pass
        return found

    def _some(self, span: tuple[float, float]) -> float:
        return self.lots.uniform(*span)


def _partner(partner_id: UUID) -> str:
    return f"partner:{partner_id}"


def _hours(hours: Decimal) -> Decimal:
    """In quarters, at least one."""
    return max(QUARTER, (hours / QUARTER).to_integral_value() * QUARTER)
