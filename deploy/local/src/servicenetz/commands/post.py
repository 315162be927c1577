"""`servicenetz post FILE`: a job from a file that a person can write, sealed and posted to the stack that is up."""

import asyncio
import json
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from pydantic import ValidationError
from rich.markup import escape

from contracts import partner_registry_partners_v1
from contracts.catalogue import replies_of
from contracts.ids import uuid7
from contracts.job_exchange_commands_v1 import PostJob
from contracts.partner_registry_partners_v1 import Partner
from contracts.replies_v1 import Accepted, JobExchangeAccepted, Rejected
from contracts.seal import seal
from contracts.values import AgreementKind, CustomerStatus, EndCustomer, Money, RequiredCertification, eur
from dealers.community import today
from dealers.postings import window_on, working_day
from dealers.wire import Sender, newest
from servicenetz.console import console, read_addresses
from servicenetz.demonstration.ear import Ear, NotHeard
from servicenetz.demonstration.teller import price_table
from servicenetz.demonstration.words import Words
from servicenetz.stack import default_folder

BERLIN = ZoneInfo("Europe/Berlin")
FORM = "%Y-%m-%d %H:%M"
REFUSED, NOT_UP, NOT_A_JOB = 1, 2, 3
NOBODY = "A-CUSTOMER-NUMBER"
_TEXTS = ("kind_of_work", "response_time", "offer_policy", "summary")


