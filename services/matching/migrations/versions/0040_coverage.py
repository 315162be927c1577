"""Coverage: one row, and the timer that measures it from now on."""

from alembic import op

revision = "0040"
down_revision = "0002"

STATEMENTS = (
    """
    CREATE TABLE coverage (
        country text PRIMARY KEY,
        document text NOT NULL CHECK (document IS JSON OBJECT)
    )
    """,
    "INSERT INTO timers (aggregate, aggregate_id, name, due_at) VALUES ('coverage', 'DE', 'measure', now())",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
