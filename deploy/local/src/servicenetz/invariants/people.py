"""Invariants of who works where and who knows what: 6 and 7."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from contracts.job_exchange_jobs_v1 import JobAmended, JobAsAsked, JobCompleted, JobPosted, JobStarted
from contracts.matching_assignments_v1 import AssignmentReleased, JobAssigned
from contracts.partner_registry_partners_v1 import Partner
from contracts.values import AgreementKind, CustomerStatus

if TYPE_CHECKING:
    from servicenetz.invariants.check import View

BERLIN = ZoneInfo("Europe/Berlin")


def assignments_are_right(view: "View") -> tuple[list[str], str]:
    """6. Judged anew from the topics, by the partner's version named in the assignment if the topic still has it.

    Unstarted assignments are judged by the newest version as well. An amended job was given as it was at some time,
    and is with whoever has it as it is now.
    """
    jobs = _forms(view)
    started = {seen.message.subject for seen in view.topics.of(JobStarted) if seen.message}
    partners, newest = _partners(view)
    wrong: list[str] = []
    load: dict[tuple[str, int, int], Decimal] = defaultdict(Decimal)
    judged = 0
    live = _live_assignments(view)
    for job_id, history in live.items():
        forms = jobs.get(job_id)
        if forms is None or sum(holds for _, holds in history) > 1:
            wrong.append(f"job {job_id} was never posted, or is assigned to more than one")
            continue
        for assigned, holds in history:
            contractor = str(assigned.contractor_id)
            judges = [(partners.get((contractor, assigned.partner_version)), forms)]
            if holds and job_id not in started:
                judges.append((newest.get(contractor), forms[-1:]))
            judged += sum(judge is not None for judge, _ in judges)
            wrong.extend(
                f"job {job_id}, {contractor}: {why}"
                for judge, asked in judges
                if judge
                for why in min(([*_failures(job, judge)] for job in reversed(asked)), key=len)
            )
            if holds:
                job = forms[-1]
                year, week, _ = job.window.starts_at.astimezone(BERLIN).isocalendar()
                load[(contractor, year, week)] += job.estimated_hours
    wrong.extend(_overbooked(load, partners))
    return wrong, f"{len(live)} jobs assigned, {judged} gates judged anew"


def _forms(view: "View") -> dict[str, list[JobAsAsked]]:
    """Each job as it was posted, and as it was after each amendment."""
    forms: dict[str, list[JobAsAsked]] = defaultdict(list)
    records = sorted(
        [*view.topics.of(JobPosted), *view.topics.of(JobAmended)],
        key=lambda seen: seen.envelope.subjectversion or 0 if seen.envelope else 0,
    )
    for seen in records:
        if isinstance(seen.message, JobAsAsked):
            forms[seen.message.subject].append(seen.message)
    return forms


def _partners(view: "View") -> tuple[dict[tuple[str, int], Partner], dict[str, Partner]]:
    """Each version of each partner that the topic still has, and the newest of each."""
    versions: dict[tuple[str, int], Partner] = {}
    for seen in view.topics.of(Partner):
        if isinstance(seen.message, Partner) and seen.envelope is not None:
            versions[(seen.message.subject, seen.envelope.subjectversion or 0)] = seen.message
    return versions, {partner_id: versions[(partner_id, version)] for partner_id, version in sorted(versions)}


def _overbooked(
    load: Mapping[tuple[str, int, int], Decimal], partners: Mapping[tuple[str, int], Partner]
) -> Iterator[str]:
    """Weeks with more hours than the contractor ever offered in a week."""
    offered: dict[str, Decimal] = defaultdict(Decimal)
    for (partner_id, _), partner in partners.items():
        if partner.availability is not None:
            offered[partner_id] = max(offered[partner_id], partner.availability.weekly_hours)
    for (contractor, year, week), hours in load.items():
        if hours > offered[contractor]:
            yield f"{contractor} has {hours} h in week {year}-{week}, at most {offered[contractor]} were offered"


def _live_assignments(view: "View") -> dict[str, list[tuple[JobAssigned, bool]]]:
    """Per job its assignments in order, each with whether it still holds."""
    history: dict[str, list[tuple[JobAssigned, bool]]] = defaultdict(list)
    records = sorted(
        [*view.topics.of(JobAssigned), *view.topics.of(AssignmentReleased)],
        key=lambda seen: seen.envelope.subjectversion or 0 if seen.envelope else 0,
    )
    for seen in records:
        if isinstance(seen.message, JobAssigned):
            history[seen.message.subject].append((seen.message, True))
        elif isinstance(seen.message, AssignmentReleased) and history[seen.message.subject]:
            last, _ = history[seen.message.subject].pop()
            history[seen.message.subject].append((last, False))
    return history


def _failures(job: JobAsAsked, partner: Partner) -> Iterator[str]:
    """The gate once more, written from the design and not from the service."""
    first = job.window.starts_at.astimezone(BERLIN).date()
    last = job.window.ends_at.astimezone(BERLIN).date()
    if partner.customer_status is not CustomerStatus.active:
        yield f"customer status {partner.customer_status.value}"
    if partner.suspended:
        yield "suspended"
    if not any(
        agreement.kind is AgreementKind.contractor
        and agreement.valid_from <= first
        and (agreement.valid_until is None or agreement.valid_until >= last)
        for agreement in partner.agreements
    ):
        yield "no contractor agreement in force"
    insurance = partner.insurance
    if insurance is None or insurance.valid_from > first or insurance.valid_until < last:
        yield "not insured through the last day"
    elif job.insurance_sum is not None and insurance.sum_insured.amount < job.insurance_sum.amount:
        yield "sum insured too low"
    for needed in job.required_certifications:
        if not any(
            (held.manufacturer, held.product_line) == (needed.manufacturer, needed.product_line)
            and held.level >= needed.level
            and held.valid_until >= last
            for held in partner.certifications
        ):
            yield f"not certified for {needed.manufacturer} {needed.product_line} {needed.level}"
    offered = partner.availability
    if offered is None or job.kind_of_work not in offered.kinds_of_work:
        yield "does not offer this kind of work"
    elif job.response_time not in offered.response_times:
        yield "does not offer this response time"
    if partner.partner_id == job.client_id or (
        partner.group is not None and partner.group == job.client_group
    ):
        yield "is the client or of his group"
    if job.client_id in partner.excluded_partner_ids:
        yield "excludes the client"


def end_customers_are_hidden(view: "View") -> tuple[list[str], str]:
    """7. A marker planted in the end customers of a test is found nowhere: topics, databases, logs."""
    if not view.markers:
        return [], "no markers were planted"
    markers = [marker.encode() for marker in view.markers]
    wrong, looked = [], 0
    for topic, records in view.topics.records.items():
        for seen in records:
            looked += 1
            parts = [seen.key or b"", seen.value or b"", *(value or b"" for _, value in seen.headers)]
            if any(marker in part for marker in markers for part in parts):
                wrong.append(f"{topic}/{seen.partition}@{seen.offset}")
    for service, database in view.databases.items():
        tables = view.rows(
            service, "SELECT format('%I', tablename) AS name FROM pg_tables WHERE schemaname = 'public'"
        )
        for table in tables:
            with database.cursor() as cursor, cursor.copy(f"COPY {table['name']} TO STDOUT") as copy:
                for block in copy:
                    # bytea columns stand in hexadecimal there
                    text = bytes(block)
                    looked += 1
                    if any(marker in text or marker.hex().encode() in text for marker in markers):
                        wrong.append(f"{service}, table {table['name']}")
    for log in view.logs:
        looked += 1
        content = log.read_bytes()
        if any(marker in content for marker in markers):
            wrong.append(f"log {log.name}")
    completed = sum(1 for _ in view.topics.of(JobCompleted))
    return wrong, f"{len(markers)} markers, {looked} records, rows and logs, {completed} completed jobs"
