"""All metrics of a service, in one list. Labels are names of ours, never data from a message."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Sequence
from typing import ClassVar
from weakref import WeakKeyDictionary

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from chassis.batch import Batch

_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """Metrics of one reader; the registry is the service's."""

    def __init__(self, registry: CollectorRegistry, reader: str) -> None:
        self._all = Registered.of(registry)
        self._reader = reader

    def batch(self, batch: Batch, sizes: Sequence[int]) -> None:
        """Count a committed batch."""
        a = self._all
        a.batch_records.labels(self._reader).observe(len(sizes))
        a.bytes_in.labels(self._reader).inc(sum(sizes))
        for outcome, number in Tally(
            item.outcome for item in batch.items if item.outcome is not None
        ).items():
            a.records.labels(self._reader, outcome.name.lower()).inc(number)
        for reason, number in Tally(parking.reason for _, parking in batch.parkings).items():
            a.parked.labels(self._reader, reason).inc(number)
        for rejected, number in Tally(
            item.reply.code for item in batch.items if item.reply is not None and hasattr(item.reply, "code")
        ).items():
            a.refused.labels(self._reader, rejected).inc(number)

    def timers(self, number: int) -> None:
        self._all.timers_fired.labels(self._reader).inc(number)

    def took(self, seconds: float) -> None:
        """How long a batch took from poll to acknowledged publication."""
        self._all.batch_seconds.labels(self._reader).observe(seconds)

    def failed(self, kind: str) -> None:
        self._all.failures.labels(self._reader, kind).inc()

    def lag(self, records: int) -> None:
        self._all.lag.labels(self._reader).set(records)


class Registered:
    """The metrics objects themselves, once for each registry."""

    _known: ClassVar[WeakKeyDictionary[CollectorRegistry, Registered]] = WeakKeyDictionary()

    def __init__(self, registry: CollectorRegistry) -> None:
        # Records taken in, by what became of them: done, duplicate, rejected, dead, parked.
        self.records = Counter(
            "servicenetz_records", "Records by outcome", ["reader", "outcome"], registry=registry
        )
        # Refused commands by code: a rise of one code is a client in trouble.
        self.refused = Counter(
            "servicenetz_refused", "Refused commands by code", ["reader", "code"], registry=registry
        )
        # Records parked by reason: waiting, gap, behind, failed, unreadable.
        self.parked = Counter(
            "servicenetz_parked", "Records parked, by reason", ["reader", "reason"], registry=registry
        )
        # How well batches fill: at rest 1, under load up to the limit.
        self.batch_records = Histogram(
            "servicenetz_batch_records", "Records per batch", ["reader"], buckets=_SIZES, registry=registry
        )
        # From poll to acknowledged publication.
        self.batch_seconds = Histogram(
            "servicenetz_batch_seconds", "Seconds per batch", ["reader"], buckets=_SECONDS, registry=registry
        )
        self.bytes_in = Counter(
            "servicenetz_bytes_in", "Bytes of bodies taken in", ["reader"], registry=registry
        )
        # Failed attempts, at whole batches or single records, by kind: transient, ill, deterministic.
        self.failures = Counter(
            "servicenetz_failures", "Failed attempts by kind", ["reader", "kind"], registry=registry
        )
        self.timers_fired = Counter("servicenetz_timers_fired", "Timers fired", ["reader"], registry=registry)
        # Records between our position and the end of the partitions assigned to us.
        self.lag = Gauge("servicenetz_lag_records", "Records not yet taken in", ["reader"], registry=registry)
        # Messages acknowledged by the broker.
        self.published = Counter("servicenetz_published", "Messages published", registry=registry)
        # Rewritten compacted messages after a publication of unknown outcome: each means a zombie or a lost database.
        self.rewritten = Counter(
            "servicenetz_rewritten", "Compacted messages written again", registry=registry
        )
        # What an operator watches at rest: all three are zero or small.
        self.outbox_age = Gauge(
            "servicenetz_outbox_oldest_seconds", "Age of the oldest unsent message", registry=registry
        )
        self.parked_now = Gauge(
            "servicenetz_parked_now", "Records parked now, by reason", ["reason"], registry=registry
        )
        self.parked_age = Gauge(
            "servicenetz_parked_oldest_seconds", "Age of the oldest parked record", registry=registry
        )
        # By reason: `failed` and `unreadable` wait for a person, the others should be young.
        self.parked_reason_age = Gauge(
            "servicenetz_parked_reason_oldest_seconds", "Age of the oldest parked record, by reason", ["reason"],
            registry=registry,
        )  # fmt: skip
        # Aggregates that are held up, by why the first of their records waits.
        self.parked_aggregates = Gauge(
            "servicenetz_parked_aggregates", "Aggregates held up, by the reason of the first record", ["reason"],
            registry=registry,
        )  # fmt: skip
        self.errands_open = Gauge(
            "servicenetz_errands_open", "Errands (mail, files) not done yet", registry=registry
        )
        self.errands_failed = Counter(
            "servicenetz_errands_failed", "Failed attempts at errands", ["kind"], registry=registry
        )
        self.ready = Gauge("servicenetz_ready", "1 when the service is ready", registry=registry)
        ProcessCollector(registry=registry)

    @classmethod
    def of(cls, registry: CollectorRegistry) -> Registered:
        if registry not in cls._known:
            cls._known[registry] = cls(registry)
        return cls._known[registry]