class NotAJob(Exception):
    """The file cannot be made into a posting; the sentence says what is wrong where."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(post)


def post(
    file: Annotated[Path | None, typer.Argument(help="The job, as JSON; see --example.")] = None,
    example: Annotated[bool, typer.Option("--example", help="Print a job to start from.")] = False,
    folder: Annotated[Path | None, typer.Option(help="State folder of the stack that is up.")] = None,
) -> None:
    """Post a job to the stack that is up, and show its number and price, or why it was refused.

    Exit code 0: posted. 1: refused. 2: nothing runs, or nobody answered. 3: the file is not a job.
    Example: servicenetz post --example > job.json; servicenetz post job.json
    """
    addresses = read_addresses(folder or default_folder())
    if example:
        partners = asyncio.run(_partners(addresses["kafka"])) if addresses else {}
        typer.echo(json.dumps(_example(partners), indent=2, ensure_ascii=False))
        return
    if file is None:
        console.print("Which job? `servicenetz post FILE`; `servicenetz post --example` prints one.")
        raise typer.Exit(NOT_A_JOB)
    if addresses is None:
        console.print("Nothing runs here. Start it with [bold]make up[/].")
        raise typer.Exit(NOT_UP)
    try:
        key = _read(Path(addresses["sealing_public_key"]))
        reply = asyncio.run(_post(addresses["kafka"], _read(file), key))
    except NotAJob as error:
        console.print(f"[red]✗[/] {escape(str(error))}")
        raise typer.Exit(NOT_A_JOB) from None
    except NotHeard as error:
        console.print(f"[red]✗[/] {escape(str(error))}")
        raise typer.Exit(NOT_UP) from None
    _show(reply)


def _read(file: Path) -> dict[str, Any]:
    try:
        job = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NotAJob(f"{file}: {error}") from None
    if not isinstance(job, dict):
        raise NotAJob(f"{file}: a job is an object, {{…}}")
    return job


async def _partners(bootstrap: str) -> dict[str, Partner]:
    """By customer number."""
    messages = (await newest(bootstrap, partner_registry_partners_v1.TOPIC)).values()
    return {partner.customer_number: partner for partner in messages if isinstance(partner, Partner)}


async def _post(bootstrap: str, job: dict[str, Any], key: dict[str, Any]) -> Accepted | Rejected:
    command = _command(job, await _partners(bootstrap), key)
    async with Sender(bootstrap) as sender, Ear(bootstrap, [replies_of("job-exchange")]) as ear:
        with console.status("waiting for the reply …"):
            return await ear.reply(sender.put(command, f"partner:{command.client_id}"), within_s=30.0)


def _command(job: dict[str, Any], partners: dict[str, Partner], key: dict[str, Any]) -> PostJob:
    """Sealed and checked. Raises NotAJob."""
    client = partners.get(str(_need(job, "client")))
    if client is None:
        raise NotAJob(
            f"client: no partner has the customer number {job['client']} ({len(partners)} are known)"
        )
    job_id = uuid7()
    try:
        customer = EndCustomer(**_need(job, "end_customer"))
        return PostJob.model_validate(
            {
                "job_id": job_id,
                "client_id": client.partner_id,
                "postcode": customer.postcode,
                "required_certifications": [
                    RequiredCertification(**needed) for needed in job.get("certifications", [])
                ],
                "window": {"starts_at": _moment(job, "starts"), "ends_at": _moment(job, "ends")},
                "estimated_hours": _number(job, "estimated_hours"),
                "insurance_sum": _insurance(job),
                "highest_zone": job.get("highest_zone", 6),
                "own_reference": {
                    "order_number": job.get("order_number"),
                    "cost_centre": job.get("cost_centre"),
                },
                "end_customer": seal(customer.model_dump_json().encode(), key, job_id),
                **{name: _word(name, _need(job, name)) for name in _TEXTS},
            }
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise NotAJob(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except TypeError as error:
        raise NotAJob(f"not a job: {error}") from None


def _word(name: str, value: Any) -> Any:
    field = PostJob.model_fields[name].annotation
    words = getattr(field, "__members__", None)
    if words is None:
        return value
    if value not in words or value == "unknown":
        raise NotAJob(f"{name}: one of {', '.join(word for word in words if word != 'unknown')}")
    return words[value]


def _need(job: dict[str, Any], name: str) -> Any:
    if name not in job:
        raise NotAJob(f"{name}: is missing (servicenetz post --example shows all)")
    return job[name]


def _moment(job: dict[str, Any], name: str) -> datetime:
    try:
        return datetime.strptime(str(_need(job, name)), FORM).replace(tzinfo=BERLIN)
    except ValueError:
        raise NotAJob(f"{name}: a time in Germany, such as 2026-12-01 08:00") from None


def _insurance(job: dict[str, Any]) -> Money | None:
    return None if job.get("insured_for_eur") is None else eur(_number(job, "insured_for_eur"))


def _number(job: dict[str, Any], name: str) -> Decimal:
    try:
        return Decimal(str(_need(job, name)))
    except InvalidOperation:
        raise NotAJob(f"{name}: a number, such as 4.5") from None


def _show(reply: Accepted | Rejected) -> None:
    if isinstance(reply, Rejected):
        field = f"  [dim](field {reply.field})[/]" if reply.field else ""
        console.print(f"[red]✗ {reply.code}[/]  {escape(reply.message)}{field}")
        raise typer.Exit(REFUSED)
    if isinstance(reply, JobExchangeAccepted):
        console.print(f"[green]✓[/] posted as [bold]{reply.job_number}[/]  [dim]{reply.about}[/]")
        console.print(price_table(reply, Decimal(1), Words("en")))
        console.print(f"servicenetz watch --job {reply.about}")


def _example(partners: dict[str, Partner]) -> dict[str, Any]:
    window = window_on(working_day(today() + timedelta(days=1)), 8, 16)
    client = next((number for number, partner in sorted(partners.items()) if _may_post(partner)), NOBODY)
    return {
        "client": client,
        "kind_of_work": "installation",
        "certifications": [{"manufacturer": "Nordfon", "product_line": "Vermittlung X4", "level": 2}],
        "starts": f"{window.starts_at.astimezone(BERLIN):{FORM}}",
        "ends": f"{window.ends_at.astimezone(BERLIN):{FORM}}",
        "estimated_hours": "6",
        "response_time": "next_business_day",
        "offer_policy": "sequential",
        "highest_zone": 4,
        "insured_for_eur": 1_000_000,
        "order_number": "2026-0815",
        "cost_centre": "4711",
        "summary": "Telefonanlage montieren",
        "end_customer": {
            "name": "Gasthof Lindenhof",
            "contact": "Erika Beispiel",
            "street": "Marktplatz 3",
            "postcode": "24937",
            "city": "Flensburg",
            "phone": "+49 461 5550199",
            "notes": "Bitte am Hintereingang klingeln.",
        },
    }


def _may_post(partner: Partner) -> bool:
    return (
        partner.customer_status is CustomerStatus.active
        and not partner.suspended
        and any(
            signed.kind is AgreementKind.client
            and signed.valid_until is None
            and signed.highest_travel_zone >= 4
            for signed in partner.agreements
        )
    )
