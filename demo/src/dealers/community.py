"""The community as it stands: members, their partner ids, and what the registry says of them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from contracts import billing_rate_cards_v1, partner_registry_partners_v1
from contracts.billing_commands_v1 import ClassifyWork, PublishRateCard
from contracts.billing_rate_cards_v1 import RateCard
from contracts.catalogue import replies_of
from contracts.ids import uuid7
from contracts.messages import Message
from contracts.partner_registry_partners_v1 import Partner
from contracts.replies_v1 import Rejected
from contracts.values import AgreementKind, KindOfWork, WorkPrice, ZoneTravel, eur
from dealers.members import Member
from dealers.wire import Listener, Sender, newest
from dealers.wishes import DISTRIBUTOR, Saying, introduction, wishes

PRICES = {
    KindOfWork.installation: (92, 78),
    KindOfWork.service: (98, 84),
    KindOfWork.maintenance: (84, 71),
    KindOfWork.dismantling: (68, 57),
}
"""Client's and contractor's hour, net euros."""
ZONES = ((25, 35, 29), (50, 65, 55), (100, 110, 95), (200, 190, 165), (400, 340, 300), (1_000, 590, 520))
"""Up to so many kilometres; client's and contractor's flat rate, net euros."""


class NotSettled(Exception):
    """The community did not come together; the sentence says what is missing."""


def today() -> date:
    """The day in Germany."""
    return datetime.now(ZoneInfo("Europe/Berlin")).date()


@dataclass(slots=True)
class Community:
    """Who is there. `partners`: by partner id, as the registry last said."""

    members: Sequence[Member]
    partners: dict[UUID, Partner] = field(default_factory=dict)
    rate_card: RateCard | None = None
    refusals: Counter[str] = field(default_factory=Counter)
    """What the registry refused while they settled in, by code."""
    _numbers: dict[str, Member] = field(init=False)
    _ids: dict[str, UUID] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._numbers = {member.customer_number: member for member in self.members}

    def hear(self, message: Message) -> Member | None:
        """Take note of a partner or a rate card; returns the member if it is about one."""
        if isinstance(message, RateCard):
            self.rate_card = message
        if not isinstance(message, Partner):
            return None
        self.partners[message.partner_id] = message
        self._ids[message.customer_number] = message.partner_id
        return self._numbers.get(message.customer_number)

    def id_of(self, member: Member) -> UUID:
        """The partner id he was given. Raises KeyError if the registry does not know him."""
        return self._ids[member.customer_number]

    def knows(self, member: Member) -> bool:
        """Whether the registry knows him."""
        return member.customer_number in self._ids

    def member(self, partner_id: UUID) -> Member | None:
        """Who has this id; None for partners who are not of the simulation."""
        partner = self.partners.get(partner_id)
        return None if partner is None else self._numbers.get(partner.customer_number)

    def by_number(self, customer_number: str) -> Member:
        """Raises KeyError."""
        return self._numbers[customer_number]

    def highest_zone(self, member: Member) -> int:
        """The zone his client agreement goes to, as the registry tells it; what he meant if it tells none."""
        partner = self.partners[self.id_of(member)]
        zones = [a.highest_travel_zone for a in partner.agreements if a.kind is AgreementKind.client]
        return max(zones, default=member.highest_zone)

    def present(self, wanted: Callable[[Member], bool]) -> list[Member]:
        """Members the registry knows and who are as wanted, always in the same order."""
        return [member for member in self.members if self.knows(member) and wanted(member)]


class SettlingIn:
    """Brings a community together: reads who is there, says what is missing, waits until it is so."""

    def __init__(self, bootstrap: str, community: Community, sender: Sender) -> None:
        self._bootstrap = bootstrap
        self._community = community
        self._sender = sender
        self._day = today()
        self._missing = {member.customer_number: member for member in community.members}
        self._asked: dict[UUID, tuple[Member, str]] = {}
        self._refused: set[tuple[str, str]] = set()

    async def run(
        self, *, within_s: float = 120.0, say: Callable[[int, int], None] = lambda *_: None
    ) -> None:
        """Return when all are there and a rate card is published. `say(settled, of)`. Raises NotSettled."""
        community = self._community
        kept = (partner_registry_partners_v1.TOPIC, billing_rate_cards_v1.TOPIC)
        async with Listener(self._bootstrap, (*kept, replies_of("partner-registry"))) as listener:
            for topic in kept:
                for message in (await newest(self._bootstrap, topic)).values():
                    community.hear(message)
            if community.rate_card is None:
                self._sender.put(rate_card(self._day), DISTRIBUTOR)
                for kind in PRICES:
                    self._sender.put(classification(kind, self._day), DISTRIBUTOR)
            for member in community.members:
                self._begin(member)
            ends = time.monotonic() + within_s
            while self._missing or community.rate_card is None:
                if time.monotonic() > ends:
                    raise NotSettled(self._what_is_missing())
                say(len(community.members) - len(self._missing), len(community.members))
                self._take(heard.message for heard in await listener.next(0.2) if heard.message)
        say(len(community.members), len(community.members))

    def _begin(self, member: Member) -> None:
        if self._community.knows(member):
            self._wish(member)
        else:
            self._say(member, introduction(member, uuid7(), self._day))

    def _wish(self, member: Member) -> None:
        for saying in self._wishes(member):
            self._say(member, saying)
        self._look_at(member)

    def _wishes(self, member: Member) -> list[Saying]:
        """What the registry neither knows nor has refused."""
        partner = self._community.partners[self._community.id_of(member)]
        return [
            saying
            for saying in wishes(member, partner, self._day)
            if (member.customer_number, saying.message.TYPE) not in self._refused
        ]

    def _say(self, member: Member, saying: Saying) -> None:
        message_id = self._sender.put(saying.message, saying.actor)
        if saying.actor is not None:
            self._asked[message_id] = (member, saying.message.TYPE)

    def _take(self, messages: Iterable[Message]) -> None:
        changed = {}
        for message in messages:
            if isinstance(message, Rejected):
                if (asked := self._asked.get(message.command_id)) is not None:
                    member = asked[0]
                    self._refused.add((member.customer_number, asked[1]))
                    self._community.refusals[message.code] += 1
                    changed[member.customer_number] = member
                continue
            first = isinstance(message, Partner) and message.partner_id not in self._community.partners
            about = self._community.hear(message)
            if about is not None and first:
                self._wish(about)
            elif about is not None:
                changed[about.customer_number] = about
        for member in changed.values():
            self._look_at(member)

    def _look_at(self, member: Member) -> None:
        if self._community.knows(member) and not self._wishes(member):
            self._missing.pop(member.customer_number, None)

    def _what_is_missing(self) -> str:
        if not self._missing:
            return "No rate card was published."
        unknown = sum(not self._community.knows(member) for member in self._missing.values())
        return (
            f"{len(self._missing)} of {len(self._community.members)} partners are not settled; "
            f"of {unknown} the registry never told."
        )


def classification(kind: KindOfWork, day: date) -> ClassifyWork:
    """What a clerk would say of this demo's work: terminals and software, nothing that is built in."""
    return ClassifyWork(
        kind_of_work=kind,
        valid_from=day - timedelta(days=30),
        building_work=False,
        connected_with_property=False,
        note="Endgeräte und Software, nichts fest Eingebautes",
    )


def rate_card(day: date) -> PublishRateCard:
    """The distributor's first prices."""
    return PublishRateCard(
        rate_card_id=uuid7(),
        version=1,
        valid_from=day - timedelta(days=30),
        prices=[
            WorkPrice(kind_of_work=kind, client_per_hour=eur(client), contractor_per_hour=eur(contractor))
            for kind, (client, contractor) in PRICES.items()
        ],
        zones=[
            ZoneTravel(zone=zone, up_to_km=km, client_flat=eur(client), contractor_flat=eur(contractor))
            for zone, (km, client, contractor) in enumerate(ZONES, start=1)
        ],
    )
