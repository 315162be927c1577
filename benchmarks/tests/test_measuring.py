"""The parts of the measurements that need no stack."""

from uuid import UUID

from aiokafka.partitioner import DefaultPartitioner
from benchmarks.backlog import Growth
from benchmarks.fairness import in_partitions
from benchmarks.first_try import PROCESSES, Said
from benchmarks.flow import ALL_TOPICS, BODY_BYTES, PARTITIONS, READERS, TOPICS, messages_per_lifecycle
from benchmarks.latency import Delays
from benchmarks.plan import LONG, USUAL

from contracts.ids import uuid7


def test_a_flood_stays_in_its_partition_and_the_others_out_of_it() -> None:
    partitions = list(range(PARTITIONS))

    def partition_of(job_id: UUID) -> int:
        return int(DefaultPartitioner()(str(job_id).encode(), partitions, partitions))

    ids = [uuid7() for _ in range(200)]
    flooded, others = in_partitions(lambda p: p == 3), in_partitions(lambda p: p != 3)
    assert {partition_of(each) for each in ids if flooded(each)} == {3}
    assert {partition_of(each) for each in ids if others(each)} == set(partitions) - {3}


def test_the_first_try_sends_bodies_of_the_right_size() -> None:
    for kind, size in BODY_BYTES.items():
        assert len(Said.sized(kind, str(uuid7())).model_dump_json()) == size


def test_the_first_try_has_every_reader_once() -> None:
    assert sorted(reader for readers in PROCESSES for reader in readers) == sorted(READERS)


def test_every_message_of_the_flow_has_a_size_and_a_topic_and_is_read_where_it_is_expected() -> None:
    sent = [send for steps in READERS.values() for step in steps.values() for send in step.sends]
    assert {kind for _, kind in sent} <= BODY_BYTES.keys()
    assert {topic for topic, _ in sent} | {topic for topics in TOPICS.values() for topic in topics} <= set(
        ALL_TOPICS
    )
    for reader, topics in TOPICS.items():
        assert {kind for topic, kind in sent if topic in topics} <= READERS[reader].keys()
    assert messages_per_lifecycle() == 25


def test_percentiles() -> None:
    found = Delays.of([float(n) for n in range(1, 102)], 50, 0)
    assert (found.p50_ms, found.p99_ms, found.highest_ms) == (51, 100, 101)


def test_memory_that_grows_in_the_second_half_is_seen() -> None:
    assert Growth.of([100, 120, 120, 120]).percent == 0
    assert Growth.of([100, 100, 100, 150]).percent == 50


def test_a_slow_machine_gets_a_smaller_backlog_and_a_long_run_all_of_it() -> None:
    assert USUAL.drained(60) == 60 * USUAL.drain_s
    assert LONG.drained(60) == 100_000
