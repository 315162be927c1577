"""E-invoices from frozen documents: what they say, what they refuse, who makes them. No broker, no database."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from invoice_broken import BOMB
from invoice_cases import TRAVEL, WORK, Case, Line, cases, frozen, reversal
from pypdf import PdfReader

from billing.einvoice import checks, cii, files, pdf, profiles, ubl
from billing.einvoice.made import Wrong
from billing.einvoice.page import page
from billing.einvoice.profiles import PROFILES, Format, NoProfile, Syntax, in_force
from billing.einvoice.reading import embedded, read
from billing.einvoice.workshop import Workshop
from billing.einvoice.xml import Unreadable, parse

ON = date(2026, 3, 5)
WRITERS = {Syntax.cii: cii.write, Syntax.ubl: ubl.write}
XML_FORMATS = (Format.xrechnung_cii, Format.xrechnung_ubl)


def xml(data: Mapping[str, Any], wanted: Format = Format.xrechnung_cii) -> bytes:
    profile = in_force(wanted, ON)
    return WRITERS[profile.syntax](data, profile)


def wrong(data: Mapping[str, Any], wanted: Format = Format.xrechnung_cii) -> list[str]:
    return checks.of_itself(read(xml(data, wanted)))


# -- what the files say --------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", list(cases()), ids=lambda case: case.name)
@pytest.mark.parametrize("wanted", XML_FORMATS)
def test_every_document_says_in_both_syntaxes_what_was_frozen(case: Case, wanted: Format) -> None:
    file = xml(case.data, wanted)
    said = read(file)
    assert files.against_schema(file, said.syntax) == []
    assert checks.of_itself(said) == []
    assert checks.against(said, case.data) == []


def test_on_self_billing_the_contractor_sells_and_the_distributor_buys() -> None:
    said = read(xml(frozen("contractor", [WORK])))
    assert (said.type_code, said.seller.name, said.buyer.name) == (
        "389",
        "Systemhaus Förde KG",
        "Musterdistribution GmbH",
    )


@pytest.mark.parametrize("leg", ["client", "contractor"])
@given(
    hours=st.decimals(min_value="0.01", max_value="999", places=2),
    price=st.decimals(min_value="0.01", max_value="999", places=2),
)
def test_a_reversal_mirrors_each_cent(leg: str, hours: Decimal, price: Decimal) -> None:
    original = frozen(leg, [Line("work", "Arbeit", str(hours), "HUR", str(price)), TRAVEL])
    taken_back = reversal(original)
    for wanted in XML_FORMATS:
        there, back = read(xml(original, wanted)), read(xml(taken_back, wanted))
        assert checks.of_itself(back) == []
        assert {name: amount + back.totals[name] for name, amount in there.totals.items()} == dict.fromkeys(
            there.totals, 0
        )
        assert [(line.net, line.price) for line in there.lines] == [
            (-line.net, line.price) for line in back.lines
        ]


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=120))
def test_whatever_is_written_in_a_line_is_read_back(text: str) -> None:
    data = frozen("contractor", [Line("work", text, "1.00", "HUR", "50.00")])
    for wanted in XML_FORMATS:
        assert read(xml(data, wanted)).lines[0].text == text


# -- what is found wrong -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("leg", "change", "finding"),
    [
        ("client", {"type_code": "381"}, "none of ours"),
        ("client", {"type_code": "389"}, "Gutschrift"),
        ("contractor", {"type_code": "380"}, "Gutschrift"),
        ("contractor", {"notes": []}, "Gutschrift"),
        ("client", {"due_on": None}, "due on a day"),
        (
            "client",
            {"preceding": {"number": "RE-2026-000001", "issued_on": "2026-01-01"}},
            "corrects nothing",
        ),
    ],
)
def test_words_and_type_codes_are_checked(leg: str, change: dict[str, Any], finding: str) -> None:
    for wanted in XML_FORMATS:
        assert any(finding in one for one in wrong(frozen(leg, [WORK, TRAVEL]) | change, wanted))


@pytest.mark.parametrize("place", ["net", "quantity", "unit_price"])
def test_one_cent_in_a_line_is_found(place: str) -> None:
    data = frozen("client", [WORK, TRAVEL])
    line = data["lines"][0]
    line[place] = str(Decimal(line[place]) + Decimal("0.01"))
    for wanted in XML_FORMATS:
        assert any(one.startswith("line 1: ") for one in wrong(data, wanted))


def test_one_cent_of_tax_is_found_although_the_official_rules_let_it_pass() -> None:
    data = frozen("client", [WORK, TRAVEL])
    data["vat_breakdown"][0]["tax"] = data["totals"]["vat"] = "74.40"
    data["totals"]["gross"] = data["totals"]["payable"] = "465.90"
    for wanted in XML_FORMATS:
        assert wrong(data, wanted) == ["category S: 19.00 % of 391.50 is not 74.40"]


def test_a_file_that_is_not_as_frozen_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    data = frozen("client", [WORK, TRAVEL])
    other = json.loads(json.dumps(data)) | {"order_number": "B-4712"}
    write = cii.write
    monkeypatch.setattr(cii, "write", lambda _, profile: write(other, profile))
    with pytest.raises(Wrong, match="order number is not as frozen"):
        files.make(data)


# -- what is not read ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"PK\x03\x04",
        b"<a>",
        b"<a/>",
        f"<?xml version='1.0'?>{BOMB}<a>&c;</a>".encode(),
        b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/hostname">]><a>&f;</a>',
        b'<!DOCTYPE x SYSTEM "file:///etc/hostname"><a/>',
        b"<a>" * 100_000,
    ],
)
def test_what_is_no_invoice_is_refused_and_no_entity_is_expanded(file: bytes) -> None:
    with pytest.raises(Unreadable):
        read(file)


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "12,50", "1e999999999", ""])
def test_what_is_no_amount_is_refused(amount: str) -> None:
    file = xml(frozen("client", [WORK])).replace(b">3.50<", f">{amount}<".encode())
    with pytest.raises(Unreadable):
        read(file)


def test_a_pdf_without_an_invoice_in_it_is_refused() -> None:
    for file in (b"", b"%PDF-1.7", pdf.readable(frozen("client", [WORK]))):
        with pytest.raises(Unreadable):
            embedded(file)


# -- profiles ------------------------------------------------------------------------------------------------


def test_each_format_has_a_profile_for_the_day_of_issue_and_none_for_days_before_it() -> None:
    for wanted in Format:
        assert in_force(wanted, ON) in PROFILES
        with pytest.raises(NoProfile):
            in_force(wanted, date(2023, 12, 31))


def test_a_new_version_is_used_from_its_first_day_on_and_the_old_one_until_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old = in_force(Format.xrechnung_ubl, ON)
    new = replace(old, valid_from=ON, name="XRechnung 4.0 (UBL 2.1)", guideline="urn:xrechnung_4.0")
    monkeypatch.setattr(profiles, "PROFILES", (new, *PROFILES))
    data = frozen("client", [WORK])
    for day, expected in ((ON - timedelta(days=1), old), (ON, new)):
        made = {file.format: file for file in files.make(data | {"issued_on": day.isoformat()})}
        file = made[Format.xrechnung_ubl]
        assert (file.profile, read(file.content).guideline) == (expected.name, expected.guideline)
        assert made[Format.xrechnung_cii].profile == in_force(Format.xrechnung_cii, ON).name


# -- the page ------------------------------------------------------------------------------------------------


def page_text(file: bytes) -> str:
    return " ".join(" ".join(one.extract_text() for one in PdfReader(BytesIO(file)).pages).split())


@pytest.mark.parametrize(("leg", "expected"), [("client", False), ("contractor", True)])
@pytest.mark.parametrize("language", ["de", "en"])
def test_the_page_bears_the_word_where_it_belongs_and_no_mark_of_a_sample(
    leg: str, expected: bool, language: str
) -> None:
    data = frozen(leg, [WORK, TRAVEL], language=language)
    for document in (data, reversal(data)):
        text = page_text(pdf.readable(document))
        assert ("gutschrift" in text.lower()) is expected
        assert not re.search(r"muster(?!distribution)|sample", text, re.IGNORECASE)
        assert document["number"] in text


def test_cents_stand_in_the_documents_language() -> None:
    line = Line("work", "Arbeit", "12.345", "HUR", "1000.00")
    for language, net in (("de", "12.345,00"), ("en", "12,345.00")):
        said = page(frozen("client", [line], language=language))
        assert said["lines"] == [["1", "Arbeit", *_rest(language), net]]


def _rest(language: str) -> list[str]:
    german = ["12,345", "Std.", "1.000,00", "19 %"]
    return german if language == "de" else ["12.345", "h", "1,000.00", "19 %"]


def test_what_people_type_is_text_and_never_markup() -> None:
    name = 'Müller #set page(width: 1cm) *x* _y_ $z$ `w` @v \\ "u" <t> & Söhne'
    data = frozen("client", [Line("work", name, "1.00", "HUR", "10.00")])
    assert "#set page(width: 1cm) *x* _y_ $z$" in page_text(pdf.readable(data))


def test_fifty_lines_go_over_pages_that_are_numbered() -> None:
    data = frozen("client", [WORK] * 50)
    texts = [one.extract_text() for one in PdfReader(BytesIO(pdf.readable(data))).pages]
    assert len(texts) > 1
    assert all(f"Seite {number} von {len(texts)}" in text for number, text in enumerate(texts, start=1))
    assert all("Betrag €" in text for text in texts[:-1])


def test_the_file_holds_the_very_xml_and_is_pdf_a_3b() -> None:
    data = frozen("contractor", [WORK, TRAVEL])
    (zugferd,) = (file for file in files.make(data) if file.format is Format.zugferd)
    assert embedded(zugferd.content) == xml(data, Format.zugferd)
    metadata = PdfReader(BytesIO(zugferd.content)).xmp_metadata
    assert metadata is not None
    assert b"<pdfaid:part>3</pdfaid:part>" in metadata.stream.get_data()


# -- the worker ----------------------------------------------------------------------------------------------


@pytest.fixture
async def workshop() -> AsyncIterator[Workshop]:
    shop = Workshop()
    yield shop
    await shop.close()


async def test_the_worker_makes_all_formats_and_says_what_was_checked(workshop: Workshop) -> None:
    made = await workshop.make(frozen("client", [WORK, TRAVEL]))
    assert [file.format for file in made] == list(Format)
    assert made[0].content.startswith(b"%PDF-")
    assert all("as frozen" in str(file.report["passed"]) for file in made)


async def test_a_document_that_cannot_be_made_takes_no_other_with_it(workshop: Workshop) -> None:
    data = frozen("client", [WORK, TRAVEL])
    with pytest.raises(Wrong, match="KeyError"):
        await workshop.make({"issued_on": "2026-03-05"})
    with pytest.raises(Wrong, match="no version"):
        await workshop.make(data | {"issued_on": "2001-01-01"})
    assert len(await workshop.make(data)) == len(Format)


async def test_a_worker_that_dies_is_replaced(workshop: Workshop) -> None:
    data = frozen("client", [WORK])
    await workshop.make(data)
    assert workshop._worker is not None
    workshop._worker.kill()
    await workshop._worker.wait()
    assert len(await workshop.make(data)) == len(Format)


async def test_a_worker_goes_when_it_is_not_needed() -> None:
    shop = Workshop(idle_seconds=0.0)
    await shop.make(frozen("client", [WORK]))
    worker = shop._worker
    assert worker is not None
    assert await worker.wait() < 0


def test_a_dtd_of_no_effect_is_refused_too() -> None:
    with pytest.raises(Unreadable, match="DTD"):
        parse(b"<!DOCTYPE x [<!ELEMENT x ANY>]><x/>")
