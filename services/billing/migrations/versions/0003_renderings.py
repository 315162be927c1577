"""The files of issued documents: stored once, as they were made, with the report of their checks."""

from alembic import op

revision = "0003"
down_revision = "0002"

STATEMENTS = (
    """
    CREATE TABLE renderings (
        document_number text NOT NULL CONSTRAINT renderings_document REFERENCES documents,
        format text NOT NULL
            CONSTRAINT renderings_format_known CHECK (format IN ('zugferd', 'xrechnung_cii', 'xrechnung_ubl')),
        profile text NOT NULL,
        file_name text NOT NULL,
        content bytea NOT NULL,
        sha256 text NOT NULL,
        report jsonb NOT NULL,
        document_sha256 text NOT NULL,
        made_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (document_number, format),
        CONSTRAINT renderings_sha256_fits CHECK (sha256 = encode(sha256(content), 'hex'))
    )
    """,
    # PDF is packed already, and what is packed twice only takes time.
    "ALTER TABLE renderings ALTER COLUMN content SET STORAGE EXTERNAL",
    """
    CREATE TRIGGER renderings_never_change BEFORE UPDATE OR DELETE OR TRUNCATE ON renderings
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
    # Documents issued before this have their files made too.
    """
    INSERT INTO errands (id, kind, payload, due_at, created_at)
    SELECT 'render-' || number, 'render', jsonb_build_object('documents', jsonb_build_array(number)), now(), now()
    FROM documents WHERE data ->> 'form' = '2'
    """,
)


def upgrade() -> None:
    """Create all of it."""
    for statement in STATEMENTS:
        op.execute(statement)
