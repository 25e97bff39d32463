"""The tables of this plugin. Times are Unix milliseconds (``…_ms``)."""

from sqlalchemy import BigInteger, Column, Index, MetaData, Table, Text

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
"""Who is signed in, by which key. *holder* is the same for every session that "sign out everywhere" ends.

*link_id*, *name* and *scopes* (comma-separated) are those of the link that the session was opened with, if it was.
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
"""Sign-in links that have not been used; *key_id* is the operator's who made it."""

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
"""Users of the identity provider, as at their last sign-in; *scopes* with commas between them. Operators have no company."""
