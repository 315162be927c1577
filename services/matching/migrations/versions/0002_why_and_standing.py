"""Several offers at once, jobs on hold, what every decision hung on, and what partners have done so far."""

from alembic import op

revision = "0002"
down_revision = "0001"

STATEMENTS = (
    "ALTER TABLE assignment ADD COLUMN also_asked jsonb",
    "ALTER TABLE assignment DROP CONSTRAINT assignment_phase_known",
    """
    ALTER TABLE assignment ADD CONSTRAINT assignment_phase_known CHECK (phase IN
        ('searching','offered','awarding','assigned','started','completed','unfilled','held','cancelled'))
    """,
    "ALTER TABLE assignment DROP CONSTRAINT assignment_open_reserves_nothing",
    """
    ALTER TABLE assignment ADD CONSTRAINT assignment_open_reserves_nothing CHECK (
        phase NOT IN ('searching', 'offered', 'awarding', 'unfilled', 'held', 'cancelled')
        OR reserved_minutes = 0)
    """,
    """
    CREATE INDEX assignment_by_also_asked ON assignment USING gin (also_asked) WHERE also_asked IS NOT NULL
    """,
    # one offer became a list of offers; candidates are told anew at the next round
    """
    UPDATE assignment SET document = ((document::jsonb - 'offer' - 'candidates') || jsonb_build_object(
        'offers', CASE WHEN document::jsonb -> 'offer' = 'null'::jsonb THEN '[]'::jsonb
            ELSE jsonb_build_array(document::jsonb -> 'offer') END))::text
    """,
    """
    CREATE TABLE contractor_version (
        partner_id uuid NOT NULL,
        version integer NOT NULL,
        document text NOT NULL CHECK (document IS JSON OBJECT),
        PRIMARY KEY (partner_id, version)
    )
    """,
    "INSERT INTO contractor_version SELECT partner_id, version, document FROM contractor",
    """
    CREATE TABLE ranking (
        job_id uuid NOT NULL,
        round integer NOT NULL,
        document text NOT NULL CHECK (document IS JSON OBJECT),
        PRIMARY KEY (job_id, round)
    )
    """,
    """
    CREATE TABLE deed (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        partner_id uuid NOT NULL,
        job_id uuid NOT NULL,
        kind text NOT NULL CHECK (kind IN ('accepted', 'passed', 'lost', 'rated', 'given', 'taken')),
        amount integer NOT NULL,
        at timestamptz NOT NULL,
        counted boolean NOT NULL,
        CONSTRAINT deed_amount_not_negative CHECK (amount >= 0)
    ) WITH (fillfactor = 90)
    """,
    "CREATE INDEX deed_to_be_counted ON deed (partner_id) WHERE NOT counted",
    """
    CREATE TABLE standing (
        partner_id uuid PRIMARY KEY,
        asked integer NOT NULL,
        kept integer NOT NULL,
        ratings integer NOT NULL,
        stars integer NOT NULL,
        given_minutes integer NOT NULL,
        taken_minutes integer NOT NULL,
        CONSTRAINT standing_kept_of_asked CHECK (kept BETWEEN 0 AND asked)
    )
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
