"""The service's own tables. `migrations/` creates them; a test compares both."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Double,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    Uuid,
    text,
)

metadata = MetaData()
# Documents are JSON kept as text, checked by the database: pydantic reads them as they are.


PHASES = "'searching','offered','awarding','assigned','started','completed','unfilled','cancelled'"

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
    CheckConstraint(f"phase IN ({PHASES})", name="assignment_phase_known"),
    CheckConstraint("reserved_minutes IN (0, minutes)", name="assignment_reserves_all_or_nothing"),
    CheckConstraint(
        "phase NOT IN ('searching', 'offered', 'awarding', 'unfilled', 'cancelled') OR reserved_minutes = 0",
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
