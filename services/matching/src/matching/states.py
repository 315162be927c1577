"""The federal state of a postcode, for its holidays.

Ranges: the table of the package plz-to-bundesland 0.1.2 (MIT, © 2024 Alexander Johae), taken as data, since the package
itself wants pandas; then our own corrections where a border runs through a range, looked up place by place. A postcode
on such a border may name two states: a day is free there when it is free in either, which gives a candidate more time
to answer, never less. See docs/decisions/0033-service-hours.md.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cache

CORRECTIONS: tuple[tuple[str, str, str], ...] = (
    ("07919", "07919", "SN TH"),
    ("12529", "12529", "BB BE"),
    ("17257", "17260", "BB MV"),
    ("17326", "17337", "BB MV"),
    ("19273", "19273", "MV NI"),
    ("19357", "19357", "BB MV"),
    ("27499", "27499", "HH"),
    ("34346", "34346", "NI"),
    ("34355", "34355", "NI"),
    ("37201", "37299", "HE"),
    ("48477", "48496", "NI NW"),
    ("51598", "51598", "RP"),
    ("55240", "55252", "HE"),
    ("59969", "59969", "HE NW"),
    ("65558", "65629", "HE RP"),
    ("68526", "68549", "BW"),
    ("69239", "69239", "BW HE"),
    ("69434", "69518", "BW HE"),
    ("88130", "88179", "BW BY"),
    ("97877", "97900", "BW"),
)
"""First and last postcode, states: these go before RANGES."""

RANGES: tuple[tuple[str, str, str], ...] = (
    ("01001", "01936", "SN"),
    ("01941", "01998", "BB"),
    ("02601", "02999", "SN"),
    ("03001", "03253", "BB"),
    ("04001", "04579", "SN"),
    ("04581", "04639", "TH"),
    ("04641", "04889", "SN"),
    ("04891", "04938", "BB"),
    ("06001", "06548", "ST"),
    ("06551", "06578", "TH"),
    ("06601", "06928", "ST"),
    ("07301", "07919", "TH"),
    ("07920", "07989", "TH"),
    ("08001", "09669", "SN"),
    ("10001", "14330", "BE"),
    ("14401", "16949", "BB"),
    ("17001", "17256", "MV"),
    ("17261", "17291", "BB"),
    ("17301", "19260", "MV"),
    ("19271", "19273", "NI"),
    ("19273", "19306", "MV"),
    ("19307", "19357", "BB"),
    ("19357", "19417", "MV"),
    ("20001", "21170", "HH"),
    ("21202", "21449", "NI"),
    ("21451", "21529", "SH"),
    ("21601", "21789", "NI"),
    ("22001", "22786", "HH"),
    ("22801", "23919", "SH"),
    ("23921", "23999", "MV"),
    ("24001", "25999", "SH"),
    ("26001", "27478", "NI"),
    ("27483", "27498", "SH"),
    ("27501", "27580", "HB"),
    ("27607", "27809", "NI"),
    ("28001", "28779", "HB"),
    ("28784", "29399", "NI"),
    ("29401", "29416", "ST"),
    ("29431", "31868", "NI"),
    ("32001", "33829", "NW"),
    ("34001", "34399", "HE"),
    ("34401", "34439", "NW"),
    ("34441", "36399", "HE"),
    ("36401", "36469", "TH"),
    ("37001", "37299", "NI"),
    ("37301", "37359", "TH"),
    ("37401", "37649", "NI"),
    ("37651", "37696", "NW"),
    ("37697", "38479", "NI"),
    ("38481", "38489", "ST"),
    ("38501", "38729", "NI"),
    ("38801", "39649", "ST"),
    ("40001", "48432", "NW"),
    ("48442", "48531", "NI"),
    ("48541", "48739", "NW"),
    ("49001", "49459", "NI"),
    ("49461", "49549", "NW"),
    ("49551", "49849", "NI"),
    ("50101", "53359", "NW"),
    ("53401", "53579", "RP"),
    ("53581", "53949", "NW"),
    ("54181", "56869", "RP"),
    ("57001", "57489", "NW"),
    ("57501", "57648", "RP"),
    ("58001", "59969", "NW"),
    ("60001", "63699", "HE"),
    ("63701", "63939", "BY"),
    ("64201", "65936", "HE"),
    ("66001", "66459", "SL"),
    ("66461", "66509", "RP"),
    ("66511", "66839", "SL"),
    ("66841", "67829", "RP"),
    ("68001", "68312", "BW"),
    ("68501", "68649", "HE"),
    ("68701", "69518", "BW"),
    ("70001", "76709", "BW"),
    ("76711", "76891", "RP"),
    ("77601", "79879", "BW"),
    ("80001", "87789", "BY"),
    ("88001", "89198", "BW"),
    ("89201", "89449", "BY"),
    ("89501", "89619", "BW"),
    ("90001", "96489", "BY"),
    ("96501", "96529", "TH"),
    ("97001", "97909", "BY"),
    ("97911", "97999", "BW"),
    ("98501", "99998", "TH"),
)
"""First and last postcode, state, in order."""


@cache
def states_of(postcode: str) -> tuple[str, ...]:
    """The states (ISO 3166-2:DE without the country) in which a postcode lies; none for one that is unknown."""
    for ranges in (CORRECTIONS, RANGES):
        place = bisect_right(ranges, (postcode, "99999", "")) - 1
        if place >= 0 and ranges[place][0] <= postcode <= ranges[place][1]:
            return tuple(ranges[place][2].split())
    return ()
