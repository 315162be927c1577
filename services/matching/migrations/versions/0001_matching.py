"""Assignments, partners, capacity, rate cards."""

from alembic import op

revision = "0001"
down_revision = None

STATEMENTS = (
    """
    CREATE TABLE assignment (
        job_id uuid PRIMARY KEY,
        phase text NOT NULL,
        client_id uuid NOT NULL,
        contractor_id uuid,
        week text NOT NULL,
        minutes integer NOT NULL,
        reserved_minutes integer NOT NULL,
        document text NOT NULL CHECK (document IS JSON OBJECT),
        CONSTRAINT assignment_phase_known CHECK (phase IN
            ('searching','offered','awarding','assigned','started','completed','unfilled','cancelled')),
        CONSTRAINT assignment_reserves_all_or_nothing CHECK (reserved_minutes IN (0, minutes)),
        CONSTRAINT assignment_open_reserves_nothing CHECK (
            phase NOT IN ('searching', 'offered', 'awarding', 'unfilled', 'cancelled')
            OR reserved_minutes = 0),
        CONSTRAINT assignment_assigned_reserves CHECK (phase <> 'assigned' OR reserved_minutes > 0),
        CONSTRAINT assignment_reserved_of_somebody CHECK (reserved_minutes = 0 OR contractor_id IS NOT NULL)
    ) WITH (fillfactor = 70)
    """,
    """
    CREATE INDEX assignment_by_contractor ON assignment (contractor_id)
        WHERE phase IN ('offered', 'assigned')
    """,
    "CREATE INDEX assignment_by_client ON assignment (client_id) WHERE phase IN ('offered', 'assigned')",
    """
    CREATE TABLE contractor (
        partner_id uuid PRIMARY KEY,
        version integer NOT NULL,
        x double precision,
        y double precision,
        z double precision,
        least_dot double precision NOT NULL,
        document text NOT NULL CHECK (document IS JSON OBJECT)
    )
    """,
    """
    CREATE TABLE capacity (
        partner_id uuid NOT NULL,
        week text NOT NULL,
        offered_minutes integer NOT NULL,
        reserved_minutes integer NOT NULL,
        PRIMARY KEY (partner_id, week),
        CONSTRAINT capacity_not_negative CHECK (reserved_minutes >= 0),
        CONSTRAINT capacity_not_overbooked CHECK (reserved_minutes <= offered_minutes),
        CONSTRAINT capacity_iso_week CHECK (week ~ '^[0-9]{4}-W[0-9]{2}$')
    ) WITH (fillfactor = 70)
    """,
    """
    CREATE TABLE rate_card (
        rate_card_id uuid PRIMARY KEY,
        document text NOT NULL CHECK (document IS JSON OBJECT)
    )
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
