"""The rights of apps: codes become connections, refresh tokens are rotated, access tokens are authenticated.

A refresh token is valid for one use. A second use within the overlap (``oauth.refresh_overlap_seconds``) gives
the same successor, because the client may have lost the answer. A later use means that the token was stolen, and ends the
connection (RFC 9700, 4.14.2).

A connection never has more rights than the person or key that allowed it. It ends when that person or key ends, unless
the connection belongs to the company. To end a connection, its row is marked first, so that no token works; then its
subscriptions are disabled and its keys revoked. ``sweep`` ends connections whose time is over or whose key has ended,
completes this work for connections whose end was interrupted, and removes rows.
"""

import hmac
import secrets as chance
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from trunkline import NotFound, PluginContext, Refused
from trunkline.routes import Principal, SecurityEvent, TrunklineError, Unauthenticated, in_environment
from trunkline_oauth import secrets, security_events, store
from trunkline_oauth.apps import Apps
from trunkline_oauth.errors import OAuthError, invalid_grant
from trunkline_oauth.model import App, Code, Connection, Consent, Ended, Issued, Token
from trunkline_oauth.resources import exceeded, is_within
from trunkline_oauth.settings import Settings
from trunkline_oauth.telling import CONNECTED, DISCONNECTED, tell_connection

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

CONNECTION_PREFIX = "con_"
CODE_SECONDS = 60
ISSUES_PER_MINUTE = 30
"""Limit of a connection's token requests in a minute."""
SWEPT_AT_ONCE = 100
KEPT_MS = 30_000
"""The time for which the row of an ended connection is kept.

Calls that were running at the end are done by then. ``sweep`` also disables the subscriptions and revokes the keys that
they made.
"""
_DAY_MS = 24 * 60 * 60 * 1000
_USED_CODE = "This code was used before, so what came of it has ended; ask for consent anew."
_UNKNOWN_CODE = "This code is unknown, has expired, or is another app's; ask for consent anew."
_USED_TOKEN = "This refresh token was used before, so the connection has ended; ask for consent anew."  # noqa: S105 - a sentence
_OVER = (
    "This connection has ended: its time is over, or the right of whoever allowed it; ask for consent anew."
)
_UNKNOWN_TOKEN = (
    "This refresh token is unknown, has expired, was revoked, or is another app's; ask for consent anew."  # noqa: S105
)


class ConnectionsTaken(Refused):
    """A company has reached its limit of connected apps."""

    status = 409
    title = "Too many connected apps"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"This company has {limit} connected apps, and may have no more; disconnect one that is not used first."
        )


