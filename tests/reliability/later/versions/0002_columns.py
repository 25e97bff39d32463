"""New columns in the most written tables, a changed index, and a new one."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_STUCK = sa.text("status IN ('exhausted', 'rejected', 'held') AND queued IS NULL")
_STUCK_COLUMNS = ["subscription_no", "status", "position", "later"]


def upgrade() -> None:
    op.add_column("events", sa.Column("later", sa.SmallInteger()))
    op.add_column("deliveries", sa.Column("later", sa.SmallInteger()))
    op.add_column("deliveries", sa.Column("later_too", sa.String(20), server_default="something"))
    op.drop_index("ix_deliveries_stuck", table_name="deliveries")
    op.create_index(
        "ix_deliveries_stuck",
        "deliveries",
        _STUCK_COLUMNS,
        unique=False,
        postgresql_where=_STUCK,
        sqlite_where=_STUCK,
    )
    op.create_index("ix_deliveries_later", "deliveries", ["later_too", "position"], unique=False)


def downgrade() -> None:
    raise NotImplementedError
