"""Writes what each side of the story gets into a folder: client, contractor, and what everybody may see."""

import html
import shutil
import subprocess
from collections.abc import Mapping
from email.message import EmailMessage
from pathlib import Path

from servicenetz.demonstration.story import Told
from servicenetz.demonstration.teller import span
from servicenetz.service import program
from servicenetz.stack import Stack

EXPORT_WITHIN_S = 60.0
_PAGE = """<!doctype html>
<html lang="de"><meta charset="utf-8"><title>Arbeitsauftrag {number}</title>
<style>
body {{ font: 11pt/1.5 Helvetica, Arial, sans-serif; color: #222; max-width: 17cm; margin: 2cm auto }}
h1 {{ font-size: 17pt; margin: 1.2cm 0 .2cm }} p.from {{ color: #555; border-bottom: 1px solid #bbb }}
table {{ border-collapse: collapse; width: 100%; margin: .6cm 0 }}
td {{ padding: .15cm .4cm .15cm 0; vertical-align: top; border-bottom: 1px solid #e4e4e4 }}
td:first-child {{ color: #555; width: 4.5cm }} .sign {{ margin-top: 2.4cm; border-top: 1px solid #555; width: 8cm }}
</style>
<p class="from">{client}</p>
<h1>Arbeitsauftrag {number}</h1>
<p>Auszuführen im Namen von <strong>{client}</strong> durch {contractor}.</p>
<table>{rows}</table>
<p class="sign">Datum, Unterschrift des Kunden</p>
</html>
"""


class PapersMissing(Exception):
    """The documents could not be written; the sentence says why."""


def write(
    stack: Stack, told: Told, names: Mapping[str, str], mails: list[EmailMessage], out: Path
) -> list[Path]:
    """Write all papers; `names` has "client" and "contractor". Returns the files. Raises PapersMissing."""
    sides = {side: out / side for side in ("client", "contractor", "everybody")}
    for folder in sides.values():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    files = _documents(stack, told, sides)
    order = sides["contractor"] / "work-order.html"
    order.write_text(_work_order(told, names), encoding="utf-8")
    board = sides["everybody"] / "job-posted.json"
    board.write_text(told.posting.model_dump_json(indent=1), encoding="utf-8")
    reasons = sides["everybody"] / "job-assigned.json"
    reasons.write_text(told.assigned.model_dump_json(indent=1), encoding="utf-8")
    files += [order, board, reasons]
    for number, mail in enumerate(mails, start=1):
        side = "client" if names["client_mail"] in str(mail["To"]) else "contractor"
        file = sides[side] / f"mail-{number}.eml"
        file.write_bytes(mail.as_bytes())
        files.append(file)
    return sorted(files)


def _documents(stack: Stack, told: Told, sides: Mapping[str, Path]) -> list[Path]:
    """Both documents as billing made them, PDF with XML in it and XML alone, each to its side."""
    environment = {
        "BILLING_DATABASE_URL": stack.database_url("billing"),
        "BILLING_KAFKA_BOOTSTRAP_SERVERS": stack.kafka_bootstrap,
        "BILLING_DEVELOPMENT": "true",
        "BILLING_LOG_LEVEL": "WARNING",
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
    }
    both = sides["client"].parent / "documents"
    shutil.rmtree(both, ignore_errors=True)
    command = [str(program("billing")), "documents", "export", "--job", str(told.job_id), str(both)]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=EXPORT_WITHIN_S, check=False
    )
    if done.returncode != 0:
        raise PapersMissing((done.stderr.strip() or "no output").splitlines()[-1][:300])
    owners = {told.invoice.document_number: "client", told.self_billed.document_number: "contractor"}
    files = []
    for file in sorted(both.iterdir()):
        side = owners.get(file.name.split(".")[0])
        if side is not None:
            files.append(file.rename(sides[side] / file.name))
    shutil.rmtree(both)
    return files


def _work_order(told: Told, names: Mapping[str, str]) -> str:
    customer, order = told.opened, told.order
    rows = {
        "Endkunde": customer.name,
        "Ansprechpartner": customer.contact or "",
        "Anschrift": f"{customer.street}, {customer.postcode} {customer.city}",
        "Telefon": customer.phone,
        "Zeitfenster": span(order.window),
        "Arbeit": told.posting.summary,
        "Verlangt": ", ".join(
            f"{needed.manufacturer} {needed.product_line}, Stufe {needed.level}"
            for needed in told.posting.required_certifications
        ),
        "Hinweise": customer.notes,
    }
    cells = "".join(
        f"<tr><td>{html.escape(name)}</td><td>{html.escape(value)}</td></tr>" for name, value in rows.items()
    )
    return _PAGE.format(
        number=order.job_number,
        client=html.escape(names["client"]),
        contractor=html.escape(names["contractor"]),
        rows=cells,
    )
