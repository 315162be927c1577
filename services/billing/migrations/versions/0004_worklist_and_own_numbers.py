"""Documents whose files could not be made, with the reason; a contractor's own number is there once."""

from alembic import op

revision = "0004"
down_revision = "0003"

STATEMENTS = (
    """
    CREATE TABLE refused_renderings (
        document_number text PRIMARY KEY CONSTRAINT refused_renderings_document REFERENCES documents,
        reason text NOT NULL,
        since timestamptz NOT NULL,
        last_tried_at timestamptz NOT NULL
    )
    """,
    """
    CREATE UNIQUE INDEX settlements_own_number_once ON settlements (contractor_id, (more -> 'own_booked' ->> 'number'))
        WHERE more ? 'own_booked'
    """,
    # both what is booked and what is looked at yet, when another own invoice comes
    """
    CREATE INDEX settlements_billed_himself ON settlements (contractor_id)
        WHERE more ? 'own_booked' OR more ? 'own_invoice'
    """,
    # said where who would clean up reads it
    *(
        f"COMMENT ON TABLE {table} IS 'Kept {years} years from the end of the calendar year (§ 147 AO)'"
        for table, years in (("documents", 8), ("renderings", 8), ("entries", 10), ("postings", 10))
    ),
)


def upgrade() -> None:
    """Create all of it."""
    for statement in STATEMENTS:
        op.execute(statement)
