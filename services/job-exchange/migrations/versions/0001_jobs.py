"""job-exchange's first tables: reference copies, jobs, statements, and the end customers as ciphertext."""

from alembic import op

revision = "0001"
down_revision = None

STATEMENTS = (
    """
    CREATE TABLE partners (
        partner_id uuid PRIMARY KEY,
        customer_status text NOT NULL,
        suspended boolean NOT NULL,
        group_code text,
        client_agreements jsonb NOT NULL,
        sealing_key jsonb
    )
    """,
    """
    CREATE TABLE rate_cards (
        rate_card_id uuid PRIMARY KEY,
        tariffs jsonb NOT NULL
    )
    """,
    """
    CREATE TABLE jobs (
        job_id uuid PRIMARY KEY,
        job_number text NOT NULL,
        status text NOT NULL CONSTRAINT jobs_status_known CHECK (status IN (
            'posted', 'unfilled', 'assigned', 'started', 'stated', 'disputed', 'completed', 'settled',
            'cancelled')),
        client_id uuid NOT NULL,
        postcode text NOT NULL,
        kind_of_work text NOT NULL,
        required_certifications jsonb NOT NULL,
        window_starts_at timestamptz NOT NULL,
        window_ends_at timestamptz NOT NULL,
        estimated_hours numeric(6, 2) NOT NULL,
        approves_itself_up_to_hours numeric(8, 4) NOT NULL,
        response_time text NOT NULL,
        insurance_sum_euros numeric(12, 2),
        highest_zone smallint NOT NULL,
        offer_policy text NOT NULL,
        rate_card_id uuid NOT NULL,
        rate_card_version integer NOT NULL,
        order_number text,
        cost_centre text,
        summary text NOT NULL,
        posted_at timestamptz NOT NULL,
        contractor_id uuid,
        travel_zone smallint,
        work_order text NOT NULL CONSTRAINT jobs_work_order_known CHECK (work_order IN (
            'none', 'released', 'missing_sealing_key')),
        statement_count smallint NOT NULL,
        started_at timestamptz,
        ended_at timestamptz,
        CONSTRAINT jobs_window_in_order CHECK (window_starts_at < window_ends_at),
        CONSTRAINT jobs_contractor_by_status CHECK ((contractor_id IS NOT NULL) = (status IN (
            'assigned', 'started', 'stated', 'disputed', 'completed', 'settled'))),
        CONSTRAINT jobs_zone_with_contractor CHECK ((contractor_id IS NULL) = (travel_zone IS NULL)),
        CONSTRAINT jobs_zone_agreed CHECK (travel_zone <= highest_zone OR travel_zone IS NULL),
        CONSTRAINT jobs_work_order_with_contractor CHECK ((work_order = 'none') = (contractor_id IS NULL)),
        CONSTRAINT jobs_ended_by_status CHECK ((ended_at IS NOT NULL) = (status IN (
            'completed', 'settled', 'cancelled')))
    )
    """,
    "CREATE INDEX jobs_by_client ON jobs (client_id)",
    "CREATE INDEX jobs_work_order_waiting ON jobs (contractor_id) WHERE work_order = 'missing_sealing_key'",
    """
    CREATE TABLE statements (
        job_id uuid NOT NULL CONSTRAINT statements_job REFERENCES jobs,
        version smallint NOT NULL,
        statement_id uuid NOT NULL,
        contractor_id uuid NOT NULL,
        hours numeric(6, 2) NOT NULL,
        travel_km integer NOT NULL,
        performed_from date NOT NULL,
        performed_to date NOT NULL,
        materials jsonb NOT NULL,
        proof_sha256 text,
        state text NOT NULL CONSTRAINT statements_state_known CHECK (state IN (
            'pending', 'disputed', 'approved', 'dropped')),
        approved_hours numeric(6, 2),
        approved_by text CONSTRAINT statements_approver_known CHECK (approved_by IN (
            'client', 'limits', 'distributor')),
        PRIMARY KEY (job_id, version),
        CONSTRAINT statements_id_once_per_job UNIQUE (job_id, statement_id),
        CONSTRAINT statements_days_in_order CHECK (performed_from <= performed_to),
        CONSTRAINT statements_approved_says_what CHECK (
            (state = 'approved') = (approved_hours IS NOT NULL)
            AND (state = 'approved') = (approved_by IS NOT NULL))
    )
    """,
    """
    CREATE UNIQUE INDEX statements_one_live_per_job ON statements (job_id)
        WHERE state IN ('pending', 'approved')
    """,
    """
    CREATE TABLE sealed_end_customers (
        job_id uuid PRIMARY KEY,
        ciphertext text NOT NULL CONSTRAINT sealed_end_customers_is_sealed CHECK (
            ciphertext LIKE 'eyJ%.%.%.%.%')
    )
    """,
)


def upgrade() -> None:
    """Create them."""
    for statement in STATEMENTS:
        op.execute(statement)
