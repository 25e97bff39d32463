"""Sign-in links: made with an operator's key, used once, for one company."""

import secrets
from collections.abc import Sequence

from trunkline import PluginContext, Refused
from trunkline.routes import Principal
from trunkline_portal import store
from trunkline_portal.settings import Settings
from trunkline_portal.store import Link

_PURPOSE = "link"
_MINUTE_MS = 60_000


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
        async with self._context.database.write() as connection:
            await store.insert_link(connection, link, aged_ms=self._context.deployment.aged_ms(now_ms))
            made = {"name": name, "scopes": list(scopes), "expires_ms": link.expires_ms}
            self._context.journal.note("link.created", link.id, company_id=company_id, after=made)
        return self._context.sealer.seal(link.id.encode(), purpose=_PURPOSE), link

    async def find(self, token: str) -> Link | None:
        """Read a link without using it."""
        async with self._context.database.read() as connection:
            return await store.find_link(connection, self._id_in(token))

    async def take(self, token: str) -> Link:
        """Mark a link as used and return it. Raises LinkRefused."""
        async with self._context.database.write() as connection:
            link = await store.take_link(connection, self._id_in(token))
            if link is None or link.expires_ms <= self._context.clock.now_ms():
                raise LinkRefused  # an expired link stays stored: a wrong clock must not use it up
        maker = await self._context.keys.principal(link.key_id)
        if maker is None or not maker.is_operator:
            raise LinkRefused
        return link

    def _id_in(self, token: str) -> str:
        try:
            return self._context.sealer.unseal(token, purpose=_PURPOSE).decode()
        except ValueError:
            return ""
