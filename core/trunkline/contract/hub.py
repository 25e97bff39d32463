"""The hub that a plugin runs in: its database, keys, tokens and deployment, its records of changes, and its metrics."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from pydantic import BaseModel
from sqlalchemy import BigInteger, Text, column, table

from trunkline.contract.connectors import Connector
from trunkline.model.company_rows import CompanyRows
from trunkline.model.principals import Principal
from trunkline.schemas.catalog import Json
from trunkline.schemas.products import Brand, Product

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class BearerRequest:
    """A call with *token* as ``Authorization: Bearer``; *method* and *path* identify the call."""

    token: str = field(repr=False)
    method: str
    path: str


class AccessTokens(Protocol):
    """Finds the principals of an issuer's access tokens."""

    @property
    def issuer(self) -> str:
        """The issuer's address, as in its tokens."""
        ...

    async def authenticate(self, token: str) -> Principal | None:
        """Find the principal of *token*; None if it is not a JSON Web Token.

        Raises:
            Unauthenticated: the token is not valid, is for another audience, or its user belongs to no company.
            Refused: the check is not possible now, or the company has used up its calls.
        """
        ...


@dataclass(frozen=True, slots=True)
class Migrations:
    """A plugin's migration history: *location* is a folder of alembic revisions, as ``f"{__name__}:FOLDER"``.

    The folder is in the named package, or, if the named module is a single file, next to the module. *of_companies*
    names the rows of companies in the plugin's tables, in the order of removal: rows that refer to others first.
    """

    location: str
    of_companies: tuple[CompanyRows, ...] = ()


class PluginDatabase(Protocol):
    """The hub's database, for a plugin's own tables; their names begin with the plugin's name."""

    def read(self) -> "AbstractAsyncContextManager[AsyncConnection]":
        """Return a connection for reading. Raises StoreUnavailable."""
        ...

    def write(self) -> "AbstractAsyncContextManager[AsyncConnection]":
        """Return a connection in a transaction that commits at the end. Raises StoreUnavailable."""
        ...


KEYS = table(
    "api_keys",
    column("id", Text()),
    column("revoked_ms", BigInteger()),
    column("expires_ms", BigInteger()),
)
"""The table of API keys, for joins in plugins' queries; read it only, never write it. Times are Unix milliseconds."""


class ApiKeys(Protocol):
    """API keys; views are JSON as in ``GET /api/v1/keys``, without secrets."""

    async def authenticate(self, api_key: str) -> Principal:
        """Find the principal of *api_key*.

        Raises:
            Unauthenticated: *api_key* is missing or malformed, or the key is unknown or was revoked.
            Forbidden: the key may only emit events for every company, and gives no other access.
        """
        ...

    async def principal(
        self, key_id: str, *, company_id: int | None = None, link_id: str | None = None
    ) -> Principal | None:
        """Find the principal of the key *key_id*; None if there is none or it was revoked.

        The lookup counts as a use of the key. Everything that the current call reads or changes afterwards is recorded
        as done by this principal. If a company's user has signed in with the link *link_id* of an operator's key, the
        reads and changes are recorded as those of *company_id*.
        """
        ...

    async def create(
        self,
        company_id: int | None,
        *,
        name: str,
        scopes: Sequence[str],
        expires_utc: str | None = None,
        networks: Sequence[str] = (),
    ) -> tuple[dict[str, Json], str]:
        """Make a company's key. Returns its view, and the key itself, which is never shown again.

        If *company_id* is None, the key is an operator's. Its *scopes* are then ``operator``, or ``events:write``
        alone; a key with ``events:write`` alone can only emit events, for every company. The key expires at
        *expires_utc*, and may be used only from *networks*. A missing value is taken from the caller's key.

        Raises:
            BodyInvalid: a scope is unknown or missing (``COMPANY_SCOPES``), or the terms are malformed or exceed the caller's.
            Forbidden: the caller is an app.
        """
        ...

    async def rotate(
        self, key_id: str, *, company_id: int | None, by: Principal, overlap_seconds: int
    ) -> tuple[dict[str, Json], str]:
        """Make a successor of the key *key_id* of a company (None: of any company).

        Both keys are valid for *overlap_seconds*.

        Raises:
            NotFound: there is no such valid key.
            Forbidden: the key has a scope that *by* lacks.
        """
        ...

    async def list(self, company_id: int | None) -> list[dict[str, Json]]:
        """List a company's keys (0: operators' keys, None: all keys), oldest first, including revoked ones."""
        ...

    async def revoke(self, key_id: str, *, company_id: int | None) -> None:
        """Revoke a key of a company (None: of any), at once and permanently. Raises NotFound."""
        ...

    async def describe_end(self, key_id: str) -> Sequence[str]:
        """List the objects of plugins that end when the key *key_id* is revoked, as sentences (the hook ``describe_end``)."""
        ...

    async def revoke_made_by(self, maker_id: str, *, company_id: int) -> int:
        """Revoke the keys that *maker_id* (``Principal.id``) made for a company; returns how many were valid."""
        ...


