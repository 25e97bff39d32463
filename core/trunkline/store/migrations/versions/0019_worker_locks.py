"""The number of the lock by which others see that the process of a worker lives."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.add_column("workers", sa.Column("lock_no", sa.BigInteger()))


def downgrade() -> None:
    op.drop_column("workers", "lock_no")
