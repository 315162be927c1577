"""What a job would cost or earn, before anybody commits himself: the same prices that settle it later."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from billing.domain import pricing
from billing.domain.money import cents
from billing.domain.partners import Partner
from billing.domain.places import states_of
from billing.domain.pricing import BERLIN, PricedLine, Visit
from billing.domain.rate_cards import RateCard
from chassis.decisions import Decision, Rejected
from contracts.billing_commands_v1 import EstimateJob
from contracts.values import Leg, eur


def estimate(
    card: RateCard | None, command: EstimateJob, asks: Partner | None, now: datetime
) -> Decision[RateCard | None]:
    """Answer with the lines of the side that asks; nothing changes. Raises Rejected.

    Who has no agreement for a side is not told its prices: whoever knows both knows the distributor's margin.
    """
    if card is None:
        raise Rejected("unknown-rate-card", "There is no rate card with this id.", "rate_card_id")
    if command.side is Leg.unknown:
        raise Rejected("unknown-value", "Ask as client or as contractor.", "side")
    if asks is None or not asks.may_be(command.side, now.astimezone(BERLIN).date()):
        raise Rejected(
            f"no-{command.side.value}-agreement",
            f"No agreement makes this partner a {command.side.value}.",
            "side",
        )
    tariff = card.tariff(command.version, command.kind_of_work, command.zone, command.required_certifications)
    if tariff is None:
        raise Rejected("no-price", "This version has no price for this work and zone.", "version")
    day = now.astimezone(BERLIN).date()
    asked = Visit(
        hours=command.hours,
        performed_from=day,
        performed_to=day,
        response_time=command.response_time,
        worked=command.worked,
        states=states_of(command.postcode),
    )
    lines = pricing.visit(tariff, asked)
    if not isinstance(lines, tuple):
        raise Rejected(
            lines.value.replace("_", "-"),
            "The times do not add up to the hours, or a day is a holiday in part of this postcode's region.",
            "worked",
        )
    told = [_line(line, command.side) for line in lines]
    net = sum((one[3] for one in told), Decimal(0))
    return Decision(
        card,
        reply={
            "estimate": {
                "side": command.side,
                "lines": [
                    {"code": code, "quantity": quantity, "unit_price": eur(price), "net": eur(amount)}
                    for code, quantity, price, amount in told
                ],
                "net": eur(net),
            }
        },
    )


def _line(line: PricedLine, side: Leg) -> tuple[str, Decimal, Decimal, Decimal]:
    price = line.price.client if side is Leg.client else line.price.contractor
    return line.code, line.quantity, price, cents(line.quantity * price)
