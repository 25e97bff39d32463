"""The tables of 0.1: calls of tools, and users of an issuer, who may hold subscriptions.

The revision replaces several older ones and has the number of the last, so a database with all of them is up to date.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "mcp_calls",
        sa.Column("no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("key_name", sa.Text(), nullable=False),
        sa.Column("tool", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("duration_us", sa.BigInteger(), nullable=False),
        sa.Column("called_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("no"),
    )
    op.create_index("ix_mcp_calls_company", "mcp_calls", ["company_id", "no"], unique=False)
    op.create_index("ix_mcp_calls_called", "mcp_calls", ["called_ms"], unique=False)
    op.create_table(
        "mcp_users",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_mcp_users_seen", "mcp_users", ["seen_ms"], unique=False)
    op.create_index("ix_mcp_users_company", "mcp_users", ["company_id"], unique=False)


def downgrade() -> None:
    op.drop_table("mcp_users")
    op.drop_table("mcp_calls")
