"""The path's own tables, in each service's database. `migrations/` creates them; this is what code sees."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()

_moment = DateTime(timezone=True)

progress = Table(
    "progress",
    metadata,
    Column("reader", Text, primary_key=True),
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("first_offset", BigInteger, nullable=False, doc="the first offset this reader ever saw"),
    Column("next_offset", BigInteger, nullable=False, doc="all offsets below are accounted for"),
    Column("done", BigInteger, nullable=False, server_default="0"),
    Column("duplicate", BigInteger, nullable=False, server_default="0"),
    Column("rejected", BigInteger, nullable=False, server_default="0"),
    Column("dead", BigInteger, nullable=False, server_default="0"),
    Column("parked", BigInteger, nullable=False, server_default="0"),
    Column(
        "holes",
        BigInteger,
        nullable=False,
        server_default="0",
        doc="offsets without a record: compaction, markers",
    ),
    CheckConstraint(
        "next_offset - first_offset = done + duplicate + rejected + dead + parked + holes",
        name="progress_adds_up",
    ),
    CheckConstraint("parked >= 0 AND dead >= 0", name="progress_not_negative"),
    comment="One row per reader and partition: locked first by each batch, it puts a zombie and its successor in turn.",
)

inbox = Table(
    "inbox",
    metadata,
    Column("reader", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("message_id", Text, primary_key=True),
    Column("body_hash", LargeBinary, nullable=False, doc="BLAKE2b-128 over type, subject and body"),
    Column("outcome", SmallInteger, nullable=False, doc="see chassis.items.Outcome"),
    Column("reply", LargeBinary, doc="the stored reply of a command, repeated to a duplicate"),
    Column("reply_type", Text),
    Column("received_at", _moment, nullable=False),
    comment="What was taken in already: one effect per reader and message.",
)
Index("inbox_received_at", inbox.c.received_at, postgresql_using="brin")

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column(
        "aggregate",
        Text,
        nullable=False,
        doc="<rows>/<id>; rows of one aggregate leave in the order of their ids",
    ),
    Column("cause_topic", Text, nullable=False, doc="the record that caused it, or `timer`"),
    Column("cause_partition", Integer, nullable=False),
    Column("cause_offset", BigInteger, nullable=False),
    Column("topic", Text, nullable=False),
    Column("key", LargeBinary),
    Column("headers", Text, nullable=False, doc="JSON list of [name, value], bytes as Latin-1"),
    Column("value", LargeBinary),
    Column("created_at", _moment, nullable=False),
    comment="Messages decided and not yet acknowledged by the broker. Empty at rest.",
)
Index("outbox_aggregate", outbox.c.aggregate)
Index("outbox_cause", outbox.c.cause_topic, outbox.c.cause_partition, outbox.c.cause_offset)

subject_versions = Table(
    "subject_versions",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("topic", Text, primary_key=True),
    Column("reader", Text, primary_key=True, doc="who read it; empty for what this service published"),
    Column("version", BigInteger, nullable=False),
    comment="The newest ce_subjectversion read or written, per topic and subject.",
)

timers = Table(
    "timers",
    metadata,
    Column("aggregate", Text, primary_key=True, doc="name of the rows"),
    Column("aggregate_id", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("due_at", _moment, nullable=False),
    comment="Who deletes the row, in the transaction that acts on it, has fired the timer.",
)
Index("timers_due_at", timers.c.due_at)

parked = Table(
    "parked",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("reader", Text, nullable=False),
    Column("aggregate", Text, doc="<rows>/<id>; null when the record could not be read"),
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("timestamp_ms", BigInteger, nullable=False),
    Column("key", LargeBinary),
    Column("headers", Text, nullable=False),
    Column("value", LargeBinary),
    Column(
        "reason", Text, nullable=False, doc="waiting, gap, behind (a parked predecessor), failed, unreadable"
    ),
    Column("code", Text, nullable=False),
    Column("detail", Text, nullable=False, doc="for an operator; never a value from the message"),
    Column("waiting_for", Text, doc="<rows>/<id> whose arrival wakes this message"),
    Column("since", _moment, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("look_at", _moment, doc="when to look again; null: when somebody redrives"),
    CheckConstraint(
        "reason IN ('waiting', 'gap', 'behind', 'failed', 'unreadable')", name="parked_reason_known"
    ),
    comment="Records that wait, and dead letters as they came. Nothing leaves but by being processed or dropped.",
)
Index("parked_record", parked.c.reader, parked.c.topic, parked.c.partition, parked.c.offset, unique=True)
Index("parked_aggregate", parked.c.reader, parked.c.aggregate, parked.c.id)
Index("parked_waiting_for", parked.c.waiting_for, postgresql_where=parked.c.waiting_for.is_not(None))

compacted = Table(
    "compacted",
    metadata,
    Column("topic", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("headers", Text, nullable=False),
    Column("value", LargeBinary, doc="null: a tombstone"),
    comment="The current message of each subject on a compacted topic, so that it can be written again.",
)

counters = Table(
    "counters",
    metadata,
    Column("name", Text, primary_key=True),
    Column("last", BigInteger, nullable=False),
    comment="Gapless numbers: taken last in the transaction that uses them.",
)

errands = Table(
    "errands",
    metadata,
    Column("id", Text, primary_key=True, doc="stable: a receiver can tell a repeat"),
    Column("kind", Text, nullable=False),
    Column("payload", JSONB, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("due_at", _moment, nullable=False),
    Column("created_at", _moment, nullable=False),
    comment="Work outside the database, done by its own task and deleted when done.",
)
Index("errands_due_at", errands.c.due_at)

dead_letter_acts = Table(
    "dead_letter_acts",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("at", _moment, nullable=False, server_default="now()"),
    Column("who", Text, nullable=False, doc="as the operator's machine knows him, or as he said"),
    Column("act", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column(
        "parked_id", BigInteger, nullable=False, doc="the row of `parked` it was about, which may be gone"
    ),
    Column("reader", Text, nullable=False),
    Column("aggregate", Text),
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("outcome", Text, nullable=False, doc="`begun` when the act itself was interrupted"),
    CheckConstraint("act IN ('redrive', 'drop')", name="dead_letter_act_known"),
    CheckConstraint("who <> '' AND why <> ''", name="dead_letter_act_has_a_name_and_a_reason"),
    comment="What operators did about dead letters. Rows are never changed but for the outcome, and never deleted.",
)
