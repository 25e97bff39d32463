"""All SQL of this plugin. Every function runs in its caller's transaction."""

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

import orjson
from msgspec import structs
from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    text,
    update,
)

from trunkline.routes import KEYS
from trunkline_oauth.model import App, Code, Connection, Consent, Token
from trunkline_oauth.tables import apps, assertions, codes, connections, tokens

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

_TAKE_ASSERTION = text(
    "INSERT INTO oauth_assertions (digest, expires_ms) VALUES (:digest, :expires_ms) ON CONFLICT DO NOTHING"
)
KEPT_TOKENS = {"access": 20, "refresh": 200}
"""The number of newest tokens kept for each connection, including used refresh tokens, so that a second use is noticed."""
CODES_KEPT_MS = 10 * 60_000
"""Time for which an expired code is kept, so that a second use is noticed."""
TOUCHED_EVERY_MS = 5 * 60_000
"""Precision with which a connection's last use is stored."""
KEY_PREFIX = "key_"


# ---- apps ------------------------------------------------------------------------------------------------------------


async def insert_app(connection: "AsyncConnection", app: App) -> None:
    """Store an app."""
    await connection.execute(insert(apps).values(**_app_values(app)))


async def list_apps(connection: "AsyncConnection") -> list[App]:
    """List the apps, oldest first."""
    rows = await connection.execute(select(apps).order_by(apps.c.created_ms, apps.c.client_id))
    return [_app(row) for row in rows]


async def find_app(connection: "AsyncConnection", client_id: str, *, is_locked: bool = False) -> App | None:
    """Read an app; with *is_locked*, lock it until the transaction ends."""
    query = select(apps).where(apps.c.client_id == client_id)
    row = (await connection.execute(query.with_for_update() if is_locked else query)).first()
    return None if row is None else _app(row)


async def update_app(connection: "AsyncConnection", app: App) -> None:
    """Store a changed app, and store the app's name in its connections."""
    changed = update(apps).where(apps.c.client_id == app.client_id)
    await connection.execute(changed.values(**_app_values(app)))
    named = update(connections).where(connections.c.client_id == app.client_id)
    await connection.execute(named.values(app_name=app.name))


async def take_assertion(
    connection: "AsyncConnection", digest: str, *, expires_ms: int, aged_ms: int
) -> bool:
    """Mark a client assertion as used, and remove those that had expired at *aged_ms*. False if it was used before."""
    await connection.execute(delete(assertions).where(assertions.c.expires_ms <= aged_ms))
    taken = await connection.execute(_TAKE_ASSERTION, {"digest": digest, "expires_ms": expires_ms})
    return taken.rowcount == 1


async def delete_app(connection: "AsyncConnection", client_id: str, *, now_ms: int) -> bool:
    """Remove an app, and end all its connections. Returns whether the app existed."""
    # First the codes: this waits for a code that is becoming a connection, which ends with the others then.
    await connection.execute(delete(codes).where(codes.c.client_id == client_id))
    own = update(connections).where(connections.c.client_id == client_id, _IS_THERE)
    await connection.execute(own.values(ended_ms=now_ms))
    return (await connection.execute(delete(apps).where(apps.c.client_id == client_id))).rowcount == 1


# ---- codes -----------------------------------------------------------------------------------------------------------


async def insert_code(connection: "AsyncConnection", code: Code, *, aged_ms: int) -> None:
    """Store a code, and remove codes that expired ``CODES_KEPT_MS`` before *aged_ms*."""
    await connection.execute(delete(codes).where(codes.c.expires_ms <= aged_ms - CODES_KEPT_MS))
    values = {"digest": code.digest, "challenge": code.challenge, "redirect_uri": code.redirect_uri}
    await connection.execute(
        insert(codes).values(**values, **_joined(code.consent), expires_ms=code.expires_ms)
    )


async def has_code(connection: "AsyncConnection", digest: str) -> bool:
    """Return True if a code with *digest* exists, used or not."""
    query = select(codes.c.digest).where(codes.c.digest == digest)
    return (await connection.execute(query)).first() is not None


async def take_code(connection: "AsyncConnection", digest: str, *, connection_id: str) -> Code | None:
    """Mark a code as used by the connection *connection_id*. Of several concurrent calls only one succeeds.

    The code is returned in its state before the call, so a ``connection_id`` means that it had been used already. None
    means that there is no such code.
    """
    taken = (
        update(codes)
        .where(codes.c.digest == digest, codes.c.connection_id.is_(None))
        .values(connection_id=connection_id)
    )
    is_taken = (await connection.execute(taken)).rowcount == 1
    row = (await connection.execute(select(codes).where(codes.c.digest == digest))).first()
    if row is None:
        return None
    used_for = None if is_taken else row.connection_id
    return Code(row.digest, _consent(row), row.challenge, row.redirect_uri, row.expires_ms, used_for)


# ---- connections -----------------------------------------------------------------------------------------------------


