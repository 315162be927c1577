"""A contractor's own e-invoice as a file: both syntaxes are read, whatever else comes is refused with the reason."""

from __future__ import annotations

import base64

import pytest
from own_invoices import BOMB, CII, own_invoice, ubl

from billing import reading
from billing.domain.settlements import OwnInvoice
from chassis.decisions import Rejected

UBL = ubl("274.75", net="323.75", tax="61.51", gross="385.26")


def _read(pieces: list[str]) -> OwnInvoice:
    return reading.own_invoice(reading.joined(pieces))


def _pieces(content: str | bytes, length: int = 20_000) -> list[str]:
    encoded = base64.b64encode(content if isinstance(content, bytes) else content.encode()).decode()
    return [encoded[start : start + length] for start in range(0, len(encoded), length)]


@pytest.mark.parametrize("content", [UBL, CII], ids=["UBL", "CII"])
def test_both_syntaxes_are_read_in_one_piece_or_many(content: str) -> None:
    assert _read(_pieces(content)) == _read(_pieces(content, 400)) == own_invoice()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (BOMB + UBL.replace("2026-117", "&a11;"), "not-xml"),
        (
            '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + UBL.replace("2026-117", "&e;"),
            "not-xml",
        ),
        ("<!DOCTYPE Invoice>" + UBL, "not-xml"),
        (UBL[:200], "not-xml"),
        (b"%PDF-1.7 invoice", "not-xml"),
        (b"\x00\xff" * 50, "not-xml"),
        ("<Invoice/>", "wrong-format"),
        ("<html/>", "wrong-format"),
        (UBL.replace("<cbc:ID>2026-117</cbc:ID>", ""), "wrong-format"),
        (UBL.replace(">380<", ">381<"), "not-an-invoice"),
        (UBL.replace(">EUR<", ">USD<"), "wrong-currency"),
        (UBL.replace("274.75", "274.76"), "sums-wrong"),
        (UBL.replace("385.26", "385.27"), "sums-wrong"),
        (UBL.replace("61.51", "-61.51"), "sums-wrong"),
        (UBL.replace("61.51", "NaN"), "sums-wrong"),
        (UBL.replace("61.51", "61.511"), "sums-wrong"),
        (UBL.replace("61.51", "1E+400"), "sums-wrong"),
        (UBL.replace("<cbc:ID>S</cbc:ID>", "<cbc:ID>Z</cbc:ID>"), "wrong-format"),
        (UBL.replace("2026-03-09", "09.03.2026"), "wrong-format"),
        ("<a>" * 5_000 + "</a>" * 5_000, "not-xml"),
        (UBL + " " * 500_000, "too-large"),
    ],
)
def test_a_file_from_outside_is_refused_with_the_reason_whatever_it_is(
    content: str | bytes, code: str
) -> None:
    with pytest.raises(Rejected) as refused:
        _read(_pieces(content))
    assert refused.value.code == code
    assert "root:" not in refused.value.message


def test_pieces_that_are_no_base64_are_refused() -> None:
    with pytest.raises(Rejected, match="not-base64"):
        _read(["AAA", "=="])
