"""What documents and taxes need of a partner."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("ALTER TABLE partners ADD COLUMN billing jsonb")
