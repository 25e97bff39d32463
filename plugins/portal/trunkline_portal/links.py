"""Sign-in links: made with an operator's key, used once, for one company."""

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from trunkline import PluginContext, Refused
from trunkline.routes import Principal
from trunkline_portal.settings import Settings
from trunkline_portal.tables import joined, links, split

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

_PURPOSE = "link"
_MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Link:
    """A sign-in link that has not been used. *key_id* is the key of its maker."""

    id: str = field(repr=False)
    key_id: str
    company_id: int
    scopes: tuple[str, ...]
    created_ms: int
    expires_ms: int
    name: str | None = None

    @property
    def holder(self) -> str:
        """The holder of its sessions: the same person, company and key."""
        return f"{self.key_id}/{self.company_id}/{self.name or self.id}"


class LinkRefused(Refused):
    """A link was used, has expired, or was not made by this hub."""

    status = 410
    title = "This link no longer works"

    def __init__(self) -> None:
        super().__init__(
            "A sign-in link works once, and for a short time; ask for a new one where you got it."
        )


class Links:
    """Makes links, each for one use."""

    def __init__(self, context: PluginContext, settings: Settings) -> None:
        self._context = context
        self._minutes = settings.link_minutes

    async def make(
        self,
        principal: Principal,
        company_id: int,
        *,
        scopes: Sequence[str],
        name: str | None = None,
        minutes: int | None = None,
    ) -> tuple[str, Link]:
        """Make an operator's link; return the token for its address, and the link."""
        now_ms = self._context.clock.now_ms()
        link = Link(
            id=f"plnk_{secrets.token_hex(16)}",
            key_id=principal.key_id,
            company_id=company_id,
            scopes=tuple(scopes),
            created_ms=now_ms,
            expires_ms=now_ms + (minutes or self._minutes) * _MINUTE_MS,
            name=name,
        )
        aged = delete(links).where(links.c.expires_ms <= self._context.deployment.aged_ms(now_ms))
        async with self._context.database.write() as connection:
            await connection.execute(aged)
            await connection.execute(insert(links).values(**joined(asdict(link))))
            made = {"name": name, "scopes": list(scopes), "expires_ms": link.expires_ms}
            self._context.journal.note("link.created", link.id, company_id=company_id, after=made)
        return self._context.sealer.seal(link.id.encode(), purpose=_PURPOSE), link

    async def find(self, token: str) -> Link | None:
        """Read a link without using it."""
        async with self._context.database.read() as connection:
            return await self._read(connection, token)

    async def take(self, token: str) -> Link:
        """Mark a link as used and return it; of several concurrent calls only one gets the link. Raises LinkRefused."""
        async with self._context.database.write() as connection:
            link = await self._read(connection, token)
            if link is None:
                raise LinkRefused
            used = await connection.execute(delete(links).where(links.c.id == link.id))
            if used.rowcount != 1 or link.expires_ms <= self._context.clock.now_ms():
                raise LinkRefused  # an expired link stays stored: a wrong clock must not use it up
        maker = await self._context.keys.principal(link.key_id)
        if maker is None or not maker.is_operator:
            raise LinkRefused
        return link

    async def _read(self, connection: "AsyncConnection", token: str) -> Link | None:
        try:
            link_id = self._context.sealer.unseal(token, purpose=_PURPOSE).decode()
        except ValueError:
            return None
        row = (await connection.execute(select(links).where(links.c.id == link_id))).mappings().first()
        return None if row is None else Link(**split(row))
