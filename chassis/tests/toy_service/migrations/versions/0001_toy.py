from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("CREATE TABLE accounts (id text PRIMARY KEY, total integer NOT NULL, seen jsonb NOT NULL)")
    op.execute("CREATE TABLE partners (id text PRIMARY KEY, version bigint NOT NULL)")
