"""The tables of 0.1: statuses, employees, affiliates, clients and notes.

The revision replaces several older ones and has the number of the last of them, so a database that has all of the older
revisions is up to date.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    _create_affiliates()
    op.create_table(
        "crm_employees",
        sa.Column("id", _ID, sa.Identity(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("full_name", sa.Text(), nullable=False),
        sa.Column("name_key", _KEY, nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("email_key", _KEY, nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_crm_employees_name", "crm_employees", ["company_id", "name_key", "id"])
    op.create_table(
        "crm_statuses",
        sa.Column("company_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("status_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("company_id", "status_id"),
    )
    op.create_index("ix_crm_statuses_name", "crm_statuses", ["company_id", "name"], unique=True)
    _create_clients()
    op.create_table(
        "crm_notes",
        sa.Column("id", _ID, sa.Identity(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("note_type", sa.Text(), nullable=True),
        sa.Column("visibility", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["crm_clients.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_crm_notes_client", "crm_notes", ["client_id", "id"])
    op.create_index("ix_crm_notes_external", "crm_notes", ["company_id", "external_id"], unique=True)


def downgrade() -> None:
    for name in ("notes", "clients", "statuses", "employees", "affiliates"):
        op.drop_table(f"crm_{name}")


def _person() -> list[sa.Column[Any]]:
    return [
        sa.Column("first_name", sa.Text(), nullable=False),
        sa.Column("last_name", sa.Text(), nullable=False),
        sa.Column("name_key", _KEY, nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_key", _KEY, nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("phone_digits", sa.Text(), nullable=True),
    ]


def _create_affiliates() -> None:
    op.create_table(
        "crm_affiliates",
        sa.Column("id", _ID, sa.Identity(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        *_person(),
        sa.Column("affiliate_code", sa.Text(), nullable=True),
        sa.Column("commission_rate", sa.Text(), nullable=True),
        sa.Column("is_approved_affiliate", sa.Boolean(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_crm_affiliates_external", "crm_affiliates", ["company_id", "external_id"], unique=True
    )
    op.create_index("ix_crm_affiliates_name", "crm_affiliates", ["company_id", "name_key", "id"])
    op.create_index("ix_crm_affiliates_newest", "crm_affiliates", ["company_id", "id"])


def _create_clients() -> None:
    op.create_table(
        "crm_clients",
        sa.Column("id", _ID, sa.Identity(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("status_id", sa.BigInteger(), nullable=False),
        *_person(),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("zip", sa.Text(), nullable=True),
        sa.Column("package_keyword", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("employee_id", sa.BigInteger(), nullable=True),
        sa.Column("affiliate_id", sa.BigInteger(), nullable=True),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.Column("archived_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["affiliate_id"], ["crm_affiliates.id"]),
        sa.ForeignKeyConstraint(
            ["company_id", "status_id"], ["crm_statuses.company_id", "crm_statuses.status_id"]
        ),
        sa.ForeignKeyConstraint(["employee_id"], ["crm_employees.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_crm_clients_email", "crm_clients", ["company_id", "email_key", "id"])
    op.create_index("ix_crm_clients_name", "crm_clients", ["company_id", "name_key", "id"])
    op.create_index("ix_crm_clients_phone", "crm_clients", ["company_id", "phone_digits", "id"])
    present = sa.text("archived_ms IS NULL")
    op.create_index(
        "ix_crm_clients_external",
        "crm_clients",
        ["company_id", "external_id"],
        unique=True,
        sqlite_where=present,
        postgresql_where=present,
    )
    op.create_index("ix_crm_clients_newest", "crm_clients", ["company_id", "id"])
    for column in ("affiliate_id", "employee_id"):
        given = sa.text(f"{column} IS NOT NULL")
        op.create_index(
            f"ix_crm_clients_{column}", "crm_clients", [column], sqlite_where=given, postgresql_where=given
        )
