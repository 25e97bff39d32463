"""The index of the deliveries that somebody has to see to."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_STUCK = sa.text("status IN ('exhausted', 'rejected', 'held')")


def upgrade() -> None:
    op.create_index(
        "ix_deliveries_stuck",
        "deliveries",
        ["subscription_no", "status", "position"],
        unique=False,
        postgresql_where=_STUCK,
        sqlite_where=_STUCK,
    )


def downgrade() -> None:
    op.drop_index("ix_deliveries_stuck", table_name="deliveries")
