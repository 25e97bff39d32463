"""Subscriptions with an ordering of which a replay held keys back, which are still to have their turn."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.create_table(
        "unreleased",
        sa.Column("subscription_no", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("order_key", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("unreleased")
