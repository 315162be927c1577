"""How a clerk has classified kinds of work and kinds of fee, since when. Posters have no say in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Generic, TypeVar

from chassis.decisions import Decision, Rejected, Wake
from contracts.billing_commands_v1 import ClassifyFee, ClassifyWork, FeeNature
from contracts.values import FeeKind, KindOfWork

MOST = 100


@dataclass(frozen=True, slots=True)
class WorkClass:
    """What a kind of work is from a day on."""

    valid_from: date
    building_work: bool
    repair: bool
    connected_with_property: bool | None
    note: str


@dataclass(frozen=True, slots=True)
class FeeClass:
    """What a kind of fee is from a day on."""

    valid_from: date
    nature: FeeNature
    note: str


C = TypeVar("C", WorkClass, FeeClass)


@dataclass(frozen=True, slots=True)
class Classified(Generic[C]):
    """All classifications of one word, as they were made. The last one made for the latest day counts."""

    word: str
    classes: tuple[C, ...]

    def on(self, day: date) -> C | None:
        """How it is classified on this day, if at all."""
        begun = [one for one in self.classes if one.valid_from <= day]
        latest = max((one.valid_from for one in begun), default=None)
        return next((one for one in reversed(begun) if one.valid_from == latest), None)


def classify_work(
    known: Classified[WorkClass] | None, command: ClassifyWork, waiting: Sequence[Wake]
) -> Decision[Classified[WorkClass]]:
    """A clerk says what a kind of work is. What is issued stays as it is; what waited looks again."""
    if command.kind_of_work is KindOfWork.unknown:
        raise Rejected("unknown-value", "This kind of work is not known here.", "kind_of_work")
    new = WorkClass(
        command.valid_from,
        command.building_work,
        command.repair,
        command.connected_with_property,
        command.note,
    )
    _few_enough(known)
    return Decision(
        Classified(command.kind_of_work.value, (*(known.classes if known else ()), new)), wakes=waiting
    )


def classify_fee(
    known: Classified[FeeClass] | None, command: ClassifyFee, waiting: Sequence[Wake]
) -> Decision[Classified[FeeClass]]:
    """A clerk says what a kind of fee is."""
    if command.fee is FeeKind.unknown or command.nature is FeeNature.unknown:
        raise Rejected("unknown-value", "This fee, or its nature, is not known here.", "fee")
    new = FeeClass(command.valid_from, command.nature, command.note)
    _few_enough(known)
    return Decision(Classified(command.fee.value, (*(known.classes if known else ()), new)), wakes=waiting)


def _few_enough(known: Classified[WorkClass] | Classified[FeeClass] | None) -> None:
    if known is not None and len(known.classes) >= MOST:
        raise Rejected("too-many", f"At most {MOST} classifications are kept for one word.")
