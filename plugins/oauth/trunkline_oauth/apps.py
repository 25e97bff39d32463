"""The apps: from the settings, registered by an operator, or self-described; and their authentication."""

import hmac
import re
import secrets as chance
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from trunkline import NotFound, PluginContext, Refused
from trunkline.routes import Principal
from trunkline_oauth import secrets, security_events, store
from trunkline_oauth.assertions import Assertions
from trunkline_oauth.client_documents import ClientDocuments
from trunkline_oauth.client_metadata import ClientMetadata, MetadataInvalid
from trunkline_oauth.errors import invalid_client
from trunkline_oauth.model import DOCUMENT_PREFIX, SELF_PREFIX, App, Connection
from trunkline_oauth.settings import REGISTERED_PREFIX, UNLESS_NAMED, ConfiguredApp, Settings
from trunkline_oauth.telling import DISCONNECTED, describe, tell_connection

MAX_SELF_REGISTERED = 1_000
"""Limit, in characters, of the name and redirect URIs of a self-registered app together, because the app's id contains them."""
_CLIENT = "client"
_REGISTERED = re.compile(rf"{REGISTERED_PREFIX}[0-9a-f]{{24}}", re.ASCII)
MOST_TOLD = 1_000
"""If an app is removed, an event reports the end of each of its connections, for up to this number of connections."""


class AppUnfit(Refused):
    """An app has no secret to rotate, or no keys to change."""

    status = 409
    title = "Conflict"


