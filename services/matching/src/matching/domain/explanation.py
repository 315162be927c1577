"""A round once more: made again from what it hung on, and told to people, in German and English."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from matching.domain.gate import Case, ClientSide, case_of, judge
from matching.domain.model import Contractor, Job, Round, Seen
from matching.domain.policy import TERMS, Policy
from matching.domain.ranking import place_in_order, points, score, seen, seen_failed
from matching.domain.standing import Sums

Language = Literal["de", "en"]
Known = Mapping[tuple[UUID, int], Contractor]
"""Partners by id and version."""

_GERMAN_TERMS = {
    "distance": "Nähe",
    "response-fit": "Reaktionszeit",
    "rating": "Bewertung",
    "acceptance": "Zusagen",
    "free-load": "freie Zeit",
    "reciprocity": "Geben und Nehmen",
    "volunteered": "hat sich gemeldet",
}


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came out the second time. missing: partners whose version is not known any more."""

    seen: tuple[Seen, ...]
    asked: tuple[UUID, ...]
    missing: tuple[tuple[UUID, int], ...]


def replay(one: Round, job: Job, known: Known, policy: Policy) -> Replayed:
    """Judge and rank everybody of this round again, by the versions it saw.

    Who failed is judged by the whole gate, who passed is placed by the policy. What the database did not know at the
    time (`assumed`) is taken as it was.
    """
    client = ClientSide.of(job, known.get((job.client_id, one.client_version)))
    missing = [
        (each.partner_id, each.version) for each in one.seen if (each.partner_id, each.version) not in known
    ]
    able: list[tuple[tuple[bool, int, int], Seen]] = []
    failed: list[Seen] = []
    for each in one.seen:
        contractor = known.get((each.partner_id, each.version))
        if contractor is None or each.assumed:
            failed.append(each)
            continue
        case = _case(one, job, client, contractor, each)
        failure = judge(case)
        if failure is not None:
            failed.append(seen_failed(case, failure, each.reserved_minutes))
            continue
        ranked = score(case, policy, Sums(*each.sums), volunteered=each.partner_id in one.volunteers)
        able.append((place_in_order(ranked, one.proposed), seen(ranked)))
    able.sort(key=lambda placed: placed[0])
    order = tuple(placed[1] for placed in able)
    return Replayed(
        (*order, *failed), tuple(each.partner_id for each in order[: len(one.asked)]), tuple(missing)
    )


def _case(one: Round, job: Job, client: ClientSide, contractor: Contractor, each: Seen) -> Case:
    free = contractor.weekly_minutes - each.reserved_minutes
    return case_of(job, contractor, client, free_minutes=free, lost=each.partner_id in one.lost)


def same(one: Round, again: Replayed) -> bool:
    """Whether the second time everybody stood where he stood, for the same reasons, and the same were asked.

    A float and a tuple that were kept as JSON are the same as before.
    """
    return not again.missing and again.seen == one.seen and again.asked == one.asked


def why_not(one: Seen, chosen: Seen | None, policy: Policy, language: Language) -> str:
    """Why not this one: the first constraint that failed, or what the chosen one had more, term by term."""
    german = language == "de"
    if one.constraint is not None:
        return f"{one.constraint}: {one.fact_de if german and one.fact_de else one.fact}"
    if one.score is None:
        raise ValueError("who passed has a score")
    total = _number(one.score, language)
    if chosen is None or chosen.score is None or chosen.partner_id == one.partner_id:
        return f"{total} {'Punkte' if german else 'points'}: {_sum(one.terms, policy, language)}"
    behind = [
        his - own for his, own in zip(points(chosen.terms, policy), points(one.terms, policy), strict=True)
    ]
    parts = [
        f"{_term(name, language)} {_number(-difference, language, signed=True)}"
        for name, difference in sorted(zip(TERMS, behind, strict=True), key=lambda pair: -abs(pair[1]))
        if difference
    ]
    difference = _number(one.score - chosen.score, language, signed=True)
    if not parts:
        return (
            f"{total}: gleichauf, die kleinere Nummer zählt"
            if german
            else f"{total}: level, the lower id counts"
        )
    word = "gegen den Gewählten" if german else "against the chosen one"
    return f"{total}, {difference} {word}: {', '.join(parts)}"


def _sum(terms: Sequence[int], policy: Policy, language: Language) -> str:
    return " + ".join(
        f"{_term(name, language)} {_number(part, language)}"
        for name, part in zip(TERMS, points(terms, policy), strict=True)
        if part
    )


def _term(name: str, language: Language) -> str:
    return _GERMAN_TERMS[name] if language == "de" else name


def _number(parts: int, language: Language, *, signed: bool = False) -> str:
    text = f"{parts / 10_000:+.4f}" if signed else f"{parts / 10_000:.4f}"
    return text.replace(".", ",") if language == "de" else text
