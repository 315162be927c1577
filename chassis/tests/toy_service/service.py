"""A service small enough to see the path through it: accounts that count what they were told.

It plays job-exchange, since the topics are those of the catalogue. What each command does is chosen by its content,
so that a test can make a decision wait, refuse, take a number, ask for more rows, or fail.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic_settings import SettingsConfigDict
from sqlalchemy import BigInteger, Column, Integer, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from chassis.batch import Replies
from chassis.decisions import Changed, Decision, Errand, More, Numbered, Rejected, Waiting, Wake
from chassis.outgoing import Outgoing
from chassis.routes import Given, Reader, acting_for, anyone, distributor, on, on_timer, on_tombstone
from chassis.rows import TableRows
from chassis.service import Service
from chassis.settings import ServiceSettings
from contracts import job_exchange_commands_v1 as commands
from contracts import job_exchange_jobs_v1 as jobs
from contracts import job_exchange_work_orders_v1 as work_orders
from contracts import matching_assignments_v1 as assignments
from contracts import partner_registry_partners_v1 as partners
from contracts import replies_v1
from contracts.ids import job_number
from contracts.values import KindOfWork, Window

_metadata = MetaData()
accounts = Table(
    "accounts",
    _metadata,
    Column("id", Text, primary_key=True),
    Column("total", Integer, nullable=False),
    Column("seen", JSONB, nullable=False),
)
partner_rows = Table(
    "partners",
    _metadata,
    Column("id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
)

PATIENCE = timedelta(seconds=4)
REMIND_AFTER = timedelta(milliseconds=200)


@dataclass(frozen=True, slots=True)
class Account:
    id: str
    total: int = 0
    seen: tuple[str, ...] = ()

    def add(self, word: str) -> Account:
        return replace(self, total=self.total + 1, seen=(*self.seen, word))


@dataclass(frozen=True, slots=True)
class KnownPartner:
    id: str
    version: int


def _write_account(account: Account) -> tuple[Any, ...]:
    return account.id, account.total, json.dumps(account.seen)


ACCOUNTS = TableRows(
    "account", accounts, read=lambda row: Account(row.id, row.total, tuple(row.seen)), write=_write_account
)
PARTNERS = TableRows(
    "partner",
    partner_rows,
    read=lambda row: KnownPartner(row.id, row.version),
    write=lambda partner: (partner.id, partner.version),
)

BROKEN: dict[str, type[BaseException]] = {}
"""Accounts on which the service's own code fails, as long as a test wants it; "all" stands for each of them."""


def _check(account_id: object) -> None:
    failure = BROKEN.get(str(account_id)) or BROKEN.get("all")
    if failure is not None:
        raise failure("a bug of ours")


def _of(account: Account | None, command: Any) -> Account:
    _check(command.job_id)
    return account or Account(str(command.job_id))


def cancel(account: Account | None, command: commands.CancelJob, given: Given) -> Decision[Account]:
    """Each reason shows another thing a decision can do."""
    now = _of(account, command).add(f"cancel {command.reason.value}")
    match command.reason:
        case commands.CancelReason.done_otherwise:
            event = jobs.JobCancelled(
                job_id=command.job_id,
                job_number=job_number(command.job_id),
                client_id=command.client_id,
                contractor_id=None,
                reason=command.reason,
            )
            return Decision(now, [event], timers={"remind": given.now + REMIND_AFTER})
        case commands.CancelReason.customer_withdrew:
            raise Rejected("too-late", "It is too late for that.", "reason")
        case _:
            return Decision(
                now,
                errands=[Errand("note", {"account": now.id})],
                wakes=[Wake("account", str(command.client_id), "woken")],
                timers={"remind": None},
            )


def arrive(
    account: Account | None, command: commands.RecordArrival, given: Given
) -> Decision[Account] | Waiting[Account]:
    """Waits for a partner that is not known yet."""
    now = _of(account, command)
    if given.one(PARTNERS, command.contractor_id) is None:
        return Waiting(
            f"partner/{command.contractor_id}",
            PATIENCE,
            Rejected("unknown-partner", "We do not know this partner.", "contractor_id"),
        )
    return Decision(now.add("arrived"))


def approve(
    account: Account | None, command: commands.ApproveStatement, given: Given
) -> Numbered[Account] | More:
    """Takes a number, after having asked for another account that it changes too."""
    other = ACCOUNTS.locked(command.client_id)
    if not given.has(ACCOUNTS, command.client_id):
        return More([other])
    now = _of(account, command)
    beside = given.one(ACCOUNTS, command.client_id) or Account(str(command.client_id))

    def then(numbers: Sequence[int]) -> Decision[Account]:
        also = [Changed("account", beside.id, beside.add(f"beside {numbers[0]}"))]
        return Decision(now.add(f"number {numbers[0]}"), also=also)

    return Numbered(["approvals"], then)


def dispute(account: Account | None, command: commands.DisputeStatement, _: Given) -> Decision[Account]:
    """One message whose text is as large as it likes."""
    now = _of(account, command).add("disputed")
    return Decision(now, [HugeEvent(str(command.job_id))])


@dataclass(frozen=True, slots=True)
class HugeEvent:
    job_id: str


