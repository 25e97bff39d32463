"""The registered apps: those of the settings, and those that an operator registers; and who proves to be one."""

import hmac
import secrets as chance
from collections.abc import Sequence

from trunkline import NotFound, PluginContext
from trunkline_oauth import secrets, store
from trunkline_oauth.errors import OAuthError
from trunkline_oauth.model import App, Connection
from trunkline_oauth.settings import REGISTERED_PREFIX, ConfiguredApp, Settings

_UNKNOWN = "There is no app with this client_id here, or its secret is another one."


class Apps:
    """All apps that there are."""

    def __init__(self, context: PluginContext) -> None:
        assert isinstance(context.settings, Settings)
        self._context = context
        self._configured = {app.client_id: _configured(app) for app in context.settings.apps}

    async def register(
        self, *, name: str, redirect_uris: Sequence[str], scopes: Sequence[str], is_public: bool
    ) -> tuple[App, str | None]:
        """Register an app; beside it its secret, for the only time, unless it is a public one."""
        secret = None if is_public else secrets.new(secrets.APP_SECRET)
        app = App(
            client_id=f"{REGISTERED_PREFIX}{chance.token_hex(12)}",
            name=name,
            redirect_uris=tuple(dict.fromkeys(redirect_uris)),
            scopes=tuple(dict.fromkeys(scopes)),
            secret_digest=None if secret is None else secrets.digest_of(secret),
            created_ms=self._context.clock.now_ms(),
        )
        async with self._context.database.write() as connection:
            await store.insert_app(connection, app)
        return app, secret

    async def list(self) -> list[App]:
        """List the apps, those of the settings first."""
        async with self._context.database.read() as connection:
            return [*self._configured.values(), *await store.list_apps(connection)]

    async def remove(self, client_id: str) -> None:
        """Remove an app that an operator has registered, with all its connections. Raises NotFound."""
        async with self._context.database.write() as connection:
            if not await store.delete_app(connection, client_id):
                kind = "app"
                raise NotFound(kind, client_id)

    async def find(self, client_id: str) -> App | None:
        """Find an app."""
        if client_id in self._configured:
            return self._configured[client_id]
        async with self._context.database.read() as connection:
            return await store.find_app(connection, client_id)

    def may_act(self, connection: Connection) -> str | None:
        """Tell the name of a connection's app; None where the settings have the app no more."""
        client_id = connection.consent.client_id
        if client_id.startswith(REGISTERED_PREFIX):  # its connections go with it
            return connection.app_name
        app = self._configured.get(client_id)
        return None if app is None else app.name

    async def authenticate(self, client_id: str, secret: str | None) -> App:
        """Find the app that a call comes from; one that has a secret must send it. Raises OAuthError."""
        app = await self.find(client_id)
        if app is None or (app.secret_digest is None) != (secret is None):
            raise invalid_client()
        if app.secret_digest is not None and not hmac.compare_digest(
            app.secret_digest, secrets.digest_of(secret or "")
        ):
            raise invalid_client()
        return app


def invalid_client() -> OAuthError:
    """Nobody proves to be an app (RFC 6749, 5.2)."""
    challenge = {"WWW-Authenticate": 'Basic realm="oauth"'}
    return OAuthError("invalid_client", _UNKNOWN, status=401, headers=challenge)


def _configured(app: ConfiguredApp) -> App:
    digest = None if app.secret is None else secrets.digest_of(app.secret.get_secret_value())
    return App(app.client_id, app.name, tuple(app.redirect_uris), tuple(app.scopes), digest)
