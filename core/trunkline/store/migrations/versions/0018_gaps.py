"""Where a subscription that its holder renews has missed events for good, and the holder does not know yet."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.add_column("subscriptions", sa.Column("gap_position", sa.BigInteger()))


def downgrade() -> None:
    op.drop_column("subscriptions", "gap_position")
