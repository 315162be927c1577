"""The registry's tables as of the first release; later changes get migrations of their own."""

from alembic import op

revision = "0001"
down_revision = None

STATEMENTS = (
    """
    CREATE TABLE partners (
        partner_id uuid PRIMARY KEY,
        customer_number text NOT NULL,
        name text NOT NULL,
        address jsonb NOT NULL,
        email text NOT NULL,
        language text NOT NULL,
        customer_status text NOT NULL,
        customer_group text,
        vat_id text,
        tax_number text,
        certifications_said jsonb NOT NULL,
        certifications_held jsonb NOT NULL,
        agreements jsonb NOT NULL,
        policies jsonb NOT NULL,
        availability jsonb,
        suspended_for text,
        excluded_partner_ids jsonb NOT NULL,
        sealing_key jsonb,
        CONSTRAINT partners_customer_number_once UNIQUE (customer_number),
        CONSTRAINT partners_language_known CHECK (language IN ('de', 'en')),
        CONSTRAINT partners_customer_status_known
            CHECK (customer_status IN ('active', 'blocked', 'ended', 'unknown'))
    )
    """,
    """
    CREATE TABLE customers (
        customer_number text PRIMARY KEY,
        partner_id uuid NOT NULL,
        record jsonb NOT NULL,
        CONSTRAINT customers_partner_once UNIQUE (partner_id)
    )
    """,
    # Two replicas may hear of a new customer at once, one from the CRM and one from a registration: a row
    # that is not there yet cannot be locked. The second writer is sent back (a serialization failure is tried
    # again) and then sees whose the number is. Without this the upsert would give it to somebody else.
    """
    CREATE FUNCTION customer_keeps_partner() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'this customer number belongs to another partner'
            USING ERRCODE = 'serialization_failure';
    END
    $$
    """,
    """
    CREATE TRIGGER customers_keep_partner BEFORE UPDATE ON customers FOR EACH ROW
    WHEN (OLD.partner_id <> NEW.partner_id) EXECUTE FUNCTION customer_keeps_partner()
    """,
    """
    CREATE TABLE correspondence (
        job_id uuid PRIMARY KEY,
        job_number text NOT NULL,
        client_id uuid,
        contractor_id uuid,
        settled boolean NOT NULL
    )
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
