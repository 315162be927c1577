"""Contractors' own e-invoices as they came in: the recipient keeps the original (§ 14b (1) UStG)."""

from alembic import op

revision = "0005"
down_revision = "0004"

STATEMENTS = (
    """
    CREATE TABLE received_invoices (
        job_id uuid NOT NULL CONSTRAINT received_invoices_job REFERENCES settlements,
        sha256 text NOT NULL,
        contractor_id uuid NOT NULL,
        number text NOT NULL,
        received_at timestamptz NOT NULL,
        content bytea NOT NULL,
        PRIMARY KEY (job_id, sha256),
        CONSTRAINT received_invoices_sha256_fits CHECK (sha256 = encode(sha256(content), 'hex'))
    )
    """,
    """
    CREATE TRIGGER received_invoices_never_change BEFORE UPDATE OR DELETE OR TRUNCATE ON received_invoices
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
    "COMMENT ON TABLE received_invoices IS 'Kept 8 years from the end of the calendar year (§ 14b UStG, § 147 AO)'",
)


def upgrade() -> None:
    """Create all of it."""
    for statement in STATEMENTS:
        op.execute(statement)
