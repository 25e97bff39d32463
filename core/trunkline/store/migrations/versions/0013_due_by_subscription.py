"""An index of what is due by subscription, so that each has its turn however much is due of another."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_FREE = sa.text("due_ms IS NOT NULL AND order_shard IS NULL")


def upgrade() -> None:
    op.create_index(
        "ix_deliveries_free",
        "deliveries",
        ["subscription_no", "due_ms"],
        unique=False,
        postgresql_where=_FREE,
        sqlite_where=_FREE,
    )


def downgrade() -> None:
    op.drop_index("ix_deliveries_free", table_name="deliveries")