async def count_connections(connection: "AsyncConnection", company_id: int, *, now_ms: int) -> int:
    """Count a company's connections, and the codes that may still become connections."""
    made = (
        select(func.count())
        .select_from(_CONNECTIONS)
        .where(connections.c.company_id == company_id, _IS_THERE, ~_has_expired(now_ms))
    )
    coming = select(func.count()).where(
        codes.c.company_id == company_id, codes.c.connection_id.is_(None), codes.c.expires_ms > now_ms
    )
    return sum([(await connection.execute(query)).scalar_one() for query in (made, coming)])


async def insert_connection(connection: "AsyncConnection", made: Connection) -> None:
    """Store a connection."""
    values = {
        "id": made.id,
        "app_name": made.app_name,
        "salt": made.salt,
        "created_ms": made.created_ms,
        "expires_ms": made.ends_ms,
    }
    pins = orjson.dumps(dict(made.pins)).decode()
    await connection.execute(insert(connections).values(**values, **_joined(made.consent), pins=pins))


async def extend_connection(connection: "AsyncConnection", connection_id: str, *, expires_ms: int) -> None:
    """Set the end of a connection to *expires_ms*."""
    query = update(connections).where(connections.c.id == connection_id)
    await connection.execute(query.values(expires_ms=expires_ms))


async def find_connection(connection: "AsyncConnection", connection_id: str) -> Connection | None:
    """Read a connection."""
    query = _select().where(connections.c.id == connection_id, _IS_THERE)
    row = (await connection.execute(query)).first()
    return None if row is None else _connection(row)


async def lock_connection(connection: "AsyncConnection", connection_id: str) -> bool:
    """Lock a connection until the transaction ends; return whether it still exists."""
    query = select(connections.c.id).where(connections.c.id == connection_id, _IS_THERE).with_for_update()
    return (await connection.execute(query)).first() is not None


async def list_connections(connection: "AsyncConnection", company_id: int) -> list[Connection]:
    """List a company's connections, newest first."""
    query = _select().where(connections.c.company_id == company_id, _IS_THERE)
    rows = await connection.execute(query.order_by(connections.c.created_ms.desc(), connections.c.id))
    return [_connection(row) for row in rows]


async def names_ending_with(connection: "AsyncConnection", principal_id: str) -> list[str]:
    """Name the apps whose connections end when the principal ends."""
    query = select(connections.c.app_name).where(connections.c.ends_with == principal_id, _IS_THERE)
    return sorted({row.app_name for row in await connection.execute(query)})


async def list_of_app(connection: "AsyncConnection", client_id: str, *, limit: int) -> list[Connection]:
    """List connections of an app."""
    query = _select().where(connections.c.client_id == client_id, _IS_THERE).limit(limit)
    return [_connection(row) for row in await connection.execute(query)]


async def end_connection(connection: "AsyncConnection", connection_id: str, *, now_ms: int) -> bool:
    """End a connection with its tokens; True if the connection was active. Of several concurrent calls only one gets True."""
    query = update(connections).where(connections.c.id == connection_id, _IS_THERE)
    return (await connection.execute(query.values(ended_ms=now_ms))).rowcount == 1


async def list_over(connection: "AsyncConnection", *, aged_ms: int, limit: int) -> list[Connection]:
    """List the connections that must be ended: at *aged_ms* they have expired, or the key on which they depend has ended."""
    query = _select().where(_IS_THERE, _has_expired(aged_ms)).limit(limit)
    return [_connection(row) for row in await connection.execute(query)]


async def list_ended(connection: "AsyncConnection", *, before_ms: int, limit: int) -> list[Connection]:
    """List connections that ended before *before_ms*."""
    query = _select().where(connections.c.ended_ms < before_ms).limit(limit)
    return [_connection(row) for row in await connection.execute(query)]


async def delete_connection(connection: "AsyncConnection", connection_id: str) -> None:
    """Remove a connection that has ended, with all its tokens."""
    await connection.execute(delete(tokens).where(tokens.c.connection_id == connection_id))
    await connection.execute(delete(connections).where(connections.c.id == connection_id))


async def touch_connection(connection: "AsyncConnection", connection_id: str, *, now_ms: int) -> None:
    """Store the time of a connection's last use, unless it was stored a moment ago."""
    is_old = or_(
        connections.c.last_used_ms.is_(None), connections.c.last_used_ms <= now_ms - TOUCHED_EVERY_MS
    )
    query = update(connections).where(connections.c.id == connection_id, is_old)
    await connection.execute(query.values(last_used_ms=now_ms))


# ---- tokens ----------------------------------------------------------------------------------------------------------


async def insert_token(connection: "AsyncConnection", token: Token, *, aged_ms: int) -> None:
    """Store a token unless it exists.

    Also removes tokens of the same connection and kind: those that had expired at *aged_ms*, and the oldest above the
    limit.
    """
    there = select(tokens.c.digest).where(tokens.c.digest == token.digest)
    if (await connection.execute(there)).first() is not None:
        return
    scopes = None if token.scopes is None else " ".join(token.scopes)
    await connection.execute(insert(tokens).values(**{**structs.asdict(token), "scopes": scopes}))
    own = (tokens.c.connection_id == token.connection_id, tokens.c.kind == token.kind)
    newest = (
        select(tokens.c.digest)
        .where(*own)
        .order_by(tokens.c.created_ms.desc(), tokens.c.digest)
        .limit(KEPT_TOKENS[token.kind])
    )
    await connection.execute(delete(tokens).where(*own, tokens.c.digest.not_in(newest)))
    await connection.execute(delete(tokens).where(*own, tokens.c.expires_ms <= aged_ms))