class CallLimits(Protocol):
    """The limits of calls per key and minute (settings ``limits``), for pages that act in a person's name."""

    async def count(self, holder: str, bucket: str, *, per_minute: int | None = None) -> None:
        """Count one call of *holder*, which is a key's id or a name of your own.

        *bucket* is ``read``, ``write`` or ``admin``, as for the same call over the API, or your own bucket with the limit
        *per_minute*.

        Raises:
            RateLimited: the minute's calls are used up, so do nothing. Its header ``Retry-After`` says when to try again.
        """
        ...


class ClientAddresses(Protocol):
    """The client addresses of requests; only addresses reported by trusted proxies count (``server.trusted_proxies``)."""

    def find(self, peer: str | None, forwarded_for: Sequence[str]) -> str:
        """Find the client's address of a request; for IPv6 the /64 network, as each site has a whole /64.

        *peer* is the other end of the connection, *forwarded_for* the request's headers ``X-Forwarded-For``.
        """
        ...

    def is_within(self, networks: Sequence[str], peer: str | None, forwarded_for: Sequence[str]) -> bool:
        """Check that a request comes from one of *networks* (``Principal.networks``); without networks any address is allowed."""
        ...


class Deployment(Protocol):
    """The deployment in which the plugin runs: its addresses, settings and state."""

    @property
    def public_url(self) -> str | None:
        """The public address of the hub (``server.public_url``), without a trailing slash."""
        ...

    def address(self, reached_at: str) -> str:
        """Return the hub's address for documents, without a trailing slash: ``public_url`` if it is set.

        Otherwise it is *reached_at*, the base URL of a request, if that names this machine, as in development, or else the
        address on which the hub listens.
        """
        ...

    @property
    def brand(self) -> Brand:
        """The product's name, color and logo."""
        ...

    @property
    def attempt_seconds(self) -> float:
        """The time limit of an attempt whose subscription sets none (``delivery.timeout_seconds``)."""
        ...

    @property
    def retries(self) -> int:
        """The number of retries of a delivery whose subscription sets none (``delivery.retry_schedule_seconds``)."""
        ...

    @property
    def retention_days(self) -> int:
        """How long the hub keeps events and their deliveries (``events.retention_days``)."""
        ...

    def aged_ms(self, now_ms: int) -> int:
        """Return the time (Unix ms) up to which expired rows may be removed at *now_ms*.

        It is 0 after the clock has stepped forward.
        """
        ...

    def access_tokens(self, *audiences: str, issuer: BaseModel | None = None) -> AccessTokens | None:
        """Return the checker of access tokens of the issuer in ``auth.oauth``; None if that setting names no issuer.

        Tokens may be for the API's audience, or for one of *audiences*. With *issuer*, a ``TokenIssuer`` of a plugin's
        settings, the checker is for tokens of *issuer* instead. Their audience is the one that *issuer* sets, or else the first
        of *audiences*. Raises ValueError if the issuer's URL cannot be called.
        """
        ...

    def plugins(self) -> list[dict[str, Json]]:
        """List every plugin that was found, as ``GET /api/v1/plugins`` shows it."""
        ...

    def channels(self) -> list[dict[str, Json]]:
        """List the channels that run, as in ``GET /api/v1/channels``, with the members of their targets."""
        ...

    async def readiness(self) -> dict[str, str]:
        """Show the state of each component: ``ok``, ``off``, or the fault (``GET /readyz``)."""
        ...

    async def status(self) -> dict[str, Json]:
        """Show the whole deployment, as ``trunkline status --json`` does. Raises StoreUnavailable."""
        ...

    def product(self) -> Product:
        """Return the product from which connectors are made: brand, address and catalogue."""
        ...

    def connectors(self) -> Sequence[Connector]:
        """List the connectors of plugins, by name."""
        ...

    async def look_up_issuer(self) -> None:
        """Read the sign-in endpoints for users of connectors, if ``auth.oauth`` names an issuer without its endpoints.

        Raises IssuerUnavailable: the issuer cannot be reached now.
        """
        ...

    def connector_files(self, name: str) -> Mapping[str, bytes]:
        """Make a connector's files, keyed by their paths.

        Raises:
            NotFound: there is no such connector.
            PluginFailed: its generator failed.
            Conflict: the platform cannot represent the product.
            Refused: the files need an issuer's endpoints, which are unknown.
        """
        ...


