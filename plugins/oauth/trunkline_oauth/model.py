"""The values that the plugin works with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from msgspec import Struct

DOCUMENT_PREFIX = "https://"
"""Prefix of the ids of apps that are addresses of documents (``client_documents``)."""
SELF_PREFIX = "self_"
"""Prefix of the ids of self-registered apps (``token_routes``)."""


@dataclass(frozen=True, slots=True)
class App:
    """An app; *created_ms* is None unless an operator has registered it.

    An app authenticates with its secret, with its previous secret until *old_secret_until_ms*, or with a signature by a
    key of *jwks* (JSON) or *jwks_uri*. A public app has none of these.
    """

    client_id: str
    name: str
    redirect_uris: tuple[str, ...]
    scopes: tuple[str, ...]
    secret_digest: str | None = field(default=None, repr=False)
    created_ms: int | None = None
    old_secret_digest: str | None = field(default=None, repr=False)
    old_secret_until_ms: int | None = None
    jwks: str | None = None
    jwks_uri: str | None = None

    @property
    def document_host(self) -> str | None:
        """The host of the document in which the app describes itself; None if the app was registered."""
        return urlsplit(self.client_id).hostname if self.client_id.startswith(DOCUMENT_PREFIX) else None

    @property
    def signs(self) -> bool:
        """Return True if the app authenticates by signing with its own key."""
        return self.jwks is not None or self.jwks_uri is not None

    @property
    def is_public(self) -> bool:
        """Return True if the app has neither a secret nor a key."""
        return self.secret_digest is None and not self.signs


@dataclass(frozen=True, slots=True)
class Consent:
    """The rights given to an app. *granted_by* is the id of the grantor's key, link or user; *granted_name* is its name.

    *resource* is the path below which tokens are valid; None means all paths. The consent ends when the principal
    *ends_with* ends; if *ends_with* is None, the consent belongs to the company. It also ends at *until_ms*, if given.
    *networks*, if any, are the only networks from which its tokens may be used.
    """

    client_id: str
    company_id: int
    scopes: tuple[str, ...]
    granted_by: str
    granted_name: str
    resource: str | None = None
    granted_by_kind: str | None = None
    ends_with: str | None = None
    networks: tuple[str, ...] = ()
    until_ms: int | None = None


class Code(Struct, frozen=True):
    """An authorization code. *redirect_uri* is the URI in the request; None if the app sent none."""

    digest: str
    consent: Consent
    challenge: str
    redirect_uri: str | None
    expires_ms: int
    connection_id: str | None = None


@dataclass(frozen=True, slots=True)
class Connection:
    """An app that is connected with a company. *salt* is used to compute refresh tokens.

    The connection ends at *ends_ms*. New tokens move *ends_ms* to a later time; the end of the connection's key may
    move it to an earlier one. A connection from an older version has no *ends_ms*, and ends when its last token
    expires.
    """

    id: str
    consent: Consent
    app_name: str
    salt: str = field(repr=False)
    pins: Mapping[str, int]
    created_ms: int
    ends_ms: int | None
    last_used_ms: int | None = None

    def is_over(self, now_ms: int) -> bool:
        """Return True if the connection has ended at *now_ms*."""
        return self.ends_ms is not None and self.ends_ms <= now_ms


class Ended(Struct, frozen=True):
    """The numbers of subscriptions and keys that ended with a connection."""

    subscriptions_disabled: int
    keys_revoked: int


class Token(Struct, frozen=True):
    """A stored token. *scopes* and *resource* are None if they equal the connection's."""

    digest: str
    connection_id: str
    kind: str
    created_ms: int
    expires_ms: int
    scopes: tuple[str, ...] | None = None
    replaced_ms: int | None = None
    resource: str | None = None


@dataclass(frozen=True, slots=True)
class Issued:
    """The tokens given to an app. Only this object has both tokens in plain text."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: int
    scopes: tuple[str, ...]
