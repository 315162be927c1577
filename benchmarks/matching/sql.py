"""The same question in SQL: PostgreSQL with the best indexes found."""

import time
from collections.abc import Sequence

import numpy as np
import psycopg
from psycopg import sql as composed

from contracts.values import ResponseTime
from matching.candidates import PartnerIndex
from matching.candidates.columns import ACTIVE, EVERYWHERE, NOT_SUSPENDED, PRODUCT_SHIFT
from matching.candidates.sieve import Asked
from matching.domain.places import EARTH_KM
from matching.domain.policy import PARTS, POLICY
from matching.domain.ranking import PROMISED_MINUTES

TABLES = """
CREATE EXTENSION IF NOT EXISTS btree_gist;
CREATE TABLE partner (slot int PRIMARY KEY, high bigint, x float8, y float8, z float8, lon float8, lat float8,
    km float8, reach int, flags int, first int, last int, cents bigint, merit int);
CREATE TABLE certified (slot int, product int, level int, until int);
"""
# A partner's reach as a box that holds his circle. By product and box: what the query looks for, in one index.
INDEXES = """
CREATE TABLE held AS SELECT c.product, c.level, c.until, p.*, box(
    point(p.lon - p.km / (111.0 * cos(radians(least(p.lat + p.km / 111.0, 89)))), p.lat - p.km / 111.0),
    point(p.lon + p.km / (111.0 * cos(radians(least(p.lat + p.km / 111.0, 89)))), p.lat + p.km / 111.0)) AS area
    FROM certified c JOIN partner p USING (slot) WHERE p.reach > 0 ORDER BY c.product, p.lon, p.lat;
CREATE INDEX held_area ON held USING gist (product, area) WHERE flags & {open} = {open};
CREATE INDEX certified_slot ON certified (slot, product) INCLUDE (level, until);
VACUUM ANALYZE held;
VACUUM ANALYZE certified;
"""
QUERY = """
SELECT slot, {points} + merit AS points FROM (
    SELECT *, round(20 * {earth} * asin(sqrt(greatest(0, (1 - (x * %(x)s + y * %(y)s + z * %(z)s)) / 2)))) AS far
    FROM held WHERE product = %(product0)s AND area @> box(point(%(lon)s, %(lat)s), point(%(lon)s, %(lat)s))
        AND flags & {open} = {open} AND flags & %(need)s = %(need)s AND level >= %(level0)s AND until >= %(last)s
        AND first <= %(first)s AND last >= %(last)s AND cents >= %(cents)s {others}
    OFFSET 0) AS near
WHERE far < reach AND far <= %(farthest)s ORDER BY points DESC, high LIMIT %(most)s
"""
OTHER = """AND EXISTS (SELECT FROM certified o WHERE o.slot = held.slot AND o.product = %(product{n})s
            AND o.level >= %(level{n})s AND o.until >= %(last)s)"""
OPEN = ACTIVE | NOT_SUSPENDED


class Sql:
    """A database filled with the index's partners."""

    def __init__(self, url: str, index: PartnerIndex) -> None:
        self._db = psycopg.connect(url, autocommit=True)
        self._db.execute("SET work_mem = '64MB'; SET maintenance_work_mem = '512MB'; SET jit = off")
        self._db.execute(TABLES)
        begun = time.perf_counter()
        self._fill(index)
        for statement in INDEXES.format(open=OPEN).split(";")[:-1]:
            self._db.execute(statement.encode())
        self.filled_s = time.perf_counter() - begun

    def close(self) -> None:
        self._db.close()

    def _fill(self, index: PartnerIndex) -> None:
        columns, count = index.columns, len(index)
        rows = columns.rows[:count]
        x, y, z = -columns.against.take(rows["place"], axis=1)
        agreed, reach = rows["agreed"], rows["reach"].astype(int)
        km = np.where(reach == EVERYWHERE, 1_500.0, reach / 10 + 0.1)
        table = [
            np.arange(count), columns.high[:count].view(np.int64) ^ np.int64(-(1 << 63)), x, y, z,
            np.degrees(np.arctan2(y, x)), np.degrees(np.arcsin(z)), km, reach, rows["flags"],
            np.maximum(rows["insured_from"], agreed[:, ::2].min(axis=1)),
            np.minimum(rows["insured_until"], agreed[:, 1::2].max(axis=1)),
            rows["insured_cents"], columns.merit[:count],
        ]  # fmt: skip
        self._copy("partner", [column.tolist() for column in table])
        slot, place = rows["certified"].nonzero()
        packed = rows["certified"][slot, place]
        self._copy(
            "certified",
            [each.tolist() for each in (slot, packed >> PRODUCT_SHIFT, packed >> 16 & 15, packed & 0xFFFF)],
        )

    def _copy(self, table: str, columns: Sequence[Sequence[object]]) -> None:
        with self._db.cursor().copy(
            composed.SQL("COPY {} FROM STDIN").format(composed.Identifier(table))
        ) as to:
            for row in zip(*columns, strict=True):
                to.write_row(row)

    def search(self, asked: Asked, most: int) -> tuple[list[tuple[int, int]], float]:
        """Rows and points of the best, and the seconds it took."""
        x, y, z = asked.place
        # the rarest product first, as the index does
        wanted = sorted(asked.wanted, key=lambda each: self._count(each[0]))
        where = {
            "x": x, "y": y, "z": z, "lon": float(np.degrees(np.arctan2(y, x))), "lat": float(np.degrees(np.arcsin(z))),
            "need": asked.kind | asked.time, "first": asked.first, "last": asked.last, "cents": asked.cents,
            "farthest": asked.farthest, "most": most,
        }  # fmt: skip
        for number, (product, lowest, _) in enumerate(wanted):
            where |= {f"product{number}": product, f"level{number}": lowest >> 16 & 15}
        others = " ".join(OTHER.format(n=number) for number in range(1, len(wanted)))
        query = QUERY.format(
            points=_points(asked.job.response_time), earth=EARTH_KM, open=OPEN, others=others
        ).encode()
        begun = time.perf_counter()
        found = self._db.execute(query, where, prepare=True).fetchall()
        took = time.perf_counter() - begun
        return [(slot, int(points)) for slot, points in found], took

    def _count(self, product: int, known: dict[int, int] = {}) -> int:  # noqa: B006
        if not known:
            known.update(self._db.execute("SELECT product, count(*) FROM certified GROUP BY 1").fetchall())
        return known[product]


def _points(response_time: ResponseTime) -> str:
    """The terms that depend on the distance, as `ranking.away_points` has them."""

    def share(kilometres: float, weight: int) -> str:
        return f"floor({weight} * greatest(0, round({PARTS} * (1.0 - far / 10.0 / {kilometres})::numeric)) / {PARTS})"

    promised = PROMISED_MINUTES.get(response_time)
    near = share(POLICY.far_km, POLICY.distance)
    if promised is None:
        return f"{near} + {POLICY.response_fit}"
    drive = promised * 100 * POLICY.road_kmh / (POLICY.road_percent * 60)
    return f"{near} + {share(drive, POLICY.response_fit)}"
