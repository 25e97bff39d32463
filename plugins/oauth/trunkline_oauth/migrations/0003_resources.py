"""The resource of a code, of a connection and of a token."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

TABLES = ("oauth_codes", "oauth_connections", "oauth_tokens")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("resource", sa.Text(), nullable=True))


def downgrade() -> None:
    for table in TABLES:
        op.drop_column(table, "resource")
