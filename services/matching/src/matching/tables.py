"""The service's own tables. `migrations/` creates them; a test compares both."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()
# Documents are JSON kept as text, checked by the database: pydantic reads them as they are.


PHASES = "'searching','offered','awarding','assigned','started','completed','unfilled','held','cancelled'"

assignment = Table(
    "assignment",
    metadata,
    Column("job_id", Uuid, primary_key=True),
    Column("phase", Text, nullable=False),
    Column("client_id", Uuid, nullable=False),
    Column("contractor_id", Uuid, doc="who is offered the job, or has it"),
    Column("week", Text, nullable=False, doc="ISO week in Germany whose capacity the job takes"),
    Column("minutes", Integer, nullable=False, doc="what the job takes of it"),
    Column("reserved_minutes", Integer, nullable=False, doc="the one reservation of this job; 0 for none"),
    Column("document", Text, nullable=False, doc="the whole, see domain.model.Assignment"),
    Column(
        "also_asked", JSONB(none_as_null=True), doc="the others who are asked at the same time; null for none"
    ),
    CheckConstraint(f"phase IN ({PHASES})", name="assignment_phase_known"),
    CheckConstraint("reserved_minutes IN (0, minutes)", name="assignment_reserves_all_or_nothing"),
    CheckConstraint(
        "phase NOT IN ('searching', 'offered', 'awarding', 'unfilled', 'held', 'cancelled') "
        "OR reserved_minutes = 0",
        name="assignment_open_reserves_nothing",
    ),
    CheckConstraint("phase <> 'assigned' OR reserved_minutes > 0", name="assignment_assigned_reserves"),
    CheckConstraint(
        "reserved_minutes = 0 OR contractor_id IS NOT NULL", name="assignment_reserved_of_somebody"
    ),
    comment="One row per job: who is asked, who has it. The primary key makes it one reservation per job.",
)
Index(
    "assignment_by_contractor",
    assignment.c.contractor_id,
    postgresql_where=text("phase IN ('offered', 'assigned')"),
)
Index(
    "assignment_by_client", assignment.c.client_id, postgresql_where=text("phase IN ('offered', 'assigned')")
)
Index(
    "assignment_by_also_asked",
    assignment.c.also_asked,
    postgresql_using="gin",
    postgresql_where=text("also_asked IS NOT NULL"),
)

contractor = Table(
    "contractor",
    metadata,
    Column("partner_id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False, doc="ce_subjectversion of the partners topic"),
    Column("x", Double, doc="unit vector of where he is"),
    Column("y", Double),
    Column("z", Double),
    Column("least_dot", Double, nullable=False, doc="a job is in reach when the dot product is no less"),
    Column("document", Text, nullable=False, doc="see domain.model.Contractor"),
    comment="Partners as matching knows them. Who awards a job holds this row's lock.",
)

contractor_version = Table(
    "contractor_version",
    metadata,
    Column("partner_id", Uuid, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("document", Text, nullable=False, doc="see domain.model.Contractor"),
    comment="Every version that was taken over, so that a decision can be made again.",
)

ranking = Table(
    "ranking",
    metadata,
    Column("job_id", Uuid, primary_key=True),
    Column("round", Integer, primary_key=True),
    Column("document", Text, nullable=False, doc="see domain.model.Round"),
    comment="Every decision on whom to ask, with what it hung on. Only added to.",
)

act = Table(
    "act",
    metadata,
    Column("number", BigInteger, Identity(always=True), primary_key=True),
    Column("job_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False, doc="see domain.model.ActKind"),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("by", Text, nullable=False, doc="who, as an actor"),
    Column("reason", Text, nullable=False),
    Column("contractor_id", Uuid),
    comment="What dispatchers did to a job, and why. Only added to.",
)
Index("act_by_job", act.c.job_id)

deed = Table(
    "deed",
    metadata,
    Column("number", BigInteger, Identity(always=True), primary_key=True),
    Column("partner_id", Uuid, nullable=False),
    Column("job_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False, doc="see domain.standing.DeedKind"),
    Column("amount", Integer, nullable=False, doc="stars or minutes; 0 where neither"),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("counted", Boolean, nullable=False, doc="whether it is in the partner's standing"),
    CheckConstraint("amount >= 0", name="deed_amount_not_negative"),
    comment="What counts for a partner's standing. Added to; `counted` is set once.",
)
Index("deed_to_be_counted", deed.c.partner_id, postgresql_where=text("NOT counted"))

standing = Table(
    "standing",
    metadata,
    Column("partner_id", Uuid, primary_key=True),
    Column("asked", Integer, nullable=False),
    Column("kept", Integer, nullable=False),
    Column("ratings", Integer, nullable=False),
    Column("stars", Integer, nullable=False),
    Column("given_minutes", Integer, nullable=False),
    Column("taken_minutes", Integer, nullable=False),
    CheckConstraint("kept BETWEEN 0 AND asked", name="standing_kept_of_asked"),
    comment="Sums over a partner's counted deeds; nobody locks it but its own timer.",
)

capacity = Table(
    "capacity",
    metadata,
    Column("partner_id", Uuid, primary_key=True),
    Column("week", Text, primary_key=True, doc="ISO week in Germany, as 2026-W53"),
    Column(
        "offered_minutes", Integer, nullable=False, doc="what he offered when last something was reserved"
    ),
    Column("reserved_minutes", Integer, nullable=False, doc="sum over his assignments of this week"),
    CheckConstraint("reserved_minutes >= 0", name="capacity_not_negative"),
    CheckConstraint("reserved_minutes <= offered_minutes", name="capacity_not_overbooked"),
    CheckConstraint(r"week ~ '^[0-9]{4}-W[0-9]{2}$'", name="capacity_iso_week"),
    comment="The only authority on free time.",
)

coverage = Table(
    "coverage",
    metadata,
    Column("country", Text, primary_key=True),
    Column("document", Text, nullable=False, doc="what was told last, see domain.coverage.Measured"),
    comment="One row. Its timer measures coverage every few minutes.",
)

rate_card = Table(
    "rate_card",
    metadata,
    Column("rate_card_id", Uuid, primary_key=True),
    Column("document", Text, nullable=False, doc="the contractor's side, see domain.model.RateCard"),
    comment="Published rate cards, all versions.",
)
