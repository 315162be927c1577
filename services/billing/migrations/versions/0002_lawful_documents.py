"""Corrections, the chain of documents, entries by source and event, tax facts, classifications.

Documents that are there keep what they say; they get the statement's version that is in them, and their link.
"""

from alembic import op

revision = "0002"
down_revision = "0001"

STATEMENTS = (
    "ALTER TABLE partners ADD COLUMN details jsonb NOT NULL DEFAULT '{}'",
    "ALTER TABLE partners ALTER COLUMN details DROP DEFAULT",
    "CREATE TABLE work_classes (kind_of_work text PRIMARY KEY, classes jsonb NOT NULL)",
    "CREATE TABLE fee_classes (fee text PRIMARY KEY, classes jsonb NOT NULL)",
    # -- settlements
    """
    ALTER TABLE settlements
        ADD COLUMN issued_version integer,
        ADD COLUMN invoice_number text,
        ADD COLUMN self_billed_number text,
        ADD COLUMN objected_on date,
        ADD COLUMN building_tax text NOT NULL DEFAULT 'none',
        ADD COLUMN paid numeric(14, 2) NOT NULL DEFAULT 0,
        ADD COLUMN more jsonb,
        DROP CONSTRAINT settlements_held_or_settled,
        DROP CONSTRAINT settlements_hold_known
    """,
    """
    UPDATE settlements s SET
        issued_version = s.statement_version,
        invoice_number = (SELECT number FROM documents d WHERE d.job_id = s.job_id AND kind = 'invoice'),
        self_billed_number =
            (SELECT number FROM documents d WHERE d.job_id = s.job_id AND kind = 'self-billed-invoice')
    WHERE settled_at IS NOT NULL
    """,
    """
    ALTER TABLE settlements
        ALTER COLUMN building_tax DROP DEFAULT,
        ALTER COLUMN paid DROP DEFAULT,
        ADD CONSTRAINT settlements_held_or_settled CHECK (hold IS NOT NULL OR settled_at IS NOT NULL),
        ADD CONSTRAINT settlements_settled_says_which
            CHECK ((settled_at IS NULL) = (issued_version IS NULL)),
        ADD CONSTRAINT settlements_building_tax_known
            CHECK (building_tax IN ('none', 'exempt', 'withheld', 'undecided'))
    """,
    "CREATE INDEX settlements_held ON settlements (hold, held_since) WHERE hold IS NOT NULL",
    # -- documents
    "ALTER TABLE documents DISABLE TRIGGER documents_never_change",
    """
    ALTER TABLE documents
        ADD COLUMN statement_version integer,
        ADD COLUMN preceding text CONSTRAINT documents_preceding REFERENCES documents,
        ADD COLUMN chain_sha256 text,
        DROP CONSTRAINT documents_once_per_job_and_kind,
        DROP CONSTRAINT documents_kind_known
    """,
    "UPDATE documents SET statement_version = (data -> 'job' ->> 'statement_version')::integer",
    """
    WITH RECURSIVE chain AS (
        SELECT number, number_range, running_number,
            encode(sha256(convert_to(sha256, 'UTF8')), 'hex') AS link
        FROM documents WHERE running_number = 1
        UNION ALL
        SELECT d.number, d.number_range, d.running_number,
            encode(sha256(convert_to(c.link || d.sha256, 'UTF8')), 'hex')
        FROM chain c JOIN documents d
            ON d.number_range = c.number_range AND d.running_number = c.running_number + 1
    )
    UPDATE documents d SET chain_sha256 = c.link FROM chain c WHERE c.number = d.number
    """,
    """
    ALTER TABLE documents
        ALTER COLUMN statement_version SET NOT NULL,
        ALTER COLUMN chain_sha256 SET NOT NULL,
        ADD CONSTRAINT documents_reversed_once UNIQUE (preceding),
        ADD CONSTRAINT documents_kind_known CHECK (kind IN
            ('invoice', 'self-billed-invoice', 'invoice-correction', 'self-billed-correction')),
        ADD CONSTRAINT documents_corrections_correct_something
            CHECK ((kind LIKE '%-correction') = (preceding IS NOT NULL))
    """,
    "ALTER TABLE documents ENABLE TRIGGER documents_never_change",
    """
    CREATE UNIQUE INDEX documents_once_per_statement_and_kind ON documents (job_id, kind, statement_version)
        WHERE preceding IS NULL
    """,
    "CREATE INDEX documents_of_job ON documents (job_id)",
    # Each document's link is over the one before it in its range: none can be left out, changed or put in later.
    # A number that is not the next one has no document before it, and is refused here too.
    """
    CREATE FUNCTION chain_document() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        link text := '';
    BEGIN
        IF NEW.running_number <> 1 THEN
            SELECT chain_sha256 INTO link FROM documents
            WHERE number_range = NEW.number_range AND running_number = NEW.running_number - 1;
            IF NOT FOUND THEN
                RAISE EXCEPTION '% has no document before it in its range', NEW.number
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'documents_chained';
            END IF;
        END IF;
        NEW.chain_sha256 := encode(sha256(convert_to(link || NEW.sha256, 'UTF8')), 'hex');
        RETURN NEW;
    END
    $$
    """,
    """
    CREATE TRIGGER documents_chained BEFORE INSERT ON documents
    FOR EACH ROW EXECUTE FUNCTION chain_document()
    """,
    # A correction mirrors the cents of what it reverses, and a correction is not corrected.
    """
    CREATE FUNCTION check_correction() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM FROM documents d WHERE d.number = NEW.preceding AND d.preceding IS NULL
            AND d.job_id = NEW.job_id AND (d.net, d.vat) = (-NEW.net, -NEW.vat);
        IF NOT FOUND THEN
            RAISE EXCEPTION '% does not mirror %', NEW.number, NEW.preceding
                USING ERRCODE = 'check_violation', CONSTRAINT = 'documents_mirrored';
        END IF;
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER documents_mirrored AFTER INSERT ON documents
    FOR EACH ROW WHEN (NEW.preceding IS NOT NULL) EXECUTE FUNCTION check_correction()
    """,
    # -- books
    "ALTER TABLE entries DISABLE TRIGGER entries_never_change",
    """
    ALTER TABLE entries
        ADD COLUMN source text,
        ADD COLUMN happened text,
        ADD COLUMN leg text,
        ADD COLUMN job_id uuid,
        ALTER COLUMN document_number DROP NOT NULL
    """,
    """
    UPDATE entries e SET source = e.document_number, happened = 'issued', job_id = d.job_id,
        leg = CASE d.kind WHEN 'invoice' THEN 'client' ELSE 'contractor' END
    FROM documents d WHERE d.number = e.document_number
    """,
    """
    ALTER TABLE entries
        ALTER COLUMN source SET NOT NULL,
        ALTER COLUMN happened SET NOT NULL,
        ALTER COLUMN leg SET NOT NULL,
        ALTER COLUMN job_id SET NOT NULL,
        ADD CONSTRAINT entries_once UNIQUE (source, happened, leg),
        ADD CONSTRAINT entries_leg_known CHECK (leg IN ('client', 'contractor')),
        ADD CONSTRAINT entries_issued_has_document
            CHECK ((happened = 'issued') = (document_number IS NOT NULL))
    """,
    "ALTER TABLE entries ENABLE TRIGGER entries_never_change",
    """
    ALTER TABLE postings DROP CONSTRAINT postings_account_known, ADD CONSTRAINT postings_account_known CHECK (
        account IN ('revenue', 'cost-of-services', 'vat-out', 'vat-in', 'vat-out-reverse', 'vat-in-reverse',
            'withheld-building-tax', 'suspense', 'bank')
        OR account ~ '^(receivable|payable)/[0-9a-f-]{36}$')
    """,
)


def upgrade() -> None:
    """Add all of it."""
    for statement in STATEMENTS:
        op.execute(statement)
