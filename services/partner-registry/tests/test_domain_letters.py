"""Letters and who gets them: complete, in the partner's language, never late."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest

from chassis.decisions import Decision, Rejected
from contracts.crm_partners_v1 import PartnerMasterData
from contracts.ids import job_number, uuid7
from contracts.partner_registry_commands_v1 import NotifyPartner
from contracts.partner_registry_notifications_v1 import NotificationSent
from contracts.values import Address, CustomerStatus, Language, NoticeKind
from partner_registry.domain import correspondence, letters
from partner_registry.domain.correspondence import Correspondence
from partner_registry.domain.partner import Partner

NOW = datetime(2026, 6, 1, 10, 0, tzinfo=UTC)
ID, CLIENT, CONTRACTOR, JOB = uuid7(), uuid7(), uuid7(), uuid7()
NUMBER = job_number(JOB)
PARTNER = Partner(
    ID,
    PartnerMasterData(
        customer_number="K-1",
        name="50 $ Netz & Söhne GmbH",
        address=Address(street="Weg 1", postcode="80331", city="München"),
        email="post@sued.example",
        language="de",
        customer_status=CustomerStatus.active,
        certifications=[],
    ),
)
NOTICES = [kind for kind in NoticeKind if kind is not NoticeKind.unknown]


def speaking(language: Language) -> Partner:
    return replace(PARTNER, master=PARTNER.master.model_copy(update={"language": language}))


def notice(kind: NoticeKind) -> NotifyPartner:
    return NotifyPartner(partner_id=ID, job_id=JOB, job_number=NUMBER, notice=kind)


@pytest.mark.parametrize("language", get_args(Language))
@pytest.mark.parametrize("kind", NOTICES)
def test_each_letter_has_number_link_name_and_no_gap(kind: NoticeKind, language: Language) -> None:
    decision = letters.notify(speaking(language), notice(kind), uuid7(), "https://netz.example")
    (sent,) = decision.events
    (errand,) = decision.errands
    text = str(errand.payload["text"])
    assert isinstance(sent, NotificationSent)
    assert sent.link == f"https://netz.example/jobs/{JOB}"
    assert sent.link in text
    assert NUMBER in text
    assert NUMBER in sent.subject_line
    assert "50 $ Netz & Söhne GmbH" in text
    assert "$number" not in text
    assert errand.payload["to"] == "post@sued.example"
    assert errand.payload["language"] == sent.language == language
    assert decision.state == speaking(language)


def test_what_gateways_hear_of_a_letter_has_no_address() -> None:
    (sent,) = letters.notify(PARTNER, notice(NoticeKind.offer), uuid7(), "https://netz.example").events
    assert isinstance(sent, NotificationSent)
    assert b"@" not in sent.write()


@pytest.mark.parametrize(
    ("partner", "kind", "code"),
    [(None, NoticeKind.offer, "unknown-partner"), (PARTNER, NoticeKind.unknown, "unknown-value")],
)
def test_nobody_and_nothing_are_refused(partner: Partner | None, kind: NoticeKind, code: str) -> None:
    with pytest.raises(Rejected, match=code):
        letters.notify(partner, notice(kind), uuid7(), "https://netz.example")


# -- who is told what


def who(decision: Decision[Any]) -> list[tuple[Any, NoticeKind]]:
    told: list[Any] = list(decision.events)
    return [(command.partner_id, command.notice) for command in told]


def offer(job: Correspondence | None, expires_at: datetime) -> Decision[Correspondence | None]:
    return correspondence.offered(job, JOB, NUMBER, CONTRACTOR, expires_at, NOW)


def assign(job: Correspondence | None) -> Decision[Correspondence | None]:
    return correspondence.assigned(job, JOB, NUMBER, CLIENT, CONTRACTOR)


def release(job: Correspondence | None) -> Decision[Correspondence | None]:
    return correspondence.released(job, JOB, NUMBER, CLIENT, CONTRACTOR)


def keep(job: Correspondence | None) -> Decision[Correspondence | None]:
    return correspondence.kept(job, JOB, NUMBER, CLIENT, CONTRACTOR)


def no_one(job: Correspondence | None) -> Decision[Correspondence | None]:
    return correspondence.unfilled(job, JOB, NUMBER, CLIENT)


def settle(job: Correspondence | None) -> Decision[Correspondence | None]:
    return correspondence.settled(job, JOB, NUMBER, CLIENT, CONTRACTOR)


def test_a_jobs_letters_from_offer_to_settlement() -> None:
    asked = offer(None, NOW + timedelta(hours=1))
    given = assign(asked.state)
    back = release(given.state)
    again = assign(back.state)
    done = settle(again.state)
    assert who(asked) == [(CONTRACTOR, NoticeKind.offer)]
    assert who(given) == [(CONTRACTOR, NoticeKind.assignment), (CLIENT, NoticeKind.assignment_client)]
    assert who(back) == [(CONTRACTOR, NoticeKind.released)]
    assert who(done) == [
        (CLIENT, NoticeKind.settlement_client),
        (CONTRACTOR, NoticeKind.settlement_contractor),
    ]
    assert done.state == Correspondence(JOB, NUMBER, CLIENT, CONTRACTOR, settled=True)


def test_who_keeps_an_amended_job_learns_of_it_until_it_is_settled() -> None:
    given = assign(None)
    amended = keep(given.state)
    assert who(amended) == [(CONTRACTOR, NoticeKind.amended)]
    assert amended.state == given.state
    done = settle(amended.state)
    assert keep(done.state) == Decision(done.state)


def test_the_client_learns_that_nobody_was_found() -> None:
    assert who(no_one(None)) == [(CLIENT, NoticeKind.unfilled)]


def test_an_offer_that_has_ended_is_not_written_of() -> None:
    assert offer(None, NOW) == Decision(None)


def test_after_the_settlement_nothing_older_is_said() -> None:
    """Two topics, no order between them: the settlement may be read first."""
    done = settle(None).state
    for late in (
        offer(done, NOW + timedelta(hours=1)),
        assign(done),
        release(done),
        no_one(done),
        settle(done),
    ):
        assert (late.state, list(late.events)) == (done, [])