async def find_token(connection: "AsyncConnection", digest: str) -> tuple[Token, Connection] | None:
    """Read a token, expired or not, with its connection."""
    columns = [column.label(f"token_{column.name}") for column in tokens.c]
    query = _select(*columns).join(tokens, tokens.c.connection_id == connections.c.id)
    row = (await connection.execute(query.where(tokens.c.digest == digest, _IS_THERE))).first()
    if row is None:
        return None
    values = {column.name: getattr(row, f"token_{column.name}") for column in tokens.c}
    if values["scopes"] is not None:
        values["scopes"] = tuple(values["scopes"].split(" "))
    return Token(**values), _connection(row)


async def replace_token(connection: "AsyncConnection", digest: str, *, now_ms: int) -> bool:
    """Mark a refresh token as used; True if it was unused. Of several concurrent calls only one gets True."""
    query = update(tokens).where(tokens.c.digest == digest, tokens.c.replaced_ms.is_(None))
    return (await connection.execute(query.values(replaced_ms=now_ms))).rowcount == 1


async def delete_token(connection: "AsyncConnection", digest: str) -> None:
    """End one token."""
    await connection.execute(delete(tokens).where(tokens.c.digest == digest))


# ---- rows ------------------------------------------------------------------------------------------------------------


_CONNECTIONS = connections.outerjoin(KEYS, KEYS.c.id == connections.c.ends_with)
_IS_THERE = connections.c.ended_ms.is_(None)
_ENDS_WITH_KEY = connections.c.ends_with.startswith(KEY_PREFIX, autoescape=True)


def _select(*more: ColumnElement[Any]) -> Select[Any]:
    """Select connections, each with the key on which it depends."""
    key = [KEYS.c[name].label(f"key_{name}") for name in ("id", "revoked_ms", "expires_ms")]
    return select(connections, *key, *more).select_from(_CONNECTIONS)


def _has_expired(now_ms: int) -> ColumnElement[bool]:
    """SQL condition: at *now_ms* the connection or its key has ended. It must give the same result as ``Connection.ends_ms``.

    A connection from an older version has no end time; it ends when its last token expires.
    """
    key_ended = or_(KEYS.c.id.is_(None), KEYS.c.revoked_ms.is_not(None), KEYS.c.expires_ms <= now_ms)
    token_lives = exists().where(tokens.c.connection_id == connections.c.id, tokens.c.expires_ms > now_ms)
    time_over = or_(
        connections.c.expires_ms <= now_ms, and_(connections.c.expires_ms.is_(None), ~token_lives)
    )
    return func.coalesce(or_(time_over, and_(_ENDS_WITH_KEY, key_ended)), False)


def _joined(consent: Consent) -> dict[str, object]:
    return {
        **asdict(consent),
        "scopes": " ".join(consent.scopes),
        "networks": " ".join(consent.networks) or None,
    }


def _values(row: Row[Any], kind: type[App | Consent]) -> dict[str, Any]:
    """Return the columns of *row* that the fields of *kind* are named for."""
    return {field.name: getattr(row, field.name) for field in fields(kind)}


def _consent(row: Row[Any]) -> Consent:
    scopes, networks = tuple(row.scopes.split(" ")), tuple((row.networks or "").split())
    values = _values(row, Consent)
    values |= {"scopes": scopes, "networks": networks}
    return Consent(**values)


def _app_values(app: App) -> dict[str, object]:
    uris = orjson.dumps(app.redirect_uris).decode()
    return {**asdict(app), "redirect_uris": uris, "scopes": " ".join(app.scopes)}


def _app(row: Row[Any]) -> App:
    uris, scopes = tuple(orjson.loads(row.redirect_uris)), tuple(row.scopes.split(" "))
    values = _values(row, App)
    values |= {"redirect_uris": uris, "scopes": scopes}
    return App(**values)


def _connection(row: Row[Any]) -> Connection:
    ends_ms: int | None = row.expires_ms
    if row.ends_with is not None and row.ends_with.startswith(KEY_PREFIX):
        if row.key_id is None or row.key_revoked_ms is not None:
            ends_ms = 0
        else:
            ends = [end for end in (row.expires_ms, row.key_expires_ms) if end is not None]
            ends_ms = min(ends, default=None)
    return Connection(
        id=row.id,
        consent=_consent(row),
        app_name=row.app_name,
        salt=row.salt,
        pins=orjson.loads(row.pins),
        created_ms=row.created_ms,
        ends_ms=ends_ms,
        last_used_ms=row.last_used_ms,
    )
