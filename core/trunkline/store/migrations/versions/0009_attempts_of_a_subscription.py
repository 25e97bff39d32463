"""The time limit of a subscription's attempts, and when it has failed ones made again."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("subscriptions", sa.Column("timeout_seconds", sa.Float()))
    op.add_column("subscriptions", sa.Column("retry", sa.JSON(none_as_null=True)))


def downgrade() -> None:
    op.drop_column("subscriptions", "retry")
    op.drop_column("subscriptions", "timeout_seconds")
