"""What is known of the database's clock, and how long each subscription has been failing by a clock that no step moves."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    op.create_table(
        "clock",
        sa.Column("id", sa.SmallInteger(), primary_key=True, autoincrement=False),
        sa.Column("now_ms", sa.BigInteger(), nullable=False),
        sa.Column("boot_id", sa.String(40), nullable=False),
        sa.Column("up_ms", sa.BigInteger(), nullable=False),
        sa.Column("step_ms", sa.BigInteger()),
        sa.Column("steady_ms", sa.BigInteger(), nullable=False),
    )
    op.add_column("subscriptions", sa.Column("failing_ms", sa.BigInteger()))
    op.add_column("subscriptions", sa.Column("failed_ms", sa.BigInteger()))


def downgrade() -> None:
    op.drop_column("subscriptions", "failed_ms")
    op.drop_column("subscriptions", "failing_ms")
    op.drop_table("clock")
