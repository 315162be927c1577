"""What partners are told about one job: who is concerned, and what is too late to be said."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from chassis.decisions import Decision
from contracts.partner_registry_commands_v1 import NotifyPartner
from contracts.values import NoticeKind


@dataclass(frozen=True, slots=True)
class Correspondence:
    """A job as far as its letters are concerned. Between the two topics that tell of it is no order."""

    job_id: UUID
    job_number: str
    client_id: UUID | None = None
    contractor_id: UUID | None = None
    settled: bool = False


def offered(
    job: Correspondence | None,
    job_id: UUID,
    job_number: str,
    contractor_id: UUID,
    expires_at: datetime,
    now: datetime,
) -> Decision[Correspondence | None]:
    """A candidate is asked. An offer that has ended meanwhile is not worth a letter."""
    of = job or Correspondence(job_id, job_number)
    if of.settled or now >= expires_at:
        return Decision(job)
    return Decision(of, [_tell(of, contractor_id, NoticeKind.offer)])


def assigned(
    job: Correspondence | None, job_id: UUID, job_number: str, client_id: UUID, contractor_id: UUID
) -> Decision[Correspondence | None]:
    """The job is given: both sides are told."""
    of = replace(job or Correspondence(job_id, job_number), client_id=client_id, contractor_id=contractor_id)
    return _say(job, of, (contractor_id, NoticeKind.assignment), (client_id, NoticeKind.assignment_client))


def released(
    job: Correspondence | None, job_id: UUID, job_number: str, client_id: UUID, contractor_id: UUID
) -> Decision[Correspondence | None]:
    """The contractor no longer has the job."""
    of = replace(job or Correspondence(job_id, job_number), client_id=client_id, contractor_id=None)
    return _say(job, of, (contractor_id, NoticeKind.released))


def kept(
    job: Correspondence | None, job_id: UUID, job_number: str, client_id: UUID, contractor_id: UUID
) -> Decision[Correspondence | None]:
    """The client changed the job, and the contractor has it still."""
    of = replace(job or Correspondence(job_id, job_number), client_id=client_id, contractor_id=contractor_id)
    return _say(job, of, (contractor_id, NoticeKind.amended))


def unfilled(
    job: Correspondence | None, job_id: UUID, job_number: str, client_id: UUID
) -> Decision[Correspondence | None]:
    """Nobody is left who could do it: the client is told."""
    of = replace(job or Correspondence(job_id, job_number), client_id=client_id, contractor_id=None)
    return _say(job, of, (client_id, NoticeKind.unfilled))


def settled(
    job: Correspondence | None, job_id: UUID, job_number: str, client_id: UUID, contractor_id: UUID
) -> Decision[Correspondence | None]:
    """Both documents are there: both sides are told, once."""
    if job is not None and job.settled:
        return Decision(job)
    of = Correspondence(job_id, job_number, client_id, contractor_id, settled=True)
    return Decision(
        of,
        [
            _tell(of, client_id, NoticeKind.settlement_client),
            _tell(of, contractor_id, NoticeKind.settlement_contractor),
        ],
    )


def _say(
    job: Correspondence | None, of: Correspondence, *letters: tuple[UUID, NoticeKind]
) -> Decision[Correspondence | None]:
    """Once both documents are there, nothing else about the job is worth a letter."""
    if of.settled:
        return Decision(job)
    return Decision(of, [_tell(of, partner_id, notice) for partner_id, notice in letters])


def _tell(job: Correspondence, partner_id: UUID, notice: NoticeKind) -> NotifyPartner:
    return NotifyPartner(partner_id=partner_id, job_id=job.job_id, job_number=job.job_number, notice=notice)
