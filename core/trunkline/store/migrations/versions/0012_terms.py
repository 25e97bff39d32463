"""The terms of subscriptions that their holders renew, and an index of what is open of a subscription."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("subscriptions", sa.Column("name", sa.String(100)))
    op.add_column("subscriptions", sa.Column("holder", sa.Text()))
    op.add_column("subscriptions", sa.Column("notes", sa.JSON(none_as_null=True)))
    op.add_column("subscriptions", sa.Column("expires_ms", sa.BigInteger()))
    _index("ix_subscriptions_name", "subscriptions", ["company_id", "name"], "name IS NOT NULL")
    _index(
        "ix_subscriptions_expiry",
        "subscriptions",
        ["expires_ms"],
        "expires_ms IS NOT NULL AND status = 'active'",
    )
    _index(
        "ix_deliveries_open", "deliveries", ["subscription_no", "position"], "status IN ('pending', 'held')"
    )


def downgrade() -> None:
    op.drop_index("ix_deliveries_open", table_name="deliveries")
    op.drop_index("ix_subscriptions_expiry", table_name="subscriptions")
    op.drop_index("ix_subscriptions_name", table_name="subscriptions")
    for name in ("expires_ms", "notes", "holder", "name"):
        op.drop_column("subscriptions", name)


def _index(name: str, table: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=False, postgresql_where=condition, sqlite_where=condition)
