"""Callers and their permissions: scopes, and the principal that an API key stands for."""

from collections.abc import Mapping
from dataclasses import dataclass, field

EVENTS_READ = "events:read"
EVENTS_WRITE = "events:write"
WEBHOOKS_READ = "webhooks:read"
WEBHOOKS_WRITE = "webhooks:write"
INTEGRATIONS_READ = "integrations:read"
INTEGRATIONS_WRITE = "integrations:write"
ADMIN = "admin"
OPERATOR = "operator"
APP = "app"
"""The kind of an app's connection."""

_MEANINGS: Mapping[str, str] = {
    EVENTS_READ: "Read events: poll the log, look one up, and see what became of it.",
    EVENTS_WRITE: "Send events, which are then delivered to every subscription that they match.",
    WEBHOOKS_READ: "See subscriptions of every channel, their delivery log and their replays, without changing anything.",
    WEBHOOKS_WRITE: "Manage subscriptions of every channel, their delivery log and their replays.",
    INTEGRATIONS_READ: "Search records, load the lists that forms offer, and download connectors.",
    INTEGRATIONS_WRITE: "Carry out actions: create and change records.",
    ADMIN: "Make, list and revoke API keys, emit example events, and do other administration.",
}
COMPANY_SCOPES = tuple(_MEANINGS)
"""The scopes of companies' keys."""
PLATFORM_SCOPES = (OPERATOR, EVENTS_WRITE)
"""The scopes of keys without a company, which have one of them: all permissions, or to emit events for every company."""

KINDS: Mapping[str, str] = {"key": "key", "con": APP, "usr": "person", "pusr": "person"}
"""The kinds of principals other than operators, by the prefix of the id."""


@dataclass(frozen=True, slots=True)
class Principal:
    """The principal of a request.

    *company_id* is None for an operator, who may do everything, and for a key that ``only_emits``. *key_id* is the id
    of the key or of another kind of principal; its prefix names the kind. *pins* are the versions of event types that
    were stored with the key. The key may be used only from *networks*; empty means from anywhere. The principal is
    valid until *expires_ms* at most. If a person signed in with a sign-in link, *link_id* is the id of the link, which
    was made with the key *key_id*.
    """

    key_id: str
    company_id: int | None
    name: str
    scopes: frozenset[str]
    pins: Mapping[str, int] = field(default_factory=dict[str, int], hash=False)
    networks: tuple[str, ...] = ()
    expires_ms: int | None = None
    link_id: str | None = None

    @property
    def kind(self) -> str:
        """``link``, ``operator``, ``key``, ``app``, ``person``, or ``token`` for other kinds, which plugins define."""
        if self.link_id is not None:
            return "link"
        return "operator" if self.is_operator else KINDS.get(self.key_id.partition("_")[0], "token")

    @property
    def id(self) -> str | None:
        """The id that a record stores in ``created_by`` if this principal makes it; None for the command line."""
        return self.link_id or self.key_id or None

    @property
    def is_operator(self) -> bool:
        """Whether the key is an operator's key."""
        return OPERATOR in self.scopes

    @property
    def only_emits(self) -> bool:
        """Whether the key may only emit events, for every company, and nothing else."""
        return self.company_id is None and OPERATOR not in self.scopes

    def has(self, scope: str) -> bool:
        """Return whether the key has the permission *scope*; a key that may change webhooks may also read them."""
        return (
            scope in self.scopes
            or OPERATOR in self.scopes
            or (scope == WEBHOOKS_READ and WEBHOOKS_WRITE in self.scopes)
        )


def show_maker(kind: str | None, identifier: str | None) -> dict[str, str | None] | None:
    """Return the maker of a record as JSON for an answer; None if the maker is unknown."""
    return None if kind is None else {"kind": kind, "id": identifier}


def describe_scope(scope: str) -> str:
    """Describe the permissions of *scope*, one of ``COMPANY_SCOPES``, in a sentence for the person who grants it."""
    return _MEANINGS[scope]
