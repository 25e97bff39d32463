"""With whom a connection ends, and when."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    for table in ("oauth_codes", "oauth_connections"):
        op.add_column(table, sa.Column("granted_by_kind", sa.Text()))
        op.add_column(table, sa.Column("ends_with", sa.Text()))
        op.add_column(table, sa.Column("networks", sa.Text()))
        op.add_column(table, sa.Column("until_ms", sa.BigInteger()))
    op.add_column("oauth_connections", sa.Column("expires_ms", sa.BigInteger()))
    op.add_column("oauth_connections", sa.Column("ended_ms", sa.BigInteger()))


def downgrade() -> None:
    op.drop_column("oauth_connections", "ended_ms")
    op.drop_column("oauth_connections", "expires_ms")
    for table in ("oauth_connections", "oauth_codes"):
        for column in ("until_ms", "networks", "ends_with", "granted_by_kind"):
            op.drop_column(table, column)
