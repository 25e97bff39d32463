"""The deployment as plugins and their pages see it (``contract.Deployment``)."""

import ipaddress
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import BaseModel

from trunkline.contract import AccessTokens, Connector
from trunkline.contract.targets import shown_channel
from trunkline.errors import NotFound
from trunkline.hub import connectors
from trunkline.insight import status
from trunkline.schemas.products import Product
from trunkline.settings import TokenIssuer

if TYPE_CHECKING:
    from trunkline.hub.hub import Hub

COUNTED = 10_000
"""The number of deliveries that ``status`` counts, newest first."""


class Deployment:
    """The plugins, brand, connectors, readiness and status of this hub."""

    def __init__(self, hub: "Hub") -> None:
        self.brand = hub.brand
        self._hub = hub

    @property
    def public_url(self) -> str | None:
        """The public address of the hub, without a trailing slash."""
        url = self._hub.settings.server.public_url
        return url.rstrip("/") if url else None

    def address(self, reached_at: str) -> str:
        """Return the hub's address (``contract.Deployment``); *reached_at* is not trusted, as a request may name any host."""
        if self.public_url is not None:
            return self.public_url
        if _is_this_machine(urlsplit(reached_at).hostname or ""):
            return reached_at.rstrip("/")
        server = self._hub.settings.server
        return f"http://{server.host}:{server.port}"

    @property
    def attempt_seconds(self) -> float:
        """The time limit of one attempt whose subscription sets none."""
        return self._hub.settings.delivery.timeout_seconds

    @property
    def retries(self) -> int:
        """The number of retries of a delivery whose subscription sets none."""
        return len(self._hub.settings.delivery.retry_schedule_seconds)

    @property
    def retention_days(self) -> int:
        """How long the hub keeps events, deliveries and attempts."""
        return self._hub.settings.events.retention_days

    def aged_ms(self, now_ms: int) -> int:
        """Return the time (Unix ms) up to which expired rows may be removed; 0 while the clock is not trusted."""
        return self._hub.clock_guard.aged_ms(now_ms)

    def access_tokens(self, *audiences: str, issuer: BaseModel | None = None) -> AccessTokens | None:
        """Make the token check of *issuer*, or of the issuer in ``auth.oauth``; None if there is none.

        Raises ValueError: the settings of *issuer* are not usable.
        """
        if issuer is None:
            return None if self._hub.issuer is None else self._hub.issuer.access_tokens(*audiences)
        assert isinstance(issuer, TokenIssuer)
        return self._hub.issuers.tokens(
            issuer, self._hub.issuers.add(issuer), issuer.audience or audiences[0]
        )

    def plugins(self) -> list[dict[str, Any]]:
        """List every plugin that was found, as ``GET /api/v1/plugins`` shows it."""
        return [
            {"name": record.name, "version": record.version, "state": record.state, "error": record.error}
            for record in self._hub.registry.records
        ]

    def channels(self) -> list[dict[str, Any]]:
        """List the channels that run, as ``GET /api/v1/channels`` shows them."""
        channels = self._hub.registry.collected.channels
        return [shown_channel(channels[name][1]) for name in sorted(channels)]

    async def readiness(self) -> dict[str, str]:
        """Check the database, the log, the plugins and the dispatcher (``GET /readyz``)."""
        return await self._hub.readiness()

    async def status(self) -> dict[str, Any]:
        """Read the status of the whole deployment. Raises StoreUnavailable."""
        return status.view(await status.take(self._hub.database, counted=COUNTED))

    def product(self) -> Product:
        """Return the product that connectors are made from. Raises SettingsInvalid, SchemaInvalid."""
        return connectors.product_of(
            self._hub.settings,
            event_types=[self._hub.catalog.published(event_type) for event_type in self._hub.catalog.types()],
            operations=self._hub.operations,
            issuer=None if self._hub.issuer is None else self._hub.issuer.authorization_server(),
        )

    def connectors(self) -> Sequence[Connector]:
        """List the connectors of plugins, by name."""
        registered = self._hub.registry.collected.connectors
        return [registered[name][1] for name in sorted(registered)]

    async def look_up_issuer(self) -> None:
        """Find the endpoints at which users of connectors sign in, unless they are known. Raises IssuerUnavailable."""
        if self._hub.issuer is not None and self._hub.settings.connectors.auth != "key":
            await self._hub.issuer.look_up()

    def connector_files(self, name: str) -> Mapping[str, bytes]:
        """Make a connector's files, by path. Raises NotFound, Conflict, PluginFailed, EndpointsUnknown."""
        registered = self._hub.registry.collected.connectors.get(name)
        if registered is None:
            raise NotFound("connector", name)
        plugin, connector = registered
        files = connectors.make_files(connector, self.product(), plugin=plugin)
        return {path.as_posix(): content for path, content in files.items()}


def _is_this_machine(host: str) -> bool:
    """Return whether *host* is a loopback address, or a name for local use or for tests (RFC 6761)."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".test"))