class Grants:
    """Grants rights to apps, and ends them."""

    def __init__(self, context: PluginContext, apps: Apps) -> None:
        assert isinstance(context.settings, Settings)
        self._context = context
        self._settings = context.settings
        self._apps = apps

    async def consent(self, consent: Consent, *, challenge: str, redirect_uri: str | None) -> str:
        """Make the authorization code for a consent. Raises ConnectionsTaken."""
        code, now_ms = secrets.new(secrets.CODE), self._now_ms()
        digest, expires_ms = secrets.digest_of(code), now_ms + CODE_SECONDS * 1000
        async with self._context.database.write() as connection:
            count = await store.count_connections(connection, consent.company_id, now_ms=now_ms)
            if count >= self._settings.max_connections:
                raise ConnectionsTaken(self._settings.max_connections)
            stored = Code(digest, consent, challenge, redirect_uri, expires_ms)
            await store.insert_code(connection, stored, aged_ms=self._context.deployment.aged_ms(now_ms))
        return code

    async def exchange(
        self, app: App, code: str, *, verifier: str, redirect_uri: str | None, resource: str | None = None
    ) -> Issued:
        """Make a connection from a code; *resource* may narrow the access token. Raises OAuthError."""
        async with self._context.database.read() as connection:  # a guessed code starts no write transaction
            if not await store.has_code(connection, secrets.digest_of(code)):
                raise invalid_grant(_UNKNOWN_CODE)
        now_ms = self._now_ms()
        connection_id, replayed = f"{CONNECTION_PREFIX}{chance.token_hex(12)}", None
        async with self._context.database.write() as connection:
            taken = await store.take_code(connection, secrets.digest_of(code), connection_id=connection_id)
            made = _connected(taken, app, verifier=verifier, redirect_uri=redirect_uri, now_ms=now_ms)
            if isinstance(made, Consent) and taken is not None and taken.connection_id is not None:
                replayed = taken.connection_id
                _note(security_events.CODE_REPLAYED, made, replayed)
                made = invalid_grant(_USED_CODE)
            elif isinstance(made, Consent) and not is_within(resource, made.resource):
                made = exceeded(made.resource)
            elif isinstance(made, Consent):
                # like a new key, it reads event types in their current versions
                pins = {event_type.name: event_type.version for event_type in self._context.events.types()}
                salt = chance.token_urlsafe(32)
                owner = Connection(connection_id, made, app.name, salt, pins, now_ms, ends_ms=None)
                owner = replace(owner, ends_ms=self._expires_ms(owner, now_ms))
                await store.insert_connection(connection, owner)
                await tell_connection(self._context.journal, connection, CONNECTED, owner, by=None)
                _note(security_events.APP_CONNECTED, made, owner.id)
                made = await self._issue(
                    connection, owner, secrets.new(secrets.REFRESH), made.scopes, resource
                )
        if taken is not None and replayed is not None:
            await self._end(replayed, taken.consent, is_noted=True)
        if isinstance(made, OAuthError):
            raise made
        return made

    async def refresh(
        self, app: App, refresh_token: str, *, scopes: Sequence[str] | None, resource: str | None = None
    ) -> Issued:
        """Issue new tokens for a refresh token; *scopes* and *resource* may be narrower than those of the connection.

        Raises OAuthError, RateLimited.
        """
        digest = secrets.digest_of(refresh_token)
        async with self._context.database.read() as connection:
            found = await store.find_token(connection, digest)
        if found is None:
            raise invalid_grant(_UNKNOWN_TOKEN)
        token, owner = found
        is_apps = owner.consent.client_id == app.client_id
        if not is_apps or token.kind != "refresh" or token.expires_ms <= self._now_ms():
            raise invalid_grant(_UNKNOWN_TOKEN)
        await self._context.limits.count(owner.id, "oauth_tokens", per_minute=ISSUES_PER_MINUTE)
        allowed = await self._allowed(owner, owner.consent.scopes)
        if not allowed or self._last_ms(owner) <= self._now_ms():
            await self._end(owner.id, owner.consent)
            raise invalid_grant(_OVER)
        if more := [scope for scope in scopes or () if scope not in allowed]:
            msg = f"The connection does not have the scope '{more[0][:60]}'."
            raise OAuthError("invalid_scope", msg)
        chosen = tuple(scope for scope in allowed if scopes is None or scope in scopes)
        if not is_within(resource, owner.consent.resource):
            raise exceeded(owner.consent.resource)
        async with self._context.database.write() as connection:
            issued = await self._rotate(connection, owner, refresh_token, chosen, resource)
        if issued is None:
            _note(security_events.REFRESH_REPLAYED, owner.consent, owner.id)
            await self._end(owner.id, owner.consent, is_noted=True)
            raise invalid_grant(_USED_TOKEN)
        return issued

    async def _rotate(
        self,
        connection: "AsyncConnection",
        owner: Connection,
        refresh_token: str,
        scopes: tuple[str, ...],
        resource: str | None,
    ) -> Issued | None:
        """Use *refresh_token* for the first time, or again within the overlap. Raises OAuthError.

        Returns None if the token is used again later, which means that it was stolen.
        """
        now_ms, digest = self._now_ms(), secrets.digest_of(refresh_token)
        if not await store.lock_connection(connection, owner.id):
            raise invalid_grant(_UNKNOWN_TOKEN)
        is_first = await store.replace_token(connection, digest, now_ms=now_ms)
        found = await store.find_token(connection, digest)
        if found is None:
            raise invalid_grant(_UNKNOWN_TOKEN)
        successor = secrets.successor_of(refresh_token, salt=owner.salt)
        later = None if is_first else await store.find_token(connection, secrets.digest_of(successor))
        is_over = later is not None and later[0].replaced_ms is not None
        replaced_ms, overlap_ms = found[0].replaced_ms, self._settings.refresh_overlap_seconds * 1000
        is_in_overlap = replaced_ms is not None and now_ms < replaced_ms + overlap_ms
        if not is_first and (is_over or not is_in_overlap):
            return None
        return await self._issue(connection, owner, successor, scopes, resource)

    async def revoke(self, app: App, token: str) -> None:
        """End an access token, or the connection of a refresh token (RFC 7009); tokens of other apps stay."""
        digest = secrets.digest_of(token)
        async with self._context.database.read() as connection:
            found = await store.find_token(connection, digest)
        if found is None or found[1].consent.client_id != app.client_id:
            return
        if found[0].kind == "refresh":
            await self._end(found[1].id, found[1].consent)
            return
        async with self._context.database.write() as connection:
            await store.delete_token(connection, digest)

    async def list(self, company_id: int) -> list[Connection]:
        """List the apps that are connected with a company, newest first."""
        now_ms = self._now_ms()
        async with self._context.database.read() as connection:
            listed = await store.list_connections(connection, company_id)
        return [one for one in listed if not one.is_over(now_ms)]

    async def names_ending_with(self, principal_id: str) -> Sequence[str]:
        """Name the apps whose connections end when the principal ends."""
        async with self._context.database.read() as connection:
            return await store.names_ending_with(connection, principal_id)

    async def disconnect(self, connection_id: str, *, company_id: int, by: Principal | None = None) -> Ended:
        """End a company's connection at once and for good, with its subscriptions and keys; the log names *by*. Raises NotFound."""
        async with self._context.database.read() as connection:
            owner = await store.find_connection(connection, connection_id)
        if owner is None or owner.consent.company_id != company_id:
            raise NotFound("connected app", connection_id)
        return await self._end(connection_id, owner.consent, by=by)

    async def remove_app(self, client_id: str, *, by: Principal | None = None) -> None:
        """Remove an app that an operator has registered, and end all its connections. Raises NotFound."""
        async with self._context.database.read() as connection:
            owners = await store.list_of_app(connection, client_id, limit=SWEPT_AT_ONCE)
        await self._apps.remove(client_id, by=by)
        for owner in owners:  # ``sweep`` undoes the rest
            await self._undo(owner.id, owner.consent)

    async def sweep(self) -> None:
        """End connections that have expired or whose key has ended, and remove those that ended long ago, batch by batch."""
        now_ms = self._now_ms()
        aged_ms = self._context.deployment.aged_ms(now_ms)
        async with self._context.database.read() as connection:
            over = await store.list_over(connection, aged_ms=aged_ms, limit=SWEPT_AT_ONCE)
            ended = await store.list_ended(connection, before_ms=now_ms - KEPT_MS, limit=SWEPT_AT_ONCE)
        for owner in over:
            await self._end(owner.id, owner.consent)
        for owner in ended:
            await self._undo(owner.id, owner.consent)
            async with self._context.database.write() as connection:
                await store.delete_connection(connection, owner.id)

    async def _end(
        self, connection_id: str, consent: Consent, *, by: Principal | None = None, is_noted: bool = False
    ) -> Ended:
        """End a connection with its subscriptions and keys, and log the end unless *is_noted* is True."""
        async with self._context.database.write() as connection:
            owner = await store.find_connection(connection, connection_id)
            is_first = await store.end_connection(connection, connection_id, now_ms=self._now_ms())
            if is_first and owner is not None:
                await tell_connection(self._context.journal, connection, DISCONNECTED, owner, by=by)
        if is_first and not is_noted:
            _note(security_events.APP_DISCONNECTED, consent, connection_id, by=by)
        return await self._undo(connection_id, consent)

    async def _undo(self, connection_id: str, consent: Consent) -> Ended:
        disabled = await self._context.subscriptions.disconnect(consent.company_id, maker_id=connection_id)
        revoked = await self._context.keys.revoke_made_by(connection_id, company_id=consent.company_id)
        return Ended(disabled, revoked)

    async def authenticate(self, access_token: str, path: str) -> Principal | None:
        """Find the principal of an access token for a call of *path*; None if the token is not valid.

        Raises:
            Unauthenticated: the token is for another resource.
        """
        now_ms = self._now_ms()
        async with self._context.database.read() as connection:
            found = await store.find_token(connection, secrets.digest_of(access_token))
        if found is None or found[0].kind != "access" or found[0].expires_ms <= now_ms:
            return None
        token, owner = found
        if not is_within(path, resource := token.resource or owner.consent.resource):
            msg = f"This access token is for '{resource}' of this hub; ask for one with the resource of this call."
            raise Unauthenticated(msg)
        return await self._principal(owner, token.scopes or owner.consent.scopes, now_ms)

    async def find(self, connection_id: str) -> Principal | None:
        """Return the principal of a connection, with its present rights; None if the connection has ended."""
        async with self._context.database.read() as connection:
            owner = await store.find_connection(connection, connection_id)
        return None if owner is None else await self._principal(owner, owner.consent.scopes, self._now_ms())

    async def _principal(self, owner: Connection, scopes: tuple[str, ...], now_ms: int) -> Principal | None:
        app = self._apps.may_act(owner)
        allowed = await self._allowed(owner, scopes)
        if app is None or not allowed:
            return None
        if owner.last_used_ms is None or owner.last_used_ms <= now_ms - store.TOUCHED_EVERY_MS:
            try:
                async with self._context.database.write() as connection:
                    await store.touch_connection(connection, owner.id, now_ms=now_ms)
            except TrunklineError as error:
                self._context.log.warning("the last use of a connection was not written: %s", error)
        consent = owner.consent
        return Principal(
            owner.id, consent.company_id, app, frozenset(allowed), owner.pins, consent.networks, owner.ends_ms
        )

    async def _allowed(self, owner: Connection, scopes: tuple[str, ...]) -> tuple[str, ...]:
        """Choose from *scopes* the scopes that the grantor still has; empty if the connection has ended.

        If the grantor is a key, the connection's row says whether the key has ended. A person is looked up, and must
        still belong to the company.
        """
        consent = owner.consent
        if owner.is_over(self._now_ms()):
            return ()
        if consent.ends_with is None or consent.ends_with.startswith(store.KEY_PREFIX):
            return scopes
        person = await self._context.keys.principal(consent.ends_with)
        if person is None:
            return ()
        own = (
            person.company_id
        )  # an operator may act for any company, others for their own and its test environment
        if not person.is_operator and (
            own is None or consent.company_id not in {own, in_environment(own, "test")}
        ):
            return ()
        return tuple(scope for scope in scopes if person.has(scope))

    async def _issue(
        self,
        connection: "AsyncConnection",
        owner: Connection,
        refresh_token: str,
        scopes: tuple[str, ...],
        resource: str | None,
    ) -> Issued:
        now_ms, settings = self._now_ms(), self._settings
        expires_ms = self._expires_ms(owner, now_ms)
        access_token = secrets.new(secrets.ACCESS)
        access_ms = min(now_ms + settings.access_token_minutes * 60_000, expires_ms)
        own_scopes = None if scopes == owner.consent.scopes else scopes
        digest = secrets.digest_of(access_token)
        access = Token(digest, owner.id, "access", now_ms, access_ms, own_scopes, resource=resource)
        refresh = Token(secrets.digest_of(refresh_token), owner.id, "refresh", now_ms, expires_ms)
        aged_ms = self._context.deployment.aged_ms(now_ms)
        await store.insert_token(connection, access, aged_ms=aged_ms)
        await store.insert_token(connection, refresh, aged_ms=aged_ms)
        await store.extend_connection(connection, owner.id, expires_ms=expires_ms)
        return Issued(access_token, refresh_token, max(0, access_ms - now_ms) // 1000, scopes)

    def _expires_ms(self, owner: Connection, now_ms: int) -> int:
        """Return the time at which a connection ends if no tokens are issued to it after now."""
        return min(now_ms + self._settings.refresh_token_days * _DAY_MS, self._last_ms(owner))

    def _last_ms(self, owner: Connection) -> int:
        """Return the latest time at which a connection may end."""
        last_ms = owner.created_ms + self._settings.connection_days * _DAY_MS
        return last_ms if owner.consent.until_ms is None else min(last_ms, owner.consent.until_ms)

    def _now_ms(self) -> int:
        return self._context.clock.now_ms()


def _note(event: SecurityEvent, consent: Consent, connection_id: str, *, by: Principal | None = None) -> None:
    """Log what a connection's app did or, if *by* is given, what that principal did to the connection."""
    company_id, client_id = consent.company_id, consent.client_id
    event.note(by, company_id=company_id, client_id=client_id, connection_id=connection_id)


def _connected(
    code: Code | None, app: App, *, verifier: str, redirect_uri: str | None, now_ms: int
) -> Consent | OAuthError | Issued:
    """Return the consent of *code* if client, redirect URI and verifier match; otherwise return the error.

    For a used code the consent is returned too, so that the caller can notice the second use.
    """
    # Even after its expiry, a second use is noticed.
    is_used = code is not None and code.connection_id is not None
    if code is None or code.consent.client_id != app.client_id or (code.expires_ms <= now_ms and not is_used):
        return invalid_grant(_UNKNOWN_CODE)
    if code.redirect_uri != redirect_uri:
        return invalid_grant("The redirect_uri is not the one that the code was asked for with.")
    if not hmac.compare_digest(secrets.challenge_of(verifier), code.challenge):
        return invalid_grant("The code_verifier does not belong to the code_challenge.")
    return code.consent
