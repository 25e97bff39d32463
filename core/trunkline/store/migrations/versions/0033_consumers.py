"""Named consumers."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    op.create_table(
        "consumers",
        sa.Column(
            "no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True
        ),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("event_types", sa.Text(), nullable=False),
        sa.Column("filter", sa.Text()),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("cursor", sa.BigInteger(), nullable=False),
        sa.Column("leases", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.Column("committed_ms", sa.BigInteger()),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_consumers_name", "consumers", ["company_id", "name"], unique=True)
    op.create_index("ix_consumers_cursor", "consumers", ["cursor"])


def downgrade() -> None:
    op.drop_table("consumers")