class Apps:
    """All apps."""

    def __init__(self, context: PluginContext) -> None:
        assert isinstance(context.settings, Settings)
        self._context = context
        self._assertions = Assertions(context)
        self._documents = ClientDocuments(context)
        self._may_register = context.settings.dynamic_registration
        self._configured = {app.client_id: _configured(app) for app in context.settings.apps}

    async def register(
        self,
        *,
        name: str,
        redirect_uris: Sequence[str],
        scopes: Sequence[str],
        public: bool,
        jwks: str | None = None,
        jwks_uri: str | None = None,
        by: Principal | None = None,
    ) -> tuple[App, str | None]:
        """Register an app. Returns the app and its secret, which is None for a public app and for an app with its own key."""
        has_secret = not public and jwks is None and jwks_uri is None
        secret = secrets.new(secrets.APP_SECRET) if has_secret else None
        app = App(
            client_id=f"{REGISTERED_PREFIX}{chance.token_hex(12)}",
            name=name,
            redirect_uris=tuple(dict.fromkeys(redirect_uris)),
            scopes=tuple(dict.fromkeys(scopes)),
            secret_digest=None if secret is None else secrets.digest_of(secret),
            created_ms=self._context.clock.now_ms(),
            jwks=jwks,
            jwks_uri=jwks_uri,
        )
        async with self._context.database.write() as connection:
            await store.insert_app(connection, app)
            self._context.journal.note("app.registered", app.client_id, company_id=None, after=describe(app))
        security_events.APP_REGISTERED.note(by, client_id=app.client_id, app=app.name)
        return app, secret

    async def change(self, client_id: str, changed: Mapping[str, Any], *, by: Principal | None = None) -> App:
        """Change the members *changed* of an app that an operator has registered. Raises NotFound, AppUnfit."""
        has_keys = bool(changed.keys() & {"jwks", "jwks_uri"})
        cleared: dict[str, Any] = {"jwks": None, "jwks_uri": None} if has_keys else {}

        def change(app: App) -> App:
            after = replace(app, **{**cleared, **changed})
            if has_keys and not (app.signs and after.signs):
                msg = (
                    "An app signs with a key of its own from its registration on, or never; register it anew."
                )
                raise AppUnfit(msg)
            return after

        app = await self._update(client_id, change)
        security_events.APP_CHANGED.note(by, client_id=client_id, app=app.name, changed=sorted(changed))
        return app

    async def rotate_secret(
        self, client_id: str, *, overlap_seconds: int, by: Principal | None = None
    ) -> str:
        """Replace the secret of an app; the old secret is valid for *overlap_seconds* more. Raises NotFound, AppUnfit."""
        secret, now_ms = secrets.new(secrets.APP_SECRET), self._context.clock.now_ms()

        def rotate(app: App) -> App:
            if app.secret_digest is None:
                msg = "This app has no secret: it is public, or signs with a key of its own."
                raise AppUnfit(msg)
            return replace(
                app,
                secret_digest=secrets.digest_of(secret),
                old_secret_digest=app.secret_digest,
                old_secret_until_ms=now_ms + overlap_seconds * 1000,
            )

        app = await self._update(client_id, rotate)
        security_events.APP_SECRET_ROTATED.note(by, client_id=client_id, app=app.name)
        return secret

    async def list(self) -> list[App]:
        """List the apps; the apps of the settings come first."""
        async with self._context.database.read() as connection:
            return [*self._configured.values(), *await store.list_apps(connection)]

    async def remove(self, client_id: str, *, by: Principal | None = None) -> None:
        """Remove an app that an operator has registered, and end all its connections. Raises NotFound."""
        now_ms = self._context.clock.now_ms()
        async with self._context.database.write() as connection:
            app = await store.find_app(connection, client_id, is_locked=True)
            owners = await store.list_of_app(connection, client_id, limit=MOST_TOLD)
            if app is None or not await store.delete_app(connection, client_id, now_ms=now_ms):
                raise NotFound("app", client_id)
            for owner in owners:
                await tell_connection(self._context.journal, connection, DISCONNECTED, owner, by=by)
            self._context.journal.note("app.removed", client_id, company_id=None, before=describe(app))
        security_events.APP_REMOVED.note(by, client_id=client_id)

    def admit(self, metadata: ClientMetadata) -> App:
        """Make a public app from its own registration. Raises MetadataInvalid.

        Nothing is stored, because the app's id contains the metadata.
        """
        said = orjson.dumps([metadata.client_name, *metadata.redirect_uris])
        if len(said) > MAX_SELF_REGISTERED:
            field = "redirect_uris"
            raise MetadataInvalid(
                field, f"and client_name have more than {MAX_SELF_REGISTERED} characters together"
            )
        return _self_registered(f"{SELF_PREFIX}{self._context.sealer.seal(said, purpose=_CLIENT)}", said)

    async def find(self, client_id: str, *, asker: str) -> App | None:
        """Find an app; reading its document counts against the limit of *asker*.

        Raises:
            OAuthError, RateLimited: as ``ClientDocuments.find`` does.
        """
        if client_id in self._configured:
            return self._configured[client_id]
        if client_id.startswith(DOCUMENT_PREFIX):
            return await self._documents.find(client_id, asker=asker)
        if client_id.startswith(SELF_PREFIX):
            try:
                said = self._context.sealer.unseal(client_id.removeprefix(SELF_PREFIX), purpose=_CLIENT)
            except ValueError:
                return None
            return _self_registered(client_id, said) if self._may_register else None
        if _REGISTERED.fullmatch(client_id) is None:
            return None  # PostgreSQL refuses text with a NUL
        async with self._context.database.read() as connection:
            return await store.find_app(connection, client_id)

    def may_act(self, connection: Connection) -> str | None:
        """Return the name of a connection's app; None if the settings no longer have the app."""
        client_id = connection.consent.client_id
        if client_id.startswith(REGISTERED_PREFIX):  # its connections go with it
            return connection.app_name
        if client_id.startswith(DOCUMENT_PREFIX):
            return connection.app_name if self._documents.allows(client_id) else None
        if client_id.startswith(SELF_PREFIX):
            return connection.app_name if self._may_register else None
        app = self._configured.get(client_id)
        return None if app is None else app.name

    async def authenticate(self, client_id: str, secret: str | None, *, asker: str) -> App:
        """Find the calling app; an app that has a secret must send the secret. Raises OAuthError."""
        app = await self.find(client_id, asker=asker)
        if app is None or app.signs or app.is_public != (secret is None):
            raise invalid_client()
        if secret is not None:
            digest, is_over = (
                secrets.digest_of(secret),
                self._context.clock.now_ms() >= (app.old_secret_until_ms or 0),
            )
            is_new = hmac.compare_digest(app.secret_digest or "", digest)
            if not is_new and (is_over or not hmac.compare_digest(app.old_secret_digest or "", digest)):
                raise invalid_client()
        return app

    async def authenticate_signed(
        self, client_id: str, assertion: str, *, audiences: Sequence[str], asker: str
    ) -> App:
        """Find the app that has signed *assertion* for one of *audiences*. Raises OAuthError, IssuerUnavailable."""
        app = await self.find(client_id, asker=asker)
        if app is None or not app.signs:
            raise invalid_client()
        await self._assertions.check(app, assertion, audiences=audiences)
        return app

    async def _update(self, client_id: str, change: Callable[[App], App]) -> App:
        """Change an app that an operator has registered, under a lock. Raises NotFound, and the errors of *change*."""
        async with self._context.database.write() as connection:
            app = await store.find_app(connection, client_id, is_locked=True)
            if app is None:
                raise NotFound("app", client_id)
            before, app = describe(app), change(app)
            await store.update_app(connection, app)
            self._context.journal.note(
                "app.changed", client_id, company_id=None, before=before, after=describe(app)
            )
        return app


def _self_registered(client_id: str, said: bytes) -> App:
    name, *redirect_uris = orjson.loads(said)
    return App(client_id, name, tuple(redirect_uris), UNLESS_NAMED)


def _configured(app: ConfiguredApp) -> App:
    return App(
        client_id=app.client_id,
        name=app.name,
        redirect_uris=tuple(app.redirect_uris),
        scopes=tuple(app.scopes),
        secret_digest=None if app.secret is None else secrets.digest_of(app.secret.get_secret_value()),
        jwks=app.jwks,
        jwks_uri=app.jwks_uri,
    )
