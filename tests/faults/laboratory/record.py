"""What was seen: kept from run to run in out/, told as figures in the last line."""

from __future__ import annotations

import importlib
import importlib.util
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from laboratory.laboratory import Seen

CHECKOUT = Path(__file__).parents[3]
KEPT = CHECKOUT / "out" / "faults.jsonl"


@dataclass
class Record:
    """Grows with each fault. keeps: for the page. begins_anew: what earlier runs have left counts no more.

    adds_to_nothing: the earlier runs that the page tells of have left nothing here, so it cannot be made from this one,
    and what is seen is told, not kept.
    """

    begins_anew: bool
    keeps: bool = True
    adds_to_nothing: bool = field(init=False)
    seen: list[Seen] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.adds_to_nothing = not self.begins_anew and not KEPT.exists()

    def enter(self, seen: Seen) -> None:
        """One more, written down at once: a run takes long, and may be cut off."""
        if self.keeps and self.begins_anew and not self.seen:
            KEPT.unlink(missing_ok=True)
        self.seen.append(seen)
        if not self.keeps or self.adds_to_nothing:
            return
        KEPT.parent.mkdir(exist_ok=True)
        with KEPT.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(seen)) + "\n")

    def figures(self) -> dict[str, int]:
        """As they stand in the last line."""
        return {
            "faults": len({each.fault for each in self.seen}),
            "seeds": len({each.seed for each in self.seen}),
            "bad_inputs": _bad_inputs(),
            "violations": sum(len(each.violations) for each in self.seen),
        }


def kept() -> list[Seen]:
    """The newest entry of each fault and seed."""
    newest: dict[tuple[str, int], Seen] = {}
    for line in KEPT.read_text(encoding="utf-8").splitlines():
        seen = Seen(**json.loads(line))
        newest[(seen.fault, seen.seed)] = seen
    return list(newest.values())


def _bad_inputs() -> int:
    """How many classes of bad input the list of tests/badinput has; they are fired by tests of their own."""
    if importlib.util.find_spec("bad_classes") is None:
        return 0
    return len(importlib.import_module("bad_classes").CLASSES)
