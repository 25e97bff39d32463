"""What may be shown of a subscription's target, where its channel declares its targets."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("subscriptions", sa.Column("target", sa.JSON()))


def downgrade() -> None:
    op.drop_column("subscriptions", "target")
