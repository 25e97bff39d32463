"""The tables of this plugin. Times are Unix milliseconds (``…_ms``)."""

from typing import Any

from sqlalchemy import BigInteger, Column, Index, MetaData, RowMapping, Table, Text

metadata = MetaData()

sessions = Table(
    "portal_sessions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("key_id", Text, nullable=False),
    Column("holder", Text, nullable=False),
    Column("csrf", Text, nullable=False),
    Column("company_id", BigInteger),
    Column("link_id", Text),
    Column("name", Text),
    Column("scopes", Text),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Index("ix_portal_sessions_holder", "holder"),
    Index("ix_portal_sessions_expires", "expires_ms"),
)
"""Sessions, each with its key. *holder* is equal in all sessions that "sign out everywhere" ends.

*link_id*, *name* and *scopes* (comma-separated) belong to the link that opened the session, if any.
"""

links = Table(
    "portal_links",
    metadata,
    Column("id", Text, primary_key=True),
    Column("key_id", Text, nullable=False),
    Column("company_id", BigInteger, nullable=False),
    Column("name", Text),
    Column("scopes", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Index("ix_portal_links_expires", "expires_ms"),
)
"""Unused sign-in links; *key_id* is the key of the operator who made the link."""

users = Table(
    "portal_users",
    metadata,
    Column("id", Text, primary_key=True),
    Column("issuer", Text, nullable=False),
    Column("company_id", BigInteger),
    Column("name", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
    Index("ix_portal_users_company", "company_id"),
    Index("ix_portal_users_seen", "seen_ms"),
)
"""Users of the identity provider at their last sign-in; *scopes* are comma-separated. Operators have no company."""


def joined(values: dict[str, Any]) -> dict[str, Any]:
    """Write the scopes among *values* as a row has them."""
    return {**values, "scopes": ",".join(values["scopes"])}


def split(row: RowMapping) -> dict[str, Any]:
    """Read the scopes of *row*; the opposite of ``joined``."""
    return {**row, "scopes": tuple(filter(None, (row["scopes"] or "").split(",")))}
