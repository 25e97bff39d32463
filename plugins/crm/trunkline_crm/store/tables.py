"""The tables of this plugin. Ids are global; every row belongs to a company. Times are Unix milliseconds (``…_ms``).

A column ``x_key`` has the value of ``x`` for comparisons: trimmed, in lower case, and ordered by code point on both databases.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    text,
)

metadata = MetaData()

_Id = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows only in a column of type INTEGER
_Key = Text().with_variant(Text(collation="C"), "postgresql")


def _person() -> list[Column[Any]]:
    return [
        Column("first_name", Text, nullable=False),
        Column("last_name", Text, nullable=False),
        Column("name_key", _Key, nullable=False),
        Column("email", Text, nullable=False),
        Column("email_key", _Key, nullable=False),
        Column("phone", Text),
        Column("phone_digits", Text),
    ]


statuses = Table(
    "crm_statuses",
    metadata,
    Column("company_id", BigInteger, primary_key=True, autoincrement=False),
    Column("status_id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Index("ix_crm_statuses_name", "company_id", "name", unique=True),
)

employees = Table(
    "crm_employees",
    metadata,
    Column("id", _Id, Identity(), primary_key=True),
    Column("company_id", BigInteger, nullable=False),
    Column("full_name", Text, nullable=False),
    Column("name_key", _Key, nullable=False),
    Column("email", Text),
    Column("email_key", _Key),
    Column("created_ms", BigInteger, nullable=False),
    Index("ix_crm_employees_name", "company_id", "name_key", "id"),
)

affiliates = Table(
    "crm_affiliates",
    metadata,
    Column("id", _Id, Identity(), primary_key=True),
    Column("company_id", BigInteger, nullable=False),
    *_person(),
    Column("affiliate_code", Text),
    Column("commission_rate", Text),
    Column("is_approved_affiliate", Boolean, nullable=False),
    Column("external_id", Text),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Index("ix_crm_affiliates_external", "company_id", "external_id", unique=True),
    Index("ix_crm_affiliates_name", "company_id", "name_key", "id"),
    Index("ix_crm_affiliates_newest", "company_id", "id"),
)
"""*commission_rate* is text: a database number would lose digits (SQLite) or the scale."""

clients = Table(
    "crm_clients",
    metadata,
    Column("id", _Id, Identity(), primary_key=True),
    Column("company_id", BigInteger, nullable=False),
    Column("status_id", BigInteger, nullable=False),
    *_person(),
    Column("city", Text),
    Column("state", Text),
    Column("zip", Text),
    Column("package_keyword", Text),
    Column("source", Text),
    Column("employee_id", BigInteger, ForeignKey("crm_employees.id")),
    Column("affiliate_id", BigInteger, ForeignKey("crm_affiliates.id")),
    Column("external_id", Text),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("archived_ms", BigInteger),
    ForeignKeyConstraint(["company_id", "status_id"], ["crm_statuses.company_id", "crm_statuses.status_id"]),
    Index(
        "ix_crm_clients_external",
        "company_id",
        "external_id",
        unique=True,
        sqlite_where=text("archived_ms IS NULL"),
        postgresql_where=text("archived_ms IS NULL"),
    ),
    Index("ix_crm_clients_newest", "company_id", "id"),
    Index("ix_crm_clients_email", "company_id", "email_key", "id"),
    Index("ix_crm_clients_phone", "company_id", "phone_digits", "id"),
    *(
        Index(
            f"ix_crm_clients_{column}",
            column,
            sqlite_where=text(f"{column} IS NOT NULL"),
            postgresql_where=text(f"{column} IS NOT NULL"),
        )
        for column in ("affiliate_id", "employee_id")
    ),
    Index("ix_crm_clients_name", "company_id", "name_key", "id"),
)
"""Leads and clients: one kind of record, whose status shows which of the two it is. Calls ignore archived records."""

notes = Table(
    "crm_notes",
    metadata,
    Column("id", _Id, Identity(), primary_key=True),
    Column("company_id", BigInteger, nullable=False),
    Column("client_id", BigInteger, ForeignKey("crm_clients.id"), nullable=False),
    Column("text", Text, nullable=False),
    Column("note_type", Text),
    Column("visibility", Text, nullable=False),
    Column("external_id", Text),
    Column("created_ms", BigInteger, nullable=False),
    Index("ix_crm_notes_client", "client_id", "id"),
    Index("ix_crm_notes_external", "company_id", "external_id", unique=True),
)
