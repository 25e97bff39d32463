"""Health of subscriptions, pending operational events, and the audit log."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"

_BOUNDS_MS = (10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 300_000)


def upgrade() -> None:
    op.add_column("subscriptions", sa.Column("failing_level", sa.SmallInteger()))
    op.add_column("subscriptions", sa.Column("told_ms", sa.BigInteger()))
    where = sa.text("failing_level IS NOT NULL")
    op.create_index(
        "ix_subscriptions_failing", "subscriptions", ["no"], sqlite_where=where, postgresql_where=where
    )
    op.create_table(
        "health_hours",
        sa.Column("subscription_no", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("hour", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        *(
            sa.Column(f"within_{bound}", sa.Integer(), nullable=False, server_default=sa.text("0"))
            for bound in _BOUNDS_MS
        ),
    )
    op.create_index("ix_health_hours_hour", "health_hours", ["hour"])
    op.create_table(
        "news",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("type", sa.String(40), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
    )
    op.create_index("ix_news_company", "news", ["company_id"])
    op.create_table(
        "gathered",
        sa.Column("type", sa.String(40), primary_key=True),
        sa.Column("company_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("subject", sa.String(200), primary_key=True),
        sa.Column("minute", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("first_position", sa.BigInteger()),
        sa.Column("last_position", sa.BigInteger()),
    )
    op.create_index("ix_gathered_company", "gathered", ["company_id"])
    op.create_table(
        "told",
        sa.Column("type", sa.String(40), primary_key=True),
        sa.Column("subject", sa.String(300), primary_key=True),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("told_ms", sa.BigInteger(), nullable=False),
    )
    op.create_index("ix_told_company", "told", ["company_id"])
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("company_id", sa.BigInteger()),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.String(60), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("from_address", sa.Text()),
        sa.Column("before", sa.Text()),
        sa.Column("after", sa.Text()),
        sa.Column("content", sa.LargeBinary(32), nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
    )
    for column in ("actor", "action", "target"):
        op.create_index(f"ix_audit_{column}", "audit", [column, "id"])
    op.create_index("ix_audit_company", "audit", ["company_id"])

    where = sa.text("expires_ms IS NOT NULL")
    op.create_index(
        "ix_api_keys_expiry", "api_keys", ["expires_ms"], sqlite_where=where, postgresql_where=where
    )


def downgrade() -> None:
    op.drop_index("ix_api_keys_expiry", "api_keys")
    for table in ("audit", "told", "gathered", "news", "health_hours"):
        op.drop_table(table)
    op.drop_index("ix_subscriptions_failing", "subscriptions")
    op.drop_column("subscriptions", "told_ms")
    op.drop_column("subscriptions", "failing_level")