def resolve(account: Account | None, command: commands.ResolveDispute, _: Given) -> Decision[Account]:
    """For the distributor only; tells a compacted topic."""
    now = _of(account, command).add("resolved")
    return Decision(now, [_work_order(command, now.total)])


def _work_order(command: commands.ResolveDispute, total: int) -> work_orders.WorkOrder:
    start = datetime(2026, 11, 24, 8, tzinfo=UTC)
    return work_orders.WorkOrder(
        job_id=command.job_id,
        job_number=job_number(command.job_id),
        client_id=command.statement_id,
        contractor_id=command.statement_id,
        window=Window(starts_at=start, ends_at=start + timedelta(hours=2)),
        kind_of_work=KindOfWork.service,
        sealed_for=f"total-{total}",
        end_customer=f"{'h' * 20}..{'i' * 16}.c.{'t' * 22}",
    )


def expired(account: Account | None, event: assignments.OfferExpired, given: Given) -> Decision[Account]:
    """An event of another service, in order by its version."""
    return Decision(_of(account, event).add(f"expired {given.version}"))


def taken_back(account: Account | None, subject: str, _: Given) -> Decision[Account]:
    """A tombstone."""
    return Decision((account or Account(subject)).add("taken back"))


def remind(account: Account | None, name: str, _: Given) -> Decision[Account | None]:
    """A timer."""
    if account is not None:
        _check(account.id)
    return Decision(account.add(f"timer {name}") if account else None)


def tell(account: Account | None, _: str, __: Given) -> Decision[Account | None]:
    """A timer that has something to tell."""
    if account is None:
        return Decision(None)
    job, client = UUID(account.id), UUID(account.id)
    event = jobs.JobCancelled(
        job_id=job,
        job_number=job_number(job),
        client_id=client,
        contractor_id=None,
        reason=commands.CancelReason.done_otherwise,
    )
    return Decision(account.add("told"), [event])


def learn(_: KnownPartner | None, event: partners.Partner, given: Given) -> Decision[KnownPartner]:
    """Reference data."""
    return Decision(KnownPartner(str(event.partner_id), given.version))


READERS = (
    Reader(
        "jobs",
        tables=(ACCOUNTS, PARTNERS),
        routes=(
            on(commands.CancelJob, ACCOUNTS, cancel, by=acting_for("client_id")),
            on(
                commands.RecordArrival,
                ACCOUNTS,
                arrive,
                by=acting_for("contractor_id"),
                needs=lambda command: [PARTNERS.row(command.contractor_id)],
            ),
            on(commands.ApproveStatement, ACCOUNTS, approve, by=acting_for("client_id")),
            on(commands.DisputeStatement, ACCOUNTS, dispute, by=anyone),
            on(commands.ResolveDispute, ACCOUNTS, resolve, by=distributor),
            on(assignments.OfferExpired, ACCOUNTS, expired),
            on_tombstone(work_orders.TOPIC, ACCOUNTS, taken_back),
        ),
        timers=(
            on_timer("remind", ACCOUNTS, remind),
            on_timer("woken", ACCOUNTS, remind),
            on_timer("tell", ACCOUNTS, tell),
        ),
    ),
    Reader("partners", tables=(PARTNERS,), routes=(on(partners.Partner, PARTNERS, learn),), wakes=True),
)


def route(event: Any) -> Iterable[Outgoing]:
    """Where each event goes."""
    match event:
        case jobs.JobCancelled():
            yield Outgoing(jobs.TOPIC, str(event.job_id), event)
        case work_orders.WorkOrder():
            yield Outgoing(work_orders.TOPIC, str(event.job_id), event)
        case HugeEvent():
            huge = jobs.JobCancelled.model_construct(
                job_id=UUID(event.job_id),
                job_number="x" * jobs.TOPIC.max_message_bytes,
                client_id=UUID(event.job_id),
                reason=commands.CancelReason.done_otherwise,
            )
            yield Outgoing(jobs.TOPIC, event.job_id, huge)
        case _:
            raise TypeError(f"{type(event).__name__} goes nowhere")


class Settings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="TOY_", frozen=True, extra="ignore")


class Notes:
    """What the errands did: (id, account). `fail` lets the next ones fail."""

    def __init__(self) -> None:
        self.done: list[tuple[str, str]] = []
        self.tried: list[tuple[str, str]] = []
        self.fail = 0

    def clear(self) -> None:
        """Forget it all."""
        self.done.clear()
        self.tried.clear()
        self.fail = 0

    async def note(self, errand_id: str, payload: Any) -> None:
        """The errand `note`."""
        self.tried.append((errand_id, payload["account"]))
        if self.fail:
            self.fail -= 1
            raise ConnectionError("the mail server is away")
        self.done.append((errand_id, payload["account"]))


NOTES = Notes()


def build(_: Settings) -> Service:
    """The toy, wired."""
    return Service(
        name="job-exchange",
        readers=READERS,
        outbound=route,
        replies=Replies(replies_v1.JobExchangeAccepted, replies_v1.JobExchangeRejected),
        migrations=Path(__file__).parent / "migrations",
        errands={"note": NOTES.note},
    )
