"""What one lifecycle with a standing offer consists of: who reads which message, what it writes, what it sends.

Both programs do this: Servicenetz because it has to, the bare one because this table says so. `benchmarks` counts
messages and rows of both and prints them, so that the comparison can be checked.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """A reader's answer to one kind of message.

    sends: (topic, kind) of what follows. rows: rows inserted besides inbox, state, versions and outbox.
    touches: False when the reader passes the message over.
    """

    sends: tuple[tuple[str, str], ...] = ()
    rows: int = 0
    touches: bool = True


IGNORED = Step(touches=False)

READERS: dict[str, dict[str, Step]] = {
    "job-exchange": {
        "post": Step((("jobs", "posted"), ("replies", "reply"))),
        "ranked": IGNORED,
        "assigned": Step((("work-orders", "order"), ("jobs", "released"))),
        "arrive": Step((("jobs", "started"), ("replies", "reply"))),
        "state": Step((("jobs", "stated"), ("jobs", "completed"), ("replies", "reply"))),
        "settled": Step(),
    },
    "matching": {
        # capacity of the week, reservation
        "posted": Step((("assignments", "ranked"), ("assignments", "assigned")), rows=2),
        "released": IGNORED,
        "started": Step(),
        "stated": IGNORED,
        "completed": Step(),
    },
    "billing": {
        "posted": IGNORED,
        "released": IGNORED,
        "started": IGNORED,
        "stated": IGNORED,
        # two documents, two entries, three postings each
        "completed": Step(
            (("receivables", "invoice"), ("payables", "self-billed"), ("settlements", "settled")), rows=10
        ),
    },
    "notices": {
        "ranked": IGNORED,
        "assigned": Step((("notify", "notify"), ("notify", "notify"))),
        "settled": Step((("notify", "notify"), ("notify", "notify"))),
    },
    "partners": {
        # the errand of the mail
        "notify": Step((("notifications", "sent"),), rows=1),
    },
}

TOPICS: dict[str, tuple[str, ...]] = {
    "job-exchange": ("commands", "assignments", "settlements"),
    "matching": ("jobs",),
    "billing": ("jobs",),
    "notices": ("assignments", "settlements"),
    "partners": ("notify",),
}
"""What each reader is subscribed to."""

ALL_TOPICS = (
    "commands", "jobs", "replies", "work-orders", "assignments", "receivables", "payables", "settlements", "notify",
    "notifications",
)  # fmt: skip

BODY_BYTES: dict[str, int] = {
    "post": 1080, "arrive": 147, "state": 313, "reply": 349, "posted": 652, "ranked": 4009, "assigned": 5348,
    "released": 129, "order": 884, "started": 223, "stated": 291, "completed": 774, "invoice": 820,
    "self-billed": 865, "settled": 249, "notify": 154, "sent": 376,
}  # fmt: skip
"""Size of each body, as seen on the topics of Servicenetz: `make bench` counts them anew and prints them."""
HEADER_BYTES = 480
PARTITIONS = 12


def kinds_per_lifecycle() -> list[str]:
    """The kind of each message of one lifecycle, commands included."""
    kinds = ["post", "arrive", "state"]
    for kind in kinds:
        kinds.extend(sent for steps in READERS.values() for _, sent in steps.get(kind, IGNORED).sends)
    return kinds


def messages_per_lifecycle() -> int:
    """Messages on topics."""
    return len(kinds_per_lifecycle())


def body_bytes_per_lifecycle() -> int:
    """Bytes of their bodies."""
    return sum(BODY_BYTES[kind] for kind in kinds_per_lifecycle())
