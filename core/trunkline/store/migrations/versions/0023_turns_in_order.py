"""An index of what is in an order by subscription and time, so that each subscription has its turn."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"

_ORDERED = sa.text("order_shard IS NOT NULL AND order_key IS NOT NULL AND due_ms IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "ix_deliveries_ordered",
        "deliveries",
        ["subscription_no", "due_ms"],
        unique=False,
        postgresql_where=_ORDERED,
        sqlite_where=_ORDERED,
    )


def downgrade() -> None:
    op.drop_index("ix_deliveries_ordered", table_name="deliveries")
