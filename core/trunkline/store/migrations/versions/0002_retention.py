"""How far the log has been cleared."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    table = op.create_table(
        "retention",
        sa.Column("id", sa.SmallInteger(), nullable=False),
        sa.Column("edge", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.bulk_insert(table, [{"id": 1, "edge": 0}])


def downgrade() -> None:
    op.drop_table("retention")
