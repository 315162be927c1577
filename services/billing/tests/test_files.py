"""What billing issues becomes e-invoices that pass the checks of form, cents and words. No database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from billing_books import NOW, done, facts_of, frozen, work_of

from billing.domain.documents import Document, reverse
from billing.domain.issuing import RENDER, settle
from billing.einvoice import files
from billing.einvoice.profiles import Format
from billing.einvoice.reading import read

LATER = date(2026, 3, 20)


def _documents(story: Any, **work: Any) -> Iterator[Document]:
    """Both legs of a job, and the reversal of each."""
    decision = done(settle(None, work_of(story, **work), facts_of(story), NOW))
    assert decision.state is not None
    for document in decision.state.issued:
        yield document
        yield reverse(frozen(document), 1, LATER)


@pytest.mark.parametrize("hours", ["3.50", "0.25", "7.75", "11.25"])
def test_both_legs_and_their_reversals_become_all_formats(story: Any, hours: str) -> None:
    codes = []
    for document in _documents(story, hours=Decimal(hours)):
        made = files.make(json.loads(document.text))
        assert [file.format for file in made] == list(Format)
        said = read(next(file.content for file in made if file.format is Format.xrechnung_ubl))
        assert said.totals["payable"] == document.gross
        codes.append(said.type_code)
    assert codes == ["380", "384", "389", "389"]


def test_the_decision_that_issues_asks_for_the_files_of_all_it_issued(story: Any) -> None:
    decision = done(settle(None, work_of(story), facts_of(story), NOW))
    assert decision.state is not None
    (errand,) = decision.errands
    assert errand.kind == RENDER
    assert errand.payload == {"documents": [one.number for one in decision.state.issued]}
