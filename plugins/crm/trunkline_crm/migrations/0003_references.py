"""Indexes along what clients refer to, so that an affiliate or an employee is removed without reading every client."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    for column in ("affiliate_id", "employee_id"):
        given = sa.text(f"{column} IS NOT NULL")
        op.create_index(
            f"ix_crm_clients_{column}",
            "crm_clients",
            [column],
            unique=False,
            sqlite_where=given,
            postgresql_where=given,
        )


def downgrade() -> None:
    op.drop_index("ix_crm_clients_employee_id", "crm_clients")
    op.drop_index("ix_crm_clients_affiliate_id", "crm_clients")
