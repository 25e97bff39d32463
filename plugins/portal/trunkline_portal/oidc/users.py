"""Users of the provider, stored for a limited time after their last sign-in. Then the access that they gave to apps ends."""

from contextlib import suppress

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from trunkline import PluginContext
from trunkline.routes import Principal
from trunkline_portal.tables import users

KEPT_DAYS = 90
_KEPT_MS = KEPT_DAYS * 24 * 60 * 60 * 1000


class Users:
    """Stores users with their company and scopes at the last sign-in."""

    def __init__(self, context: PluginContext, *, issuer: str) -> None:
        self._context = context
        self._issuer = issuer

    async def remember(self, principal: Principal) -> None:
        """Store the sign-in of *principal*, and remove users without a recent sign-in."""
        now_ms = self._context.clock.now_ms()
        before_ms = self._context.deployment.aged_ms(now_ms) - _KEPT_MS
        async with self._context.database.write() as connection:
            await connection.execute(delete(users).where(users.c.seen_ms <= before_ms))
            values = {
                "issuer": self._issuer,
                "company_id": principal.company_id,
                "name": principal.name,
                "scopes": ",".join(sorted(principal.scopes)),
                "seen_ms": now_ms,
            }
            own = users.c.id == principal.key_id
            if not (await connection.execute(update(users).where(own).values(**values))).rowcount:
                with suppress(IntegrityError):  # another process has just stored the sign-in
                    async with connection.begin_nested():
                        await connection.execute(insert(users).values(id=principal.key_id, **values))

    async def find(self, user_id: str) -> Principal | None:
        """Find a user; None if the last sign-in was too long ago, or at another issuer."""
        async with self._context.database.read() as connection:
            row = (await connection.execute(select(users).where(users.c.id == user_id))).first()
        since_ms = self._context.clock.now_ms() - _KEPT_MS
        if row is None or row.issuer != self._issuer or row.seen_ms <= since_ms:
            return None
        return Principal(row.id, row.company_id, row.name, frozenset(row.scopes.split(",")))
