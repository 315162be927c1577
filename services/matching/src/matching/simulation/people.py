"""What a partner says to an offer, and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from contracts.job_exchange_jobs_v1 import JobPosted
from matching.domain.model import BERLIN
from matching.domain.places import distance_km
from matching.postcodes import place_of
from matching.simulation.lots import Lots
from matching.simulation.scenario import Dealer

OPENS, CLOSES = 8, 18
SATURDAY = 5
MEDIAN_MINUTES = 25.0
FAR_KM = 300.0
NO_SHOWS = 0.01
RATES = 0.6
SAYS_NO = 0.6
"""Of those who do not want it; the others let the offer pass."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Said at this time."""

    at: datetime
    accepts: bool


@dataclass(frozen=True, slots=True)
class People:
    """Nearer is gladlier, a full week less so; nobody answers at night or at the weekend."""

    lots: Lots

    def answer(self, job: JobPosted, dealer: Dealer, load: float, times: int, now: datetime) -> Answer | None:
        """None: he does not answer. load: the share of his week that is taken. times: asked before."""
        who = (job.job_id, dealer.contractor.partner_id, times)
        at = at_work(
            now + timedelta(minutes=MEDIAN_MINUTES * 3.0 ** (2.0 * self.lots.share("haste", *who) - 1.0))
        )
        here, there = dealer.contractor.place, place_of(job.postcode)
        km = distance_km(here, there) if here and there else FAR_KM
        wants = dealer.eagerness * (1.0 - 0.5 * min(1.0, km / FAR_KM)) * (1.0 - 0.4 * load)
        lot = self.lots.share("accepts", *who)
        if lot < wants:
            return Answer(at, accepts=True)
        return Answer(at, accepts=False) if lot < wants + (1.0 - wants) * SAYS_NO else None

    def comes(self, job: JobPosted, contractor_id: UUID) -> bool:
        """Nearly always."""
        return self.lots.share("no-show", job.job_id, contractor_id) >= NO_SHOWS

    def stars(self, job: JobPosted, dealer: Dealer) -> int | None:
        """What the client says afterwards, if he says something; better dealers get better ones."""
        who = (job.job_id, dealer.contractor.partner_id)
        if self.lots.share("rates", *who) >= RATES:
            return None
        return max(1, min(5, round(dealer.quality + 2.0 * self.lots.share("stars", *who) - 1.0)))


def at_work(moment: datetime) -> datetime:
    """This moment, or the next in which people are at work; German time."""
    local = moment.astimezone(BERLIN)
    if local.hour >= CLOSES:
        local = local.replace(hour=OPENS) + timedelta(days=1)
    elif local.hour < OPENS:
        local = local.replace(hour=OPENS)
    while local.weekday() >= SATURDAY:
        local = local.replace(hour=OPENS) + timedelta(days=1)
    return local.astimezone(moment.tzinfo)
