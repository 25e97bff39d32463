"""The ordering of subscriptions, and what keeps the deliveries of one key in their order."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_OPEN = "order_key IS NOT NULL AND status IN ('pending', 'held')"


def upgrade() -> None:
    op.add_column("subscriptions", sa.Column("ordering", sa.JSON(none_as_null=True)))
    op.add_column("deliveries", sa.Column("order_key", sa.BigInteger()))
    op.add_column("deliveries", sa.Column("order_shard", sa.SmallInteger()))
    op.add_column("deliveries", sa.Column("queued", sa.SmallInteger()))
    op.drop_index("ix_deliveries_stuck", table_name="deliveries")
    op.drop_index("ix_deliveries_due", table_name="deliveries")
    _index(
        "ix_deliveries_stuck",
        ["subscription_no", "status", "position"],
        "status IN ('exhausted', 'rejected', 'held') AND queued IS NULL",
    )
    _index("ix_deliveries_due", ["due_ms"], "due_ms IS NOT NULL AND order_shard IS NULL")
    _index("ix_deliveries_queue", ["subscription_no", "order_key", "position"], _OPEN)
    front = [
        "subscription_no",
        "order_key",
        "queued",
        "position",
    ]  # so that SQLite takes it, not the one above
    _index("ix_deliveries_front", front, f"{_OPEN} AND queued IS NULL")
    _index("ix_deliveries_turn", ["order_shard", "due_ms"], "order_shard IS NOT NULL AND due_ms IS NOT NULL")


def downgrade() -> None:
    op.execute("UPDATE deliveries SET status = 'pending', due_ms = 0 WHERE queued = 1 AND status = 'held'")
    for name in ("turn", "front", "queue", "due", "stuck"):
        op.drop_index(f"ix_deliveries_{name}", table_name="deliveries")
    _index("ix_deliveries_due", ["due_ms"], "due_ms IS NOT NULL")
    _index(
        "ix_deliveries_stuck",
        ["subscription_no", "status", "position"],
        "status IN ('exhausted', 'rejected', 'held')",
    )
    for name in ("queued", "order_shard", "order_key"):
        op.drop_column("deliveries", name)
    op.drop_column("subscriptions", "ordering")


def _index(name: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(
        name, "deliveries", columns, unique=False, postgresql_where=condition, sqlite_where=condition
    )
