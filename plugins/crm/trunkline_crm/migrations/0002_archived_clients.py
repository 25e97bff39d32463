"""Clients that are archived, and indexes for lists with the newest first."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_PRESENT = sa.text("archived_ms IS NULL")


def upgrade() -> None:
    op.add_column("crm_clients", sa.Column("archived_ms", sa.BigInteger(), nullable=True))
    op.drop_index("ix_crm_clients_external", "crm_clients")
    op.create_index(
        "ix_crm_clients_external",
        "crm_clients",
        ["company_id", "external_id"],
        unique=True,
        sqlite_where=_PRESENT,
        postgresql_where=_PRESENT,
    )
    op.create_index("ix_crm_clients_newest", "crm_clients", ["company_id", "id"], unique=False)
    op.create_index("ix_crm_affiliates_newest", "crm_affiliates", ["company_id", "id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_crm_affiliates_newest", "crm_affiliates")
    op.drop_index("ix_crm_clients_newest", "crm_clients")
    op.drop_index("ix_crm_clients_external", "crm_clients")
    op.execute(
        "UPDATE crm_clients SET external_id = NULL WHERE archived_ms IS NOT NULL"
    )  # it may be another's now
    op.create_index("ix_crm_clients_external", "crm_clients", ["company_id", "external_id"], unique=True)
    op.drop_column("crm_clients", "archived_ms")
