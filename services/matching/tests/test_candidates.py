"""The partners in memory against a scan of all of them, and against the log they came from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from io import BytesIO
from random import Random
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.ids import uuid7
from contracts.partner_registry_partners_v1 import Partner
from contracts.values import (
    Address,
    Certification,
    CustomerStatus,
    KindOfWork,
    RequiredCertification,
    ResponseTime,
)
from matching.candidates import PartnerIndex
from matching.candidates.distances import BEYOND, tenths
from matching.domain.gate import ClientSide, case_of
from matching.domain.model import Assignment, Contractor, Insurance, Job, Term
from matching.domain.places import distance_km, place_at
from matching.domain.policy import POLICY
from matching.domain.ranking import Look, away_points, look_over
from matching.testing import FIRST, LAST, contractor, job, north_of_flensburg, offering

NOBODY = ClientSide(frozenset(), frozenset())
CLIENT = UUID(int=1)
IDS = [UUID(int=number << 64 | low) for number in (2, 3, 4, 5) for low in range(8)]
PLACES = [None, *(north_of_flensburg(km) for km in (0, 0, 3, 24.96, 25.04, 49.94, 50.06, 74, 80, 160, 400))]
DAYS = [date(1999, 5, 1), FIRST - timedelta(days=1), FIRST, LAST, LAST + timedelta(days=1), date(2190, 1, 1)]
PRODUCTS = [("Agfeo", "ES"), ("Agfeo", "Cloud"), ("Mitel", "MX")]
quick = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@st.composite
def held(draw: st.DrawFn) -> Certification:
    manufacturer, line = draw(st.sampled_from([PRODUCTS[0], *PRODUCTS]))
    return Certification(
        manufacturer=manufacturer,
        product_line=line,
        level=draw(st.integers(1, 5)),
        valid_until=draw(st.sampled_from([*DAYS, LAST, LAST])),
    )


@st.composite
def partners(draw: st.DrawFn) -> Contractor:
    """Anything that the contract allows; most of it fits the job."""
    return contractor(
        partner_id=draw(st.sampled_from(IDS)),
        version=draw(st.integers(1, 5)),
        place=draw(st.sampled_from(PLACES)),
        customer_status=draw(st.sampled_from([*[CustomerStatus.active] * 6, *CustomerStatus])),
        group=draw(st.sampled_from([None, None, "one", "other"])),
        suspended=draw(st.sampled_from([False] * 7 + [True])),
        agreements=tuple(
            Term(first, last)
            for first, last in draw(
                st.one_of(
                    st.just([(date(2020, 1, 1), None)]),
                    st.lists(st.tuples(st.sampled_from(DAYS), st.sampled_from([None, *DAYS])), max_size=3),
                )
            )
        ),
        insurance=draw(
            st.one_of(
                st.just(Insurance(300_000_000, date(2020, 1, 1), date(2030, 1, 1))),
                st.none(),
                st.builds(
                    Insurance,
                    st.sampled_from([0, 99_999_999, 100_000_000, 10**12]),
                    st.sampled_from(DAYS),
                    st.sampled_from(DAYS),
                ),
            )
        ),
        certifications=tuple(draw(st.lists(held(), max_size=10 if draw(st.integers(0, 5)) == 0 else 4))),
        availability=draw(
            st.one_of(
                st.none(),
                st.builds(
                    offering,
                    radius_km=st.sampled_from([None, 0, 25, 50, 75, 160, 1000]),
                    nationwide=st.sampled_from([False, False, False, True]),
                    weekly_minutes=st.sampled_from([0, 480, 2400]),
                    kinds_of_work=st.sampled_from(
                        [frozenset({KindOfWork.installation}), frozenset(KindOfWork), frozenset()]
                    ),
                    response_times=st.sampled_from(
                        [frozenset({ResponseTime.next_business_day}), frozenset(ResponseTime), frozenset()]
                    ),
                ),
            )
        ),
        excluded=draw(st.sampled_from([frozenset()] * 4 + [frozenset({CLIENT}), frozenset({IDS[0]})])),
    )


@st.composite
def wanted(draw: st.DrawFn) -> tuple[Assignment, ClientSide]:
    """A job, what its client is like, and who has lost it."""
    posted = job(
        client_id=draw(st.sampled_from([CLIENT, CLIENT, IDS[1]])),
        certifications=tuple(
            RequiredCertification(manufacturer=manufacturer, product_line=line, level=draw(st.integers(1, 5)))
            for manufacturer, line in draw(
                st.sampled_from(
                    [[], PRODUCTS[:1], PRODUCTS[:1], PRODUCTS[:2], PRODUCTS[1:], [("No", "body")]]
                )
            )
        ),
        insurance_cents=draw(st.sampled_from([None, 0, 100_000_000, 100_000_001])),
        highest_zone=draw(st.sampled_from([0, 1, 2, 3])),
        kind_of_work=draw(st.sampled_from([*[KindOfWork.installation] * 4, KindOfWork.unknown])),
        place=draw(st.sampled_from([*[north_of_flensburg(0)] * 6, north_of_flensburg(60), None])),
    )
    client = ClientSide(
        draw(st.sampled_from([frozenset(), frozenset(IDS[3:6])])),
        draw(st.sampled_from([frozenset(), frozenset({"one"})])),
    )
    return Assignment(posted, lost=draw(st.sampled_from([(), (IDS[2], IDS[7])]))), client


def points(posted: Job, partner: Contractor, merits: dict[UUID, int]) -> int:
    km = case_of(posted, partner, NOBODY).distance_km
    assert km is not None
    return away_points(posted.response_time, km, POLICY) + merits.get(partner.partner_id, 0)


def scanned(
    state: Assignment, client: ClientSide, network: Iterable[Contractor], merits: dict[UUID, int]
) -> Look:
    """The slow and plain way: judge everybody, then sort."""
    look = look_over(state.job, client, state.lost, network)
    best = sorted(
        look.passed,
        key=lambda case: (-points(state.job, case.contractor, merits), case.contractor.partner_id.int),
    )
    return replace(look, passed=best)


def told(index: PartnerIndex, partner: Contractor) -> None:
    """As the topic would: a version that is not newer is passed over."""
    if index.version_of(partner.partner_id) < partner.version:
        index.remember(partner)


def newest(log: Iterable[Contractor]) -> dict[UUID, Contractor]:
    known: dict[UUID, Contractor] = {}
    for each in log:
        if each.partner_id not in known or known[each.partner_id].version < each.version:
            known[each.partner_id] = each
    return known


def ids(look: Look) -> list[UUID]:
    return [case.contractor.partner_id for case in look.passed]


def filled(log: list[Contractor], merges: set[int], merits: dict[UUID, int], **options: Any) -> PartnerIndex:
    """Fed with the log; the postings are made after these positions, the rest stays loose."""
    index = PartnerIndex(room=4, first_rows=1, **options)
    for number, each in enumerate(log):
        told(index, each)
        if number in merges:
            index.merge()
    for partner_id, merit in merits.items():
        index.weigh(partner_id, merit)
    return index


logs = st.lists(partners(), max_size=40)
merges = st.sets(st.integers(0, 60), max_size=4)
merits = st.dictionaries(st.sampled_from(IDS), st.sampled_from([-300, 0, 3, 40, 2_000]))


@quick
@given(logs, merges, merits, wanted(), st.integers(1, 12))
def test_memory_finds_what_a_scan_of_all_finds_ties_included(
    log: list[Contractor],
    merged: set[int],
    own: dict[UUID, int],
    one: tuple[Assignment, ClientSide],
    most: int,
) -> None:
    state, client = one
    index = filled(log, merged, own)
    known = newest(log)
    merit = {each: points for each, points in own.items() if each in known}
    brute = scanned(state, client, known.values(), merit)
    assert ids(index.look(state, client, most)) == ids(brute)[:most]
    everybody = index.look(state, client, 1_000)
    assert ids(everybody) == ids(brute)
    assert everybody.complete
    assert everybody.looked_at == len(known)
    assert +Counter(everybody.removed) == +Counter(brute.removed)


@quick
@given(st.integers(0, 1_000_000), st.integers(1, 30))
def test_looking_only_where_the_best_can_be_misses_nobody(seed: int, most: int) -> None:
    """Many who fit, over many cells, of few different merits: taken a lot at a time, the search has to stop in time
    and not before."""
    lots = Random(seed)
    network = [
        contractor(
            partner_id=UUID(int=lots.getrandbits(128)),
            place=place_at(54.784 + lots.randrange(-12, 12) * 0.1, 9.43 + lots.randrange(-8, 8) * 0.2),
            availability=offering(radius_km=lots.choice([20, 50, 100, 200]), nationwide=lots.random() < 0.2),
        )
        for _ in range(150)
    ]
    merits = {each.partner_id: lots.choice([0, 0, 200, 350, 1_000]) for each in network}
    index = PartnerIndex(first_rows=1)
    for each in network:
        index.remember(each)
        index.weigh(each.partner_id, merits[each.partner_id])
    index.merge()
    state = Assignment(job(highest_zone=3))
    assert ids(index.look(state, NOBODY, most)) == ids(scanned(state, NOBODY, network, merits))[:most]


@quick
@given(logs, merges)
def test_a_partner_is_put_together_as_he_was(log: list[Contractor], merged: set[int]) -> None:
    index = filled(log, merged, {})
    assert {each.partner_id: each for each in index.partners} == newest(log)


@quick
@given(logs, merges, merits, wanted(), st.integers(0, 1_000))
def test_rebuilt_from_the_log_or_a_snapshot_it_is_the_same(
    log: list[Contractor],
    merged: set[int],
    own: dict[UUID, int],
    one: tuple[Assignment, ClientSide],
    seed: int,
) -> None:
    """Also when everything comes twice and in any order, and when the log goes on after the snapshot."""
    state, client = one
    live = filled(log, merged, own)
    known = newest(log)
    again = [*log, *log]
    Random(seed).shuffle(again)
    again = [
        each
        for each in again
        if each == known[each.partner_id] or each.version < known[each.partner_id].version
    ]
    rebuilt = filled(again, set(), own)
    snapshot = BytesIO()
    filled(log[: len(log) // 2], merged, {}).save(snapshot)
    snapshot.seek(0)
    restored = PartnerIndex()
    restored.load(snapshot)
    for each in log:
        told(restored, each)
    for partner_id, merit in own.items():
        restored.weigh(partner_id, merit)
    found = live.look(state, client, 1_000)
    for other in (rebuilt, restored):
        look = other.look(state, client, 1_000)
        assert ids(look) == ids(found)
        assert +Counter(look.removed) == +Counter(found.removed)


def test_what_is_no_snapshot_is_refused() -> None:
    good = BytesIO()
    filled([contractor()], set(), {}).save(good)
    for bad in (
        b"",
        b"\0" * 8,
        good.getvalue()[:-10],
        good.getvalue().replace(b'"layout":"', b'"layout":"0'),
    ):
        with pytest.raises(ValueError, match=r"."):
            PartnerIndex().load(BytesIO(bad))


def test_a_tombstone_and_then_a_newer_version() -> None:
    partner = contractor()
    index = filled([partner], {0}, {})
    index.remove(str(partner.partner_id))
    assert not index.look(Assignment(job()), NOBODY, 5).passed
    index.remove(str(UUID(int=7)))
    told(index, replace(partner, version=2))
    assert ids(index.look(Assignment(job()), NOBODY, 5)) == [partner.partner_id]


def test_a_duplicate_and_an_older_message_change_nothing() -> None:
    index = PartnerIndex()
    newer = Partner(
        partner_id=uuid7(),
        customer_number="K-1",
        name="Fernmeldetechnik Nord",
        address=Address(street="Norderstr. 1", postcode="24937", city="Flensburg"),
        language="de",
        customer_status=CustomerStatus.active,
        agreements=[],
        certifications=[],
        suspended=True,
        excluded_partner_ids=[],
    )
    index.put("", 3, newer)
    before = list(index.partners)
    index.put("", 3, newer.model_copy(update={"suspended": False}))
    index.put("", 2, newer.model_copy(update={"suspended": False}))
    assert list(index.partners) == before


def test_a_ninth_certification_is_found_at_once_and_lost_at_once() -> None:
    """A row has room for eight of them."""
    eight = [
        Certification(manufacturer="Agfeo", product_line=f"P{n}", level=3, valid_until=LAST) for n in range(8)
    ]
    ninth = Certification(manufacturer="Agfeo", product_line="ES", level=3, valid_until=LAST)
    other = ninth.model_copy(update={"product_line": "AS"})
    partner = contractor(certifications=(*eight, other))
    index = PartnerIndex()
    index.remember(partner)
    index.merge()
    state, client = Assignment(job()), NOBODY
    assert not index.look(state, client, 5).passed
    index.remember(replace(partner, version=2, certifications=(*eight, ninth)))
    assert ids(index.look(state, client, 5)) == [partner.partner_id]
    index.merge()
    index.remember(replace(partner, version=3, certifications=(*eight, other)))
    assert not index.look(state, client, 5).passed


def test_many_equal_candidates_are_told_by_their_ids() -> None:
    """Same place, same radius, same merit: nothing but the id decides, and no more are put together than asked for."""
    count = 12_000
    lots = Random(4)
    numbers = sorted(lots.getrandbits(128) for _ in range(count))
    arriving = numbers.copy()
    lots.shuffle(arriving)
    index = PartnerIndex()
    partner = contractor()
    for number in arriving:
        index.remember(replace(partner, partner_id=UUID(int=number)))
    look = index.look(Assignment(job()), NOBODY, 20)
    assert [each.int for each in ids(look)] == numbers[:20]
    assert not look.complete


def test_ids_whose_first_half_is_the_same_are_told_apart() -> None:
    index = PartnerIndex()
    partner = contractor()
    for low in range(20):
        index.remember(replace(partner, partner_id=UUID(int=9 << 64 | low), version=low + 1))
    restored = _restored(index)
    assert [restored.version_of(UUID(int=9 << 64 | low)) for low in range(21)] == [*range(1, 21), 0]


def _restored(index: PartnerIndex) -> PartnerIndex:
    file = BytesIO()
    index.save(file)
    file.seek(0)
    other = PartnerIndex()
    other.load(file)
    return other


@given(st.lists(st.tuples(st.floats(-90, 90), st.floats(-180, 180)), min_size=1, max_size=20))
def test_distances_are_the_domains(points: list[tuple[float, float]]) -> None:
    places = [place_at(*degrees) for degrees in points]
    here = places[0]
    found = tenths(-np.array(places).T, here)
    assert found.tolist() == [min(round(distance_km(here, place) * 10), BEYOND) for place in places]
