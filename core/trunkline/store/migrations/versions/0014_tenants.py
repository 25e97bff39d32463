"""Companies as records: a reference, a name and more beside their limits; and their erasure, which removes all of one."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

_OPEN = sa.text("completed_ms IS NULL")
_RELEASED = sa.text("position IS NOT NULL")
_COLUMNS = {
    "reference": sa.String(128),
    "name": sa.Text(),
    "time_zone": sa.String(64),
    "metadata": sa.Text(),
    "alert_recipients": sa.Text(),
    "erasure": sa.String(40),
}


def upgrade() -> None:
    for name, kind in _COLUMNS.items():
        op.add_column("companies", sa.Column(name, kind))
    op.create_index("ix_companies_reference", "companies", ["reference"], unique=True)
    op.add_column(
        "stream_head",
        sa.Column("companies_version", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
    )
    op.create_table(
        "erasures",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("removed", sa.Text(), nullable=False),
        sa.Column("holder", sa.String(40)),
        sa.Column("lease_until_ms", sa.BigInteger()),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.Column("completed_ms", sa.BigInteger()),
    )
    op.create_index("ix_erasures_company", "erasures", ["company_id"], unique=False)
    op.create_index(
        "ix_erasures_open",
        "erasures",
        ["created_ms"],
        unique=False,
        postgresql_where=_OPEN,
        sqlite_where=_OPEN,
    )
    op.create_index(
        "ix_quarantine_released",
        "quarantine",
        ["company_id"],
        unique=False,
        postgresql_where=_RELEASED,
        sqlite_where=_RELEASED,
    )


def downgrade() -> None:
    op.drop_index("ix_quarantine_released", table_name="quarantine")
    op.drop_table("erasures")
    op.drop_column("stream_head", "companies_version")
    op.drop_index("ix_companies_reference", table_name="companies")
    for name in reversed(_COLUMNS):
        op.drop_column("companies", name)
