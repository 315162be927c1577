"""States by postcode and their public holidays. What a postcode alone cannot tell stays open, never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache
from types import MappingProxyType
from typing import Final

import holidays
from holidays.constants import CATHOLIC, PUBLIC
from holidays.countries.germany import Germany

from contracts.values import State

_REGIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("01", "02", "03"), "SN BB"),
        "04": "SN TH BB ST",
        "06": "ST TH SN",
        "07": "TH SN",
        "08": "SN TH",
        "09": "SN",
        "10": "BE",
        **dict.fromkeys(("12", "13", "14", "15"), "BE BB"),
        "16": "BB MV",
        "17": "MV BB",
        "18": "MV",
        "19": "MV BB NI ST",
        "20": "HH",
        "21": "HH NI SH MV",
        "22": "HH SH",
        "23": "SH MV",
        "24": "SH",
        "25": "SH HH",
        "26": "NI HB",
        "27": "NI HB HH SH",
        "28": "HB NI",
        "29": "NI ST",
        "30": "NI",
        "31": "NI NW",
        "32": "NW NI",
        "33": "NW NI",
        "34": "HE NI NW TH",
        "35": "HE NW RP",
        "36": "HE TH",
        "37": "NI HE TH NW",
        "38": "NI ST",
        "39": "ST NI",
        **dict.fromkeys(("40", "41", "42", "44", "45", "46", "47", "50", "52", "58"), "NW"),
        "48": "NW NI",
        "49": "NI NW",
        **dict.fromkeys(("51", "53", "57"), "NW RP HE"),
        "54": "RP SL NW",
        "55": "RP HE",
        "56": "RP HE",
        "59": "NW HE",
        "60": "HE",
        "61": "HE",
        "63": "HE BY",
        "64": "HE BW BY",
        "65": "HE RP",
        "66": "SL RP",
        "67": "RP HE",
        "68": "BW HE",
        "69": "BW HE",
        **dict.fromkeys(("70", "71", "72", "73", "75", "77", "78", "79"), "BW"),
        "74": "BW BY HE",
        "76": "BW RP",
        **dict.fromkeys(("80", "81", "82", "83", "84", "85", "86", "90", "92", "93", "94"), "BY"),
        "87": "BY BW",
        "88": "BW BY",
        "89": "BW BY",
        "91": "BY BW",
        "95": "BY SN TH",
        "96": "BY TH",
        "97": "BY BW TH HE",
        "98": "TH BY HE",
        "99": "TH ST",
    }
)
"""First two digits to the states in which such a postcode may lie: rather one too many than one too few."""


def states_of(postcode: str) -> frozenset[State]:
    """The states in which a place with this postcode may lie; all of them, when nothing is known of it."""
    known = _REGIONS.get(postcode[:2])
    return frozenset(State(word) for word in known.split()) if known else ALL_STATES


ALL_STATES: Final = frozenset(state for state in State if state is not State.unknown)


def is_holiday(day: date, states: frozenset[State]) -> bool | None:
    """Whether this day is a public holiday there; None: in some of these states, or only in parts of one."""
    said = {_is_holiday_in(day, state) for state in states}
    return said.pop() if len(said) == 1 else None


def _is_holiday_in(day: date, state: State) -> bool | None:
    everywhere, somewhere = _year(day.year, state)
    if day in everywhere:
        return True
    return None if day in somewhere else False


@cache
def _year(year: int, state: State) -> tuple[frozenset[date], frozenset[date]]:
    """The state's holidays of a year: those everywhere in it, and those in Catholic communities too."""
    catholic = CATHOLIC in Germany.supported_categories
    everywhere = holidays.country_holidays("DE", subdiv=state.value, years=year, categories=PUBLIC)
    somewhere = holidays.country_holidays(
        "DE", subdiv=state.value, years=year, categories=(PUBLIC, CATHOLIC) if catholic else PUBLIC
    )
    return frozenset(everywhere), frozenset(somewhere)
