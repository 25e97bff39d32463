"""How long a target asked to wait before a retry, if that was more than planned."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    op.add_column("attempts", sa.Column("retry_after_ms", sa.BigInteger()))


def downgrade() -> None:
    op.drop_column("attempts", "retry_after_ms")
