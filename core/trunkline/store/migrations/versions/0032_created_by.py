"""The maker of a key or a subscription."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    for table in ("api_keys", "subscriptions"):
        op.add_column(table, sa.Column("created_by", sa.Text()))
        op.add_column(table, sa.Column("created_by_kind", sa.String(20)))


def downgrade() -> None:
    for table in ("subscriptions", "api_keys"):
        op.drop_column(table, "created_by_kind")
        op.drop_column(table, "created_by")
