"""An index of the subscriptions of a company that are not deleted: one that makes and deletes has many that are."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"

_LIVE = sa.text("status <> 'deleted'")


def upgrade() -> None:
    op.create_index(
        "ix_subscriptions_live",
        "subscriptions",
        ["company_id", "no"],
        unique=False,
        postgresql_where=_LIVE,
        sqlite_where=_LIVE,
    )


def downgrade() -> None:
    op.drop_index("ix_subscriptions_live", table_name="subscriptions")
