"""What there is for a reader: two looks, so that what came while it worked is all in the next batch."""

from __future__ import annotations

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import ConsumerStoppedError

FETCHED_AHEAD_SECONDS = 600.0
"""What was fetched ahead may lie for so long before more is fetched: longer than a batch takes that does not fail."""
LATER_ONES_MS = 10
"""How long the broker may take for what came while a batch was worked on."""

Found = dict[TopicPartition, list[ConsumerRecord]]


async def there(consumer: AIOKafkaConsumer, most: int) -> tuple[Found, Exception | None]:
    """What has come meanwhile, at most so many records; and why the second look for it failed, if it did.

    aiokafka has fetched ahead once, and not again before that is taken: what came later, while the batch before was
    worked on, is still at the broker and would wait for the batch after this one. So it is asked for too. An error of
    one partition (a topic that may no longer be read) is kept for the look after the others' records: they go their
    way nevertheless. Raises what the first look raises.
    """
    found: Found = await consumer.getmany(timeout_ms=0, max_records=most)
    room = most - sum(len(records) for records in found.values())
    if found and room:
        try:
            later = await consumer.getmany(timeout_ms=LATER_ONES_MS, max_records=room)
        except ConsumerStoppedError:
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is, it is not of what was found before
            return found, error
        for partition, records in later.items():
            found.setdefault(partition, []).extend(records)
    return found, None


def fetch_for_all_or_none(consumer: AIOKafkaConsumer) -> None:
    """No fetch from a broker is under way while there is something of it to take.

    Else aiokafka asks, a tenth of a second later, for the other partitions alone, and there is one request per broker:
    those that are taken from meanwhile would wait until it is answered, with nothing, half a second later.
    """
    consumer._fetcher._prefetch_backoff = FETCHED_AHEAD_SECONDS  # noqa: SLF001  # there is no setting for it
