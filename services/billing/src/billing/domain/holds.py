"""Named holds: what each means, and the command that resolves it. The worklist and the refusals read from here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from contracts.billing_settlements_v1 import Hold


@dataclass(frozen=True, slots=True)
class Meaning:
    """why: a sentence for a person. resolved_by: messages that resolve it; it looks again by itself when they come."""

    why: str
    resolved_by: str


MEANINGS: Final[Mapping[Hold, Meaning]] = MappingProxyType(
    {
        Hold.missing_rate_card: Meaning(
            "The rate card, or its price for this work and zone, is missing.",
            "billing.PublishRateCard",
        ),
        Hold.missing_partner: Meaning(
            "The client's or the contractor's record is missing.",
            "partner-registry.RegisterPartner, or the CRM's record",
        ),
        Hold.missing_self_billing_agreement: Meaning(
            "The contractor has not agreed to self-billing, and his own invoice is not here.",
            "partner-registry.SignAgreement with self_billing_agreed, or billing.SubmitOwnInvoice / RecordOwnInvoice",
        ),
        Hold.missing_party_data: Meaning(
            "What the law asks of an invoice is missing: a VAT id of the right form, or a tax number; "
            "on what is not taxable, where no VAT id may stand, our own register number.",
            "the CRM's record, or partner-registry.SetBillingDetails; our own: BILLING_DISTRIBUTOR_REGISTRATION",
        ),
        Hold.work_not_classified: Meaning(
            "Whether this kind of work is building work (or tied to property) is not decided, and it matters here.",
            "billing.ClassifyWork, once for the kind of work",
        ),
        Hold.fee_not_classified: Meaning(
            "Whether this fee is remuneration or damages is not decided.",
            "billing.ClassifyFee, once for the kind of fee",
        ),
        Hold.tax_undecided: Meaning(
            "The tax table has no row for these countries and this day.", "billing.DecideTax for the leg"
        ),
        Hold.implausible_hours: Meaning(
            "The hours cannot be in these days.",
            "billing.ResolveHold once it was looked at, or a corrected statement",
        ),
        Hold.over_cap: Meaning(
            "The statement approved itself although it is over what the client's agreement allows.",
            "billing.ResolveHold once the client has agreed, or a corrected statement",
        ),
        Hold.times_unclear: Meaning(
            "The times worked do not add up to the hours approved.", "a corrected statement"
        ),
        Hold.state_unclear: Meaning(
            "The postcode lies in several states, and only in some the day was a holiday.",
            "billing.ResolveHold with the state",
        ),
        Hold.rework_unclear: Meaning(
            "The job that was made good is not known here, or somebody else had done it.",
            "billing.ResolveHold, if it is at no charge all the same; or a corrected statement",
        ),
        Hold.own_invoice_differs: Meaning(
            "The contractor's own invoice differs from the fixed amounts.",
            "billing.DecideOwnInvoice, or another own invoice",
        ),
        Hold.objected: Meaning(
            "The contractor objected to the self-billed invoice; his own one is not here.",
            "billing.SubmitOwnInvoice / RecordOwnInvoice",
        ),
        Hold.unknown: Meaning("Something is missing.", "billing.ResolveHold"),
    }
)

WAIVABLE: Final = frozenset({Hold.implausible_hours, Hold.over_cap, Hold.rework_unclear})
"""A clerk's word is enough."""
