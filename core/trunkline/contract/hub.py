"""The hub that a plugin runs in: its database, its keys, its deployment."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from pydantic import BaseModel
from sqlalchemy import BigInteger, Text, column, table
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.contract.connectors import Connector
from trunkline.contract.tokens import AccessTokens
from trunkline.model.company_rows import CompanyRows
from trunkline.model.principals import Principal
from trunkline.schemas.catalog import Json
from trunkline.schemas.products import Brand, Product


@dataclass(frozen=True, slots=True)
class Migrations:
    """A plugin's own migration history: *location* is a folder of alembic revisions: ``f"{__name__}:FOLDER"``.

    The folder is in the package that is named, or beside a module that is one file.

    *of_companies* names what companies have in its tables, in the order in which it may be removed: what refers to others first.
    """

    location: str
    of_companies: tuple[CompanyRows, ...] = ()


class PluginDatabase(Protocol):
    """The hub's database, for a plugin's own tables; their names begin with the plugin's."""

    def read(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Lend a connection for reading. Raises StoreUnavailable."""
        ...

    def write(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Lend a connection in a transaction that commits at the end. Raises StoreUnavailable."""
        ...


KEYS = table(
    "api_keys",
    column("id", Text()),
    column("revoked_ms", BigInteger()),
    column("expires_ms", BigInteger()),
)
"""API keys as rows, for joins of plugins with what ends with a key: read alone, never written. Times are Unix milliseconds."""


class ApiKeys(Protocol):
    """API keys; the views are JSON as ``GET /api/v1/keys`` shows it, without any secret."""

    async def authenticate(self, api_key: str) -> Principal:
        """Tell whose key *api_key* is.

        Raises:
            Unauthenticated: it is missing or malformed, or the key is unknown or was revoked.
            Forbidden: it only emits events, for every company, and lets nobody in.
        """
        ...

    async def principal(
        self, key_id: str, *, company_id: int | None = None, link_id: str | None = None
    ) -> Principal | None:
        """Tell who the key *key_id* stands for now; None where there is none or it was revoked. That counts as using it.

        What the call reads and makes from then on counts as its own, and as that of *company_id* where an operator's key has
        let somebody of that company in, by the link *link_id*.
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
        """Make a company's key and show it; beside it the key itself, for the only time.

        For None it is the platform's own: *scopes* are ``operator``, or ``events:write`` alone, which emits events of every
        company and does nothing else. It ends at *expires_utc*, if that is given, and may be used from *networks* alone, if any are.
        A value that is not given is the caller's own.

        Raises:
            BodyInvalid: a scope is unknown, or none is given (``COMPANY_SCOPES``); or the terms cannot be read, or exceed the caller's.
            Forbidden: the caller is an app.
        """
        ...

    async def rotate(
        self, key_id: str, *, company_id: int | None, by: Principal, overlap_seconds: int
    ) -> tuple[dict[str, Json], str]:
        """Make the successor of a company's key, or of anyone's for None; both are valid for *overlap_seconds*.

        Raises:
            NotFound: there is no such key that is valid.
            Forbidden: it has a scope that *by* lacks.
        """
        ...

    async def list(self, company_id: int | None) -> list[dict[str, Json]]:
        """List a company's keys, operators' for 0, everybody's for None; oldest first, revoked ones included."""
        ...

    async def revoke(self, key_id: str, *, company_id: int | None) -> None:
        """Revoke a key of a company, or of anyone for None, at once and for good. Raises NotFound."""
        ...

    async def describe_end(self, key_id: str) -> Sequence[str]:
        """Say what of plugins ends with the key *key_id*: sentences (the hook ``describe_end``)."""
        ...

    async def revoke_made_by(self, maker_id: str, *, company_id: int) -> int:
        """Revoke the keys that *maker_id* (``Principal.id``) made for a company; returns how many were valid."""
        ...


class CallLimits(Protocol):
    """The limits of calls by key and minute (settings ``limits``), for what pages of a plugin do in somebody's name."""

    async def count(self, holder: str, bucket: str, *, per_minute: int | None = None) -> None:
        """Count one call of *holder*, a key's id or a name of your own.

        *bucket* is ``read``, ``write`` or ``admin``, as the same call over the API counts, or your own with *per_minute*.

        Raises:
            RateLimited: the minute is used up; nothing should be done. Its header ``Retry-After`` says when to try again.
        """
        ...


class ClientAddresses(Protocol):
    """Where requests come from, as far as the proxies in front can be believed (``server.trusted_proxies``)."""

    def find(self, peer: str | None, forwarded_for: Sequence[str]) -> str:
        """Tell the address of whoever sent a request: of IPv6 the network of 64 bits, as everybody has a whole one.

        *peer* is the other end of the connection, *forwarded_for* the request's headers ``X-Forwarded-For``.
        """
        ...

    def is_within(self, networks: Sequence[str], peer: str | None, forwarded_for: Sequence[str]) -> bool:
        """Tell whether a request comes from one of *networks* (``Principal.networks``); from anywhere will do for none."""
        ...


class Deployment(Protocol):
    """The hub that the plugin runs in, for whoever runs it and for pages about it."""

    @property
    def public_url(self) -> str | None:
        """Where the hub is reached from outside (``server.public_url``), without a slash at its end."""
        ...

    def address(self, reached_at: str) -> str:
        """Give where the hub is reached, for documents: ``public_url``, or where it listens, without a slash at its end.

        Without ``public_url`` it is *reached_at*, the base URL of a request, if that names this machine, as in development.
        """
        ...

    @property
    def brand(self) -> Brand:
        """The product's name, color and logo."""
        ...

    @property
    def attempt_seconds(self) -> float:
        """The limit of one attempt, if its subscription sets none (``delivery.timeout_seconds``)."""
        ...

    @property
    def retention_days(self) -> int:
        """How long the hub keeps events and what became of them (``events.retention_days``)."""
        ...

    def aged_ms(self, now_ms: int) -> int:
        """Give the time up to which you may remove what has expired, if your clock says *now_ms*: 0 after the clock has stepped forward."""
        ...

    def access_tokens(self, *audiences: str, issuer: BaseModel | None = None) -> AccessTokens | None:
        """Give what knows the access tokens of the issuer that ``auth.oauth`` names; None where it names none.

        They may be for whom the API's are, or for one of *audiences*. With *issuer*, a ``TokenIssuer`` of a plugin's
        settings, it knows that one's tokens: for its audience, or for the first of *audiences* if it has none. Raises ValueError: the issuer cannot be asked.
        """
        ...

    def plugins(self) -> list[dict[str, Json]]:
        """List every plugin that was found, as ``GET /api/v1/plugins`` shows it."""
        ...

    def channels(self) -> list[dict[str, Json]]:
        """List the channels that run, as ``GET /api/v1/channels`` shows them: with what their targets are made of."""
        ...

    async def readiness(self) -> dict[str, str]:
        """Tell what works: ``ok``, ``off``, or what is the matter (``GET /readyz``)."""
        ...

    async def status(self) -> dict[str, Json]:
        """Show the whole deployment as ``trunkline status --json`` does. Raises StoreUnavailable."""
        ...

    def product(self) -> Product:
        """Give what connectors are made from: brand, address and catalogue."""
        ...

    def connectors(self) -> Sequence[Connector]:
        """List the connectors that plugins give, in the order of their names."""
        ...

    async def look_up_issuer(self) -> None:
        """Read where users of connectors sign in, where ``auth.oauth`` names an issuer and not its endpoints.

        Raises:
            IssuerUnavailable: it cannot be asked now.
        """
        ...

    def connector_files(self, name: str) -> Mapping[str, bytes]:
        """Make a connector's files, by their paths.

        Raises:
            NotFound: there is no such connector.
            PluginFailed: its generator failed.
            Refused: it has to name an issuer's endpoints, which nobody could tell.
        """
        ...


class Sealer(Protocol):
    """Makes text that only this hub can read and nobody can alter: for cookies and links. Each plugin's is its own."""

    def seal(self, data: bytes, *, purpose: str) -> str:
        """Encrypt *data*, as text that may stand in a URL; it opens only for the same *purpose*."""
        ...

    def unseal(self, sealed: str, *, purpose: str) -> bytes:
        """Decrypt what ``seal`` made.

        Raises:
            ValueError: it was made for another purpose or by another hub or plugin, or was altered.
        """
        ...


class Clock(Protocol):
    """Where a plugin takes the time from."""

    def now_ms(self) -> int:
        """Unix time in milliseconds."""
        ...
