"""job-exchange's tables. What must be unique is held by the database too."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Numeric,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()

_moment = DateTime(timezone=True)
_hours = Numeric(6, 2)

partners = Table(
    "partners",
    metadata,
    Column("partner_id", Uuid, primary_key=True),
    Column("customer_status", Text, nullable=False),
    Column("suspended", Boolean, nullable=False),
    Column("group_code", Text, doc="of companies that belong together"),
    Column(
        "client_agreements",
        JSONB,
        nullable=False,
        doc="list of [valid_from, valid_until or null, auto_approve_percent_over, highest_travel_zone]",
    ),
    Column("sealing_key", JSONB, doc="public JWK that work orders for him are sealed to"),
    comment="A copy of the registry's partners, as far as posting and work orders need it.",
)

rate_cards = Table(
    "rate_cards",
    metadata,
    Column("rate_card_id", Uuid, primary_key=True),
    Column(
        "tariffs", JSONB, nullable=False, doc="list of the published versions' client prices, newest last"
    ),
    comment="A copy of billing's rate cards: what clients pay.",
)

jobs = Table(
    "jobs",
    metadata,
    Column("job_id", Uuid, primary_key=True),
    Column("job_number", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("client_id", Uuid, nullable=False),
    Column("postcode", Text, nullable=False),
    Column("kind_of_work", Text, nullable=False),
    Column("required_certifications", JSONB, nullable=False, doc="list of RequiredCertification"),
    Column("window_starts_at", _moment, nullable=False),
    Column("window_ends_at", _moment, nullable=False),
    Column("estimated_hours", _hours, nullable=False),
    Column(
        "approves_itself_up_to_hours",
        Numeric(8, 4),
        nullable=False,
        doc="by the client's agreement at posting",
    ),
    Column("response_time", Text, nullable=False),
    Column("insurance_sum_euros", Numeric(12, 2)),
    Column("highest_zone", SmallInteger, nullable=False),
    Column("offer_policy", Text, nullable=False),
    Column("rate_card_id", Uuid, nullable=False),
    Column("rate_card_version", Integer, nullable=False),
    Column("order_number", Text, doc="the client's own, for his invoice"),
    Column("cost_centre", Text, doc="the client's own, for his invoice"),
    Column("summary", Text, nullable=False),
    Column("posted_at", _moment, nullable=False),
    Column("contractor_id", Uuid),
    Column("travel_zone", SmallInteger, doc="fixed at award"),
    Column("work_order", Text, nullable=False),
    Column("statement_count", SmallInteger, nullable=False),
    Column("started_at", _moment, doc="when the contractor arrived, by his own word"),
    Column("ended_at", _moment, doc="completed or cancelled"),
    Column("rework_of", Uuid, doc="the job whose work is made good"),
    CheckConstraint(
        "status IN ('posted', 'unfilled', 'assigned', 'started', 'stated', 'disputed', 'completed', "
        "'settled', 'cancelled')",
        name="jobs_status_known",
    ),
    CheckConstraint("window_starts_at < window_ends_at", name="jobs_window_in_order"),
    CheckConstraint(
        "(contractor_id IS NOT NULL) = (status IN ('assigned', 'started', 'stated', 'disputed', 'completed', "
        "'settled'))",
        name="jobs_contractor_by_status",
    ),
    CheckConstraint("(contractor_id IS NULL) = (travel_zone IS NULL)", name="jobs_zone_with_contractor"),
    CheckConstraint("travel_zone <= highest_zone OR travel_zone IS NULL", name="jobs_zone_agreed"),
    CheckConstraint(
        "work_order IN ('none', 'released', 'missing_sealing_key')", name="jobs_work_order_known"
    ),
    CheckConstraint(
        "(work_order = 'none') = (contractor_id IS NULL)", name="jobs_work_order_with_contractor"
    ),
    CheckConstraint(
        "(ended_at IS NOT NULL) = (status IN ('completed', 'settled', 'cancelled'))",
        name="jobs_ended_by_status",
    ),
    comment="One row per job. Nothing here leads to an end customer.",
)
Index("jobs_by_client", jobs.c.client_id)
Index(
    "jobs_work_order_waiting",
    jobs.c.contractor_id,
    postgresql_where=text("work_order = 'missing_sealing_key'"),
)

statements = Table(
    "statements",
    metadata,
    Column("job_id", Uuid, ForeignKey("jobs.job_id", name="statements_job"), primary_key=True),
    Column("version", SmallInteger, primary_key=True),
    Column("statement_id", Uuid, nullable=False, doc="chosen by the contractor"),
    Column("contractor_id", Uuid, nullable=False),
    Column("hours", _hours, nullable=False, doc="as the contractor stated them"),
    Column("travel_km", Integer, nullable=False),
    Column("performed_from", Date, nullable=False),
    Column("performed_to", Date, nullable=False),
    Column("materials", JSONB, nullable=False, doc="list of Material"),
    Column("proof_sha256", Text),
    Column("state", Text, nullable=False),
    Column("approved_hours", _hours),
    Column("approved_by", Text),
    Column("worked", JSONB, doc="list of WorkedTime, for surcharges; null: none given"),
    Column("nobody_there", Boolean, nullable=False),
    UniqueConstraint("job_id", "statement_id", name="statements_id_once_per_job"),
    CheckConstraint(
        "state IN ('pending', 'disputed', 'approved', 'dropped', 'replaced')", name="statements_state_known"
    ),
    CheckConstraint("performed_from <= performed_to", name="statements_days_in_order"),
    CheckConstraint(
        "(state IN ('approved', 'replaced')) = (approved_hours IS NOT NULL) "
        "AND (state IN ('approved', 'replaced')) = (approved_by IS NOT NULL)",
        name="statements_approved_says_what",
    ),
    CheckConstraint("approved_by IN ('client', 'limits', 'distributor')", name="statements_approver_known"),
    comment="What contractors sent in, every version.",
)
Index(
    "statements_one_live_per_job",
    statements.c.job_id,
    unique=True,
    postgresql_where=text("state IN ('pending', 'approved')"),
)

sealed_end_customers = Table(
    "sealed_end_customers",
    metadata,
    Column("job_id", Uuid, primary_key=True),
    Column("ciphertext", Text, nullable=False, doc="compact JWE to this service's key, bound to the job"),
    CheckConstraint("ciphertext LIKE 'eyJ%.%.%.%.%'", name="sealed_end_customers_is_sealed"),
    comment="The end customers, as ciphertext only.",
)
