"""What is billed: the facts of one job as they came, by which it is priced and taxed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID

from contracts.values import (
    FeeKind,
    KindOfWork,
    OwnReference,
    RequiredCertification,
    ResponseTime,
    WorkedTime,
)


class Occasion(StrEnum):
    """Why there is something to bill."""

    done = "done"
    nobody_there = "nobody-there"
    cancelled = "cancelled"


FEES: Final = {
    Occasion.nobody_there: FeeKind.nobody_there,
    Occasion.cancelled: FeeKind.late_cancellation,
}


@dataclass(frozen=True, slots=True)
class CompletedWork:
    """What was done, by whom and for whom, as approved. Hours in quarters; zero for a cancelled job.

    approved_up_to: set when the statement approved itself; more than that was not agreed.
    hours_of_notice: of a cancelled job, from the cancellation to the beginning of its window.
    """

    job_id: UUID
    job_number: str
    client_id: UUID
    contractor_id: UUID
    postcode: str
    kind_of_work: KindOfWork
    certifications: tuple[RequiredCertification, ...]
    statement_version: int
    hours: Decimal
    performed_from: date
    performed_to: date
    travel_zone: int
    rate_card_id: UUID
    rate_card_version: int
    own_reference: OwnReference
    occasion: Occasion = Occasion.done
    response_time: ResponseTime = ResponseTime.unknown
    worked: tuple[WorkedTime, ...] = ()
    approved_up_to: Decimal | None = None
    rework_of: UUID | None = None
    hours_of_notice: Decimal | None = None

    @property
    def fee(self) -> FeeKind | None:
        """The fee that may be due instead of work."""
        return FEES.get(self.occasion)

    @property
    def days(self) -> tuple[date, date]:
        return self.performed_from, self.performed_to
