"""Times worked, visits in vain, rework, and statements that were corrected after approval."""

from alembic import op

revision = "0002"
down_revision = "0001"

STATEMENTS = (
    "ALTER TABLE jobs ADD COLUMN rework_of uuid",
    """
    ALTER TABLE statements
        ADD COLUMN worked jsonb,
        ADD COLUMN nobody_there boolean NOT NULL DEFAULT false,
        DROP CONSTRAINT statements_state_known,
        DROP CONSTRAINT statements_approved_says_what
    """,
    """
    ALTER TABLE statements
        ALTER COLUMN nobody_there DROP DEFAULT,
        ADD CONSTRAINT statements_state_known
            CHECK (state IN ('pending', 'disputed', 'approved', 'dropped', 'replaced')),
        ADD CONSTRAINT statements_approved_says_what CHECK (
            (state IN ('approved', 'replaced')) = (approved_hours IS NOT NULL)
            AND (state IN ('approved', 'replaced')) = (approved_by IS NOT NULL))
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