class Sealer(Protocol):
    """Makes text for cookies and links; only this hub can read the text, and nobody can alter it.

    Each plugin has a separate sealer.
    """

    def seal(self, data: bytes, *, purpose: str) -> str:
        """Encrypt *data* as text that is safe in a URL; it can be decrypted only with the same *purpose*."""
        ...

    def unseal(self, sealed: str, *, purpose: str) -> bytes:
        """Decrypt the output of ``seal``.

        Raises ValueError: *sealed* has another purpose, comes from another hub or plugin, or was altered.
        """
        ...


class Clock(Protocol):
    """The clock of a plugin."""

    def now_ms(self) -> int:
        """Unix time in milliseconds."""
        ...


class Journal(Protocol):
    """Records changes, and lists earlier ones."""

    async def tell(
        self, connection: "AsyncConnection", event_type: str, *, company_id: int, facts: Mapping[str, Json]
    ) -> None:
        """Emit an operational event about a company, with *facts* in its payload, if the transaction of *connection* commits."""
        ...

    def note(
        self,
        action: str,
        target: str,
        *,
        company_id: int | None,
        before: Mapping[str, Json] | None = None,
        after: Mapping[str, Json] | None = None,
    ) -> None:
        """Record a change of *target* in the audit log, if the task's current transaction commits; nothing is recorded
        outside a transaction.

        *action* is a noun and a verb (``app.changed``). Members whose names mark them as secret are masked.
        """
        ...

    async def page(
        self,
        company_id: int | None,
        *,
        actor: str | None = None,
        action: str | None = None,
        target: str | None = None,
        request_id: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> dict[str, Json]:
        """List the changes of a company (None: of all companies), newest first, as ``GET /api/v1/audit`` does.

        Raises BadCursor.
        """
        ...


class PluginCounter(Protocol):
    """Counts how often something happens."""

    def count(self, *labels: str, by: int = 1) -> None:
        """Add *by* to the counter, under the metric's label values."""
        ...


class PluginDurations(Protocol):
    """Measures durations, as a histogram of seconds."""

    def observe(self, seconds: float, *labels: str) -> None:
        """Add a duration of *seconds*, under the metric's label values."""
        ...


class PluginMetrics(Protocol):
    """Adds metrics to ``GET /metrics``, named ``trunkline_{plugin}_{name}``; values of several processes are added up.

    Make each metric once, during setup. A metric has up to 500 combinations of label values; further ones are counted
    with ``other`` for every label, so that input from strangers cannot fill the memory.

    Raises:
        ValueError: the name or a label has characters other than lower-case letters, digits and ``_``, or the metric exists with
            other labels or of another kind.
    """

    def counter(self, name: str, documentation: str, *labels: str) -> PluginCounter:
        """Add a counter; ``_total`` is appended to its name."""
        ...

    def durations(self, name: str, documentation: str, *labels: str) -> PluginDurations:
        """Add a histogram of seconds."""
        ...
