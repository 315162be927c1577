"""What dispatchers did to a job, and why: it was kept only until somebody had the job, and lost with him."""

from alembic import op

revision = "0041"
down_revision = "0040"

STATEMENTS = (
    """
    CREATE TABLE act (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        job_id uuid NOT NULL,
        kind text NOT NULL,
        at timestamptz NOT NULL,
        by text NOT NULL,
        reason text NOT NULL,
        contractor_id uuid
    )
    """,
    "CREATE INDEX act_by_job ON act (job_id)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
