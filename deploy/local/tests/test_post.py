"""A job as a person writes it, and what is said when it cannot be one."""

import json
from typing import Any

import pytest

from contracts.ids import uuid7
from contracts.partner_registry_partners_v1 import Agreement, Partner
from contracts.seal import new_key, public, unseal
from contracts.values import Address, AgreementKind, CustomerStatus
from dealers.community import today
from servicenetz.commands.post import NotAJob, _command, _example

KEY = new_key("job-exchange-test", "P-256")


def partner(**other: Any) -> Partner:
    signed = Agreement(
        kind=AgreementKind.client,
        valid_from=today(),
        self_billing_agreed=False,
        auto_approve_percent_over=0,
        highest_travel_zone=6,
    )
    fields: dict[str, Any] = {
        "partner_id": uuid7(),
        "customer_number": "K-1",
        "name": "Telefonbau Ahrens GmbH, Flensburg",
        "address": Address(street="Fördestraße 31", postcode="24944", city="Flensburg"),
        "language": "de",
        "customer_status": CustomerStatus.active,
        "agreements": [signed],
        "certifications": [],
        "suspended": False,
        "excluded_partner_ids": [],
    }
    return Partner(**(fields | other))


KNOWN = {"K-1": partner()}


def test_the_example_is_a_job_and_its_end_customer_is_sealed() -> None:
    job = json.loads(json.dumps(_example(KNOWN)))
    command = _command(job, KNOWN, public(KEY))
    assert command.client_id == KNOWN["K-1"].partner_id
    assert command.postcode == job["end_customer"]["postcode"]
    assert job["end_customer"]["name"].encode() not in command.write()
    assert (
        json.loads(unseal(command.end_customer, KEY, command.job_id))["name"] == job["end_customer"]["name"]
    )


def test_the_example_names_somebody_who_may_post() -> None:
    suspended = partner(customer_number="A-1", suspended=True)
    assert _example({"A-1": suspended, **KNOWN})["client"] == "K-1"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"client": "NOBODY"}, "no partner has the customer number NOBODY"),
        ({"starts": "tomorrow"}, "starts: a time in Germany"),
        ({"kind_of_work": "magic"}, "kind_of_work: one of installation"),
        ({"estimated_hours": "six"}, "estimated_hours: a number"),
        ({"estimated_hours": "6.1"}, "estimated_hours"),
        ({"summary": "call me: someone@example.com"}, "summary"),
        ({"certifications": ["Nordfon"]}, "not a job"),
        ({"end_customer": {"name": "x"}}, "street"),
        ({"end_customer": None}, "not a job"),
        ({"insured_for_eur": "a lot"}, "insured_for_eur: a number"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(NotAJob, match=sentence):
        _command(_example(KNOWN) | change, KNOWN, public(KEY))


def test_what_is_missing_is_named() -> None:
    job = _example(KNOWN)
    del job["summary"]
    with pytest.raises(NotAJob, match="summary: is missing"):
        _command(job, KNOWN, public(KEY))
