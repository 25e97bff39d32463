"""The pace of subscriptions, and an index of what the holder of a shard claims of them."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_DUE = "order_shard IS NOT NULL AND due_ms IS NOT NULL"
_TURN = "order_shard IS NOT NULL AND order_key IS NOT NULL AND due_ms IS NOT NULL"
_PACED = "order_shard IS NOT NULL AND order_key IS NULL AND due_ms IS NOT NULL"


def upgrade() -> None:
    op.add_column("subscriptions", sa.Column("max_in_flight", sa.Integer()))
    op.add_column("subscriptions", sa.Column("rate", sa.String(40)))
    op.drop_index("ix_deliveries_turn", table_name="deliveries")
    _index("ix_deliveries_turn", ["order_shard", "due_ms"], _TURN)
    _index("ix_deliveries_paced", ["subscription_no", "due_ms"], _PACED)


def downgrade() -> None:
    op.execute("UPDATE deliveries SET order_shard = NULL WHERE order_key IS NULL")
    op.drop_index("ix_deliveries_paced", table_name="deliveries")
    op.drop_index("ix_deliveries_turn", table_name="deliveries")
    _index("ix_deliveries_turn", ["order_shard", "due_ms"], _DUE)
    op.drop_column("subscriptions", "rate")
    op.drop_column("subscriptions", "max_in_flight")


def _index(name: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(
        name, "deliveries", columns, unique=False, postgresql_where=condition, sqlite_where=condition
    )
