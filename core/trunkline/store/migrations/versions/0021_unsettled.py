"""Subscriptions that were paused, resumed, disabled or deleted, and have open deliveries to which that is still to be told."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.create_table(
        "unsettled",
        sa.Column("subscription_no", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("change", sa.String(8), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("unsettled")
