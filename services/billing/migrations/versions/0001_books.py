"""Billing's first tables: reference copies, settlements, immutable documents, the ledger held to zero."""

from alembic import op

revision = "0001"
down_revision = None

STATEMENTS = (
    """
    CREATE TABLE partners (
        partner_id uuid PRIMARY KEY,
        name text NOT NULL,
        address jsonb NOT NULL,
        language text NOT NULL CONSTRAINT partners_language_known CHECK (language IN ('de', 'en')),
        customer_number text NOT NULL,
        vat_id text,
        tax_number text,
        self_billing jsonb NOT NULL
    )
    """,
    """
    CREATE TABLE rate_cards (
        rate_card_id uuid PRIMARY KEY,
        newest_version integer NOT NULL,
        versions jsonb NOT NULL,
        CONSTRAINT rate_cards_versions_counted CHECK (newest_version = jsonb_array_length(versions))
    )
    """,
    """
    CREATE TABLE settlements (
        job_id uuid PRIMARY KEY,
        job_number text NOT NULL,
        client_id uuid NOT NULL,
        contractor_id uuid NOT NULL,
        postcode text NOT NULL,
        kind_of_work text NOT NULL,
        certifications jsonb NOT NULL,
        statement_version integer NOT NULL,
        hours numeric(6, 2) NOT NULL,
        performed_from date NOT NULL,
        performed_to date NOT NULL,
        travel_zone smallint NOT NULL,
        rate_card_id uuid NOT NULL,
        rate_card_version integer NOT NULL,
        order_number text,
        cost_centre text,
        hold text,
        waiting_for text,
        held_since timestamptz,
        resolution_note text,
        settled_at timestamptz,
        CONSTRAINT settlements_held_or_settled CHECK ((hold IS NULL) <> (settled_at IS NULL)),
        CONSTRAINT settlements_hold_says_for_what CHECK ((hold IS NULL) = (waiting_for IS NULL)),
        CONSTRAINT settlements_hold_known
            CHECK (hold IN ('missing_rate_card', 'missing_partner', 'missing_self_billing_agreement'))
    )
    """,
    "CREATE INDEX settlements_waiting_for ON settlements (waiting_for) WHERE waiting_for IS NOT NULL",
    """
    CREATE TABLE documents (
        number text PRIMARY KEY,
        kind text NOT NULL CONSTRAINT documents_kind_known CHECK (kind IN ('invoice', 'self-billed-invoice')),
        number_range text NOT NULL,
        running_number bigint NOT NULL,
        job_id uuid NOT NULL CONSTRAINT documents_job REFERENCES settlements,
        partner_id uuid NOT NULL,
        issued_on date NOT NULL,
        due_on date NOT NULL,
        net numeric(14, 2) NOT NULL,
        vat numeric(14, 2) NOT NULL,
        gross numeric(14, 2) NOT NULL,
        data jsonb NOT NULL,
        sha256 text NOT NULL CONSTRAINT documents_sha256_form CHECK (sha256 ~ '^[0-9a-f]{64}$'),
        CONSTRAINT documents_once_per_job_and_kind UNIQUE (job_id, kind),
        CONSTRAINT documents_number_once UNIQUE (number_range, running_number),
        CONSTRAINT documents_add_up CHECK (gross = net + vat),
        CONSTRAINT documents_data_is_theirs CHECK (data ->> 'number' = number AND data ->> 'kind' = kind)
    )
    """,
    """
    CREATE TABLE entries (
        entry_id text PRIMARY KEY,
        document_number text NOT NULL CONSTRAINT entries_document REFERENCES documents,
        booked_on date NOT NULL
    )
    """,
    """
    CREATE TABLE postings (
        entry_id text NOT NULL CONSTRAINT postings_entry REFERENCES entries,
        line smallint NOT NULL,
        account text NOT NULL CONSTRAINT postings_account_known CHECK (
            account IN ('revenue', 'cost-of-services', 'vat-out', 'vat-in')
            OR account ~ '^(receivable|payable)/[0-9a-f-]{36}$'
        ),
        amount numeric(14, 2) NOT NULL,
        PRIMARY KEY (entry_id, line)
    )
    """,
    "CREATE INDEX postings_account ON postings (account)",
    # What is issued or booked stays as it is: mistakes are corrected by new documents (§ 146 (4) AO).
    """
    CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% on % is refused: what is issued or booked never changes', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END
    $$
    """,
    *(
        f"CREATE TRIGGER {table}_never_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        for table in ("documents", "entries", "postings")
    ),
    # At commit, since an entry's postings come one after the other.
    """
    CREATE FUNCTION check_entry_balances() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        rest numeric;
    BEGIN
        SELECT sum(amount) INTO rest FROM postings WHERE entry_id = NEW.entry_id;
        IF rest <> 0 THEN
            RAISE EXCEPTION 'entry % does not sum to zero: %', NEW.entry_id, rest
                USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_balances';
        END IF;
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE CONSTRAINT TRIGGER entry_balances AFTER INSERT ON postings DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION check_entry_balances()
    """,
    # A published version never changes: the old list is the beginning of the new one.
    """
    CREATE FUNCTION check_versions_only_grow() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.versions IS DISTINCT FROM (
            SELECT jsonb_agg(version ORDER BY place)
            FROM jsonb_array_elements(NEW.versions) WITH ORDINALITY AS listed(version, place)
            WHERE place <= OLD.newest_version
        ) THEN
            RAISE EXCEPTION 'a published version of rate card % would change', OLD.rate_card_id
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END
    $$
    """,
    """
    CREATE TRIGGER rate_cards_only_grow BEFORE UPDATE ON rate_cards
    FOR EACH ROW EXECUTE FUNCTION check_versions_only_grow()
    """,
    """
    CREATE TRIGGER rate_cards_never_go BEFORE DELETE OR TRUNCATE ON rate_cards
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
)


def upgrade() -> None:
    """Create all of it."""
    for statement in STATEMENTS:
        op.execute(statement)
