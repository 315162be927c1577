"""What there is for a reader: two looks, so that what came while it worked is all in the next batch."""

from __future__ import annotations

from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import ConsumerStoppedError

FETCHED_AHEAD_SECONDS = 600.0
"""What was fetched ahead may lie for so long before more is fetched: longer than a batch takes that does not fail."""
LATER_ONES_MS = 10
"""How long the broker may take for what came while a batch was worked on."""


@dataclass(frozen=True)
class Room:
    """What a batch has room for, in records: all in all, and of one partition."""

    all: int
    of_one: int

    def share(self, partitions: int) -> int:
        """What one of so many partitions may bring; each brings something."""
        return max(1, min(self.of_one, self.all // max(1, partitions)))


@dataclass
class Seen:
    """What a look has found. `more`: who has more to bring, and must wait. `failure`: why the second look failed."""

    found: dict[TopicPartition, list[ConsumerRecord]]
    more: set[TopicPartition]
    failure: Exception | None = None


async def there(consumer: AIOKafkaConsumer, room: Room) -> Seen:
    """What has come meanwhile, of each partition its share in each look.

    aiokafka has fetched ahead once, and not again before that is taken: what came later, while the batch before was
    worked on, is still at the broker and would wait for the batch after this one. So it is asked for too. An error of
    one partition (a topic that may no longer be read) is kept for the look after the others' records: they go their
    way nevertheless. Raises what the first look raises.
    """
    seen = await look(consumer, room, 0)
    others = consumer.assignment() - seen.more
    left = room.all - sum(len(records) for records in seen.found.values())
    if seen.found and others and left:
        try:
            later = await look(consumer, Room(left, room.of_one), LATER_ONES_MS, *others)
        except ConsumerStoppedError:
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is, it is not of what was found before
            seen.failure = error
            return seen
        for partition, records in later.found.items():
            seen.found.setdefault(partition, []).extend(records)
        seen.more |= later.more
    return seen


async def look(consumer: AIOKafkaConsumer, room: Room, wait_ms: int, *partitions: TopicPartition) -> Seen:
    """What is there or comes within `wait_ms`, of these partitions, or of all.

    A flood in one partition would fill each batch, and who comes to another meanwhile waits until that is through. So
    each partition has a share (docs/decisions/0021), and gives back what it brought beyond: to fetch it again costs
    little; kept for the next look, it would keep aiokafka from fetching for the others.
    """
    found: dict[TopicPartition, list[ConsumerRecord]] = await consumer.getmany(
        *partitions, timeout_ms=wait_ms
    )
    share, left, more = room.share(len(found)), room.all, set[TopicPartition]()
    for partition, records in list(found.items()):
        taken = min(share, left)
        if len(records) > taken:
            consumer.seek(partition, records[taken].offset)
            more.add(partition)
            del records[taken:]
        if not records:
            del found[partition]
        left -= len(records)
    return Seen(found, more)


def fetch_for_all_or_none(consumer: AIOKafkaConsumer) -> None:
    """No fetch from a broker is under way while there is something of it to take.

    Else aiokafka asks, a tenth of a second later, for the other partitions alone, and there is one request per broker:
    those that are taken from meanwhile would wait until it is answered, with nothing, `poll_seconds` later.
    """
    consumer._fetcher._prefetch_backoff = FETCHED_AHEAD_SECONDS  # noqa: SLF001  # there is no setting for it
