"""Events that wait because their payload breaks its schema, and the answers that were given for them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_WAITING = sa.text("position IS NULL")
_INDEXES = {
    "ix_quarantine_waiting": ["no"],
    "ix_quarantine_company": ["company_id", "no"],
    "ix_quarantine_type": ["type", "no"],
}


def upgrade() -> None:
    op.create_table(
        "quarantine",
        sa.Column(
            "no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(length=200), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("created_utc", sa.String(length=40), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("metadata", sa.LargeBinary(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=True),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("no"),
        sa.UniqueConstraint("id"),
    )
    for name, columns in _INDEXES.items():
        op.create_index(
            name, "quarantine", columns, unique=False, postgresql_where=_WAITING, sqlite_where=_WAITING
        )
    op.create_index("ix_quarantine_received", "quarantine", ["received_ms"], unique=False)
    op.create_table(
        "quarantine_answers",
        sa.Column("namespace", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("namespace", "key"),
    )
    op.create_index("ix_quarantine_answers_created", "quarantine_answers", ["created_ms"], unique=False)


def downgrade() -> None:
    op.drop_table("quarantine_answers")
    op.drop_table("quarantine")
