"""The tables of this plugin. Times are Unix milliseconds (``…_ms``); of secrets only the SHA-256 is stored (``digest``)."""

from typing import Any

from sqlalchemy import BigInteger, Column, Index, MetaData, Table, Text

metadata = MetaData()


def _terms() -> tuple[Column[Any], ...]:
    return (
        Column("granted_by_kind", Text),
        Column("ends_with", Text),
        Column("networks", Text),
        Column("until_ms", BigInteger),
    )


apps = Table(
    "oauth_apps",
    metadata,
    Column("client_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("redirect_uris", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("secret_digest", Text),
    Column("created_ms", BigInteger, nullable=False),
    Column("old_secret_digest", Text),
    Column("old_secret_until_ms", BigInteger),
    Column("jwks", Text),
    Column("jwks_uri", Text),
)
"""Apps that an operator has registered. *redirect_uris* and *jwks* are JSON; *scopes*, here and below, are separated by spaces.

The secret that was replaced by the last rotation is valid until *old_secret_until_ms*. An app with *jwks*, or a
*jwks_uri*, has no secret.
"""

assertions = Table(
    "oauth_assertions",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("expires_ms", BigInteger, nullable=False),
    Index("ix_oauth_assertions_expires", "expires_ms"),
)
"""Client assertions that were used, by app and ``jti``, until they expire."""

codes = Table(
    "oauth_codes",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("client_id", Text, nullable=False),
    Column("company_id", BigInteger, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("redirect_uri", Text),
    Column("challenge", Text, nullable=False),
    Column("granted_by", Text, nullable=False),
    Column("granted_name", Text, nullable=False),
    Column("connection_id", Text),
    Column("expires_ms", BigInteger, nullable=False),
    Column("resource", Text),
    *_terms(),
    Index("ix_oauth_codes_company", "company_id"),
    Index("ix_oauth_codes_expires", "expires_ms"),
)
"""Authorization codes. *redirect_uri* is the URI in the request, if any; *connection_id* is set when a code is used.

*resource*, here and below, is the path below which tokens are valid (RFC 8707); null means all paths.
"""

connections = Table(
    "oauth_connections",
    metadata,
    Column("id", Text, primary_key=True),
    Column("client_id", Text, nullable=False),
    Column("company_id", BigInteger, nullable=False),
    Column("app_name", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("pins", Text, nullable=False),
    Column("salt", Text, nullable=False),
    Column("granted_by", Text, nullable=False),
    Column("granted_name", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("last_used_ms", BigInteger),
    Column("resource", Text),
    *_terms(),
    Column("expires_ms", BigInteger),
    Column("ended_ms", BigInteger),
    Index("ix_oauth_connections_company", "company_id"),
    Index("ix_oauth_connections_client", "client_id"),
)
"""Apps that are connected with a company. A row is removed, with its tokens, after the connection has ended.

*pins* are JSON: the versions of event types when the connection was made. Each refresh token except the first is
computed with *salt*. A connection ends at *expires_ms* unless it is used earlier. *ended_ms* marks an ended connection,
whose subscriptions and keys are about to end. ``model.Consent`` explains the columns from ``_terms``, here and in
codes; older rows have none.
"""

tokens = Table(
    "oauth_tokens",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("connection_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("scopes", Text),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("replaced_ms", BigInteger),
    Column("resource", Text),
    Index("ix_oauth_tokens_connection", "connection_id", "kind", "created_ms"),
)
"""Tokens of connections. *kind* is ``access`` or ``refresh``; *scopes* are set if they are fewer than the connection's;
*replaced_ms* is when a refresh token was used.
"""
