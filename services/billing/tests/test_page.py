"""The page of a document: what must stand on it, and what must not."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from billing import page
from billing.domain.documents import canonical
from billing.domain.issuing import settle
from billing.domain.rate_cards import publish
from billing.domain.settlements import Facts
from billing.settings import Settings
from billing.translation import completed_work, partner_from

SAMPLE = "Muster – keine Rechnung im Sinne des § 14 UStG"
NOW = datetime(2026, 3, 5, 9, tzinfo=UTC)
NOWHERE: dict[str, Any] = {
    "database_url": "postgresql+asyncpg://nobody@localhost/none",
    "kafka_bootstrap_servers": "localhost:1",
}


def _pages(story: Any, **partner: Any) -> dict[str, str]:
    """Both pages of a job, by kind."""

    terms = Settings(**NOWHERE, development=True).terms()
    card = publish(None, story.rate_card(1), [], NOW).state
    facts = Facts(
        terms, card, partner_from(story.client(**partner)), partner_from(story.contractor(**partner))
    )
    outcome: Any = settle(None, completed_work(story.completed()), facts, NOW)
    issued = outcome.then((1, 1)).state.issued
    assert all(one.text == canonical(json.loads(one.text)) for one in issued)
    return {one.kind.name: page.render(json.loads(one.text), one.sha256) for one in issued}


@pytest.mark.parametrize("language", ["de", "en"])
def test_both_pages_are_marked_as_samples_and_need_nothing_else(story: Any, language: str) -> None:
    for html in _pages(story, language=language).values():
        assert SAMPLE in unescape(html)
        assert f'<html lang="{language}">' in html
        assert "http" not in html
        assert "<script" not in html


@pytest.mark.parametrize("language", ["de", "en"])
def test_the_word_gutschrift_stands_on_the_self_billed_invoice_and_nowhere_else(
    story: Any, language: str
) -> None:
    pages = _pages(story, language=language)
    assert "gutschrift" in pages["self_billed_invoice"].lower()
    assert "gutschrift" not in pages["invoice"].lower()


def test_the_page_says_what_the_law_wants_to_read(story: Any) -> None:
    invoice = _pages(story)["invoice"]
    words = "RE-2026-000001|05.03.2026|03.03.2026 – 04.03.2026|Bürotechnik Huber GmbH|DE999999999|391,50 €"
    more = "Umsatzsteuer 19 %|74,39 €|465,89 €|3,50 Std.|95,00 €|PLZ 24937|B-4711|KST-7"
    for told in (words + "|" + more).split("|"):
        assert told in invoice, told


def test_english_for_who_reads_english(story: Any) -> None:
    invoice = _pages(story, language="en")["invoice"]
    for told in ("Invoice", "05 Mar 2026", "€465.89", "VAT 19 %", "3.50 h", "Your order"):
        assert told in invoice, told


def test_what_partners_are_called_does_no_harm(story: Any) -> None:
    for html in _pages(story, name="<script>alert(1)</script> & {net} Söhne").values():
        assert "<script" not in html
        assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; {net} Söhne" in html


def test_no_document_without_a_real_issuer_but_in_development() -> None:
    with pytest.raises(ValidationError, match="DISTRIBUTOR_NAME, DISTRIBUTOR_STREET"):
        Settings(**NOWHERE, trusted_issuers_file=Path("issuers.json"), signing_key_file=Path("key.json"))
