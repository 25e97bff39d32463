"""Stores the recent users of an issuer, so that a user's subscriptions end when the user's access ends.

The hub learns a user's rights only from the token of a call. After each call, the user's subscriptions stay allowed for
a day (``LASTS_MS``), with the scopes of that token.
"""

from contextlib import suppress
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, Column, Index, Table, Text, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from trunkline import PluginContext
from trunkline.routes import IssuerTokens, Principal, TrunklineError
from trunkline_mcp.call_store import metadata

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

PREFIX = IssuerTokens.PREFIX
LASTS_MS = 24 * 60 * 60_000
NOTED_EVERY_MS = 5 * 60_000

users = Table(
    "mcp_users",
    metadata,
    Column("id", Text, primary_key=True),
    Column("company_id", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
    Index("ix_mcp_users_company", "company_id"),
    Index("ix_mcp_users_seen", "seen_ms"),
)
"""Users of the issuer, each with the company and the scopes (with spaces between them) of the last token."""


class Users:
    """Stores users and finds them."""

    def __init__(self, context: PluginContext) -> None:
        self._context = context

    async def note(self, principal: Principal) -> None:
        """Store the time of a user's visit, unless it was stored a moment ago. A failure is only logged."""
        now_ms = self._context.clock.now_ms()
        try:
            async with self._context.database.read() as connection:
                known = await _read(connection, principal.key_id)
            if known is not None and known[0] == principal and known[1] > now_ms - NOTED_EVERY_MS:
                return
            async with self._context.database.write() as connection:
                await _write(connection, principal, now_ms)
        except TrunklineError as error:
            self._context.log.warning("a user of the issuer was not noted: %s", error)

    async def find(self, user_id: str) -> Principal | None:
        """Find a user whose last call is less than a day (``LASTS_MS``) old."""
        async with self._context.database.read() as connection:
            known = await _read(connection, user_id)
        if known is None or known[1] <= self._context.clock.now_ms() - LASTS_MS:
            return None
        return known[0]


async def _read(connection: "AsyncConnection", user_id: str) -> tuple[Principal, int] | None:
    row = (await connection.execute(select(users).where(users.c.id == user_id))).first()
    if row is None:
        return None
    return Principal(row.id, row.company_id, row.name, frozenset(row.scopes.split())), row.seen_ms


async def _write(connection: "AsyncConnection", principal: Principal, now_ms: int) -> None:
    values = {
        "company_id": principal.company_id,
        "name": principal.name,
        "scopes": " ".join(sorted(principal.scopes)),
        "seen_ms": now_ms,
    }
    own = users.c.id == principal.key_id
    if (await connection.execute(update(users).where(own).values(**values))).rowcount:
        return
    await connection.execute(delete(users).where(users.c.seen_ms <= now_ms - LASTS_MS))
    with suppress(IntegrityError):  # another call has just noted it
        async with connection.begin_nested():
            await connection.execute(insert(users).values(id=principal.key_id, **values))
