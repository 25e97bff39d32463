"""Sessions: opened by a key, a link or a user, found by a sealed cookie, ended at once when the key is revoked."""

import secrets
from dataclasses import asdict, dataclass, field, replace

from sqlalchemy import delete, func, insert, select, update

from trunkline import PluginContext
from trunkline.routes import Principal
from trunkline_portal.links import Link
from trunkline_portal.oidc.people import PREFIX
from trunkline_portal.settings import Settings
from trunkline_portal.tables import joined, sessions, split

_PURPOSE = "session"
_HOUR_MS = 60 * 60 * 1000
SESSIONS_OF_A_HOLDER = 100
"""Number of one holder's newest sessions that are kept."""


@dataclass(frozen=True, slots=True)
class Session:
    """A session. *company_id* is the company that is shown: chosen by an operator, fixed for others."""

    id: str = field(repr=False)
    key_id: str
    holder: str
    csrf: str = field(repr=False)
    company_id: int | None
    created_ms: int
    expires_ms: int
    link_id: str | None = None
    name: str | None = None
    scopes: tuple[str, ...] = ()


class Sessions:
    """The sessions of the portal."""

    def __init__(self, context: PluginContext, settings: Settings) -> None:
        self._context = context
        self._takes_keys = settings.key_sign_in
        self._lifetime_ms = int(settings.session_hours * _HOUR_MS)

    @property
    def lifetime_seconds(self) -> int:
        """Return the lifetime of a session in seconds."""
        return self._lifetime_ms // 1000

    async def open(self, principal: Principal, *, after: Session | None = None) -> Session:
        """Open a session for *principal*: a key, or a user of the identity provider.

        *after* is the browser's previous session. If it has the same holder, its forms stay valid, because other tabs
        may show them.
        """
        session = self._new(principal.key_id, holder=principal.key_id, company_id=principal.company_id)
        if after is not None and after.holder == session.holder:
            session = replace(session, csrf=after.csrf)
        return await self._store(session)

    async def open_by(self, link: Link) -> Session:
        """Open a session by a sign-in link."""
        session = self._new(link.key_id, holder=link.holder, company_id=link.company_id)
        return await self._store(replace(session, link_id=link.id, name=link.name, scopes=link.scopes))

    async def find(self, cookie: str | None) -> tuple[Session, Principal] | None:
        """Find the session of *cookie*, with the present rights of its key, link or user; None if the session has ended, or if its key was revoked."""
        try:
            session_id = self._context.sealer.unseal(cookie or "", purpose=_PURPOSE).decode()
        except ValueError:
            return None
        async with self._context.database.read() as connection:
            found = await connection.execute(select(sessions).where(sessions.c.id == session_id))
        row = found.mappings().first()
        if row is None or row["expires_ms"] <= self._context.clock.now_ms():
            return None
        session = Session(**split(row))
        is_by_link = session.link_id is not None
        principal = await self._context.keys.principal(
            session.key_id, company_id=session.company_id if is_by_link else None, link_id=session.link_id
        )
        if is_by_link:
            may_last = principal is not None and principal.is_operator  # the maker of the link still is one
        else:
            may_last = self._takes_keys or session.key_id.startswith(PREFIX)
        if principal is None or not may_last:
            await self.end(session)
            return None
        if is_by_link:
            principal = replace(  # the operator's rights, only for the link's company and scopes
                principal,
                company_id=session.company_id,
                name=session.name or "Sign-in link",
                scopes=frozenset(session.scopes),
                pins={},
                networks=(),
                expires_ms=min(session.expires_ms, principal.expires_ms or session.expires_ms),
            )
        return session, principal

    def cookie_of(self, session: Session) -> str:
        """Return the cookie's value for *session*."""
        return self._context.sealer.seal(session.id.encode(), purpose=_PURPOSE)

    async def choose_company(self, session: Session, company_id: int) -> None:
        """Change the company that an operator's session looks at."""
        own = update(sessions).where(sessions.c.id == session.id)
        async with self._context.database.write() as connection:
            await connection.execute(own.values(company_id=company_id))

    async def end(self, session: Session) -> None:
        """Sign out."""
        async with self._context.database.write() as connection:
            await connection.execute(delete(sessions).where(sessions.c.id == session.id))

    async def end_all(self, session: Session) -> int:
        """End all sessions of the same holder; return their number."""
        same = delete(sessions).where(sessions.c.holder == session.holder)
        async with self._context.database.write() as connection:
            return (await connection.execute(same)).rowcount

    async def count_of(self, key_id: str) -> int:
        """Count the active sessions opened by a key."""
        is_active = sessions.c.expires_ms > self._context.clock.now_ms()
        count = select(func.count()).where(sessions.c.key_id == key_id, is_active)
        async with self._context.database.read() as connection:
            return int((await connection.execute(count)).scalar_one())

    async def _store(self, session: Session) -> Session:
        """Store *session*. Remove aged sessions, and the holder's oldest sessions above the limit."""
        own = sessions.c.holder == session.holder
        newest = select(sessions.c.created_ms).where(own).order_by(sessions.c.created_ms.desc())
        aged_ms = self._context.deployment.aged_ms(session.created_ms)
        async with self._context.database.write() as connection:
            await connection.execute(delete(sessions).where(sessions.c.expires_ms <= aged_ms))
            oldest = await connection.execute(newest.offset(SESSIONS_OF_A_HOLDER - 1).limit(1))
            if (oldest_ms := oldest.scalar()) is not None:
                await connection.execute(delete(sessions).where(own, sessions.c.created_ms <= oldest_ms))
            await connection.execute(insert(sessions).values(**joined(asdict(session))))
        return session

    def _new(self, key_id: str, *, holder: str, company_id: int | None) -> Session:
        now_ms = self._context.clock.now_ms()
        return Session(
            id=f"pses_{secrets.token_hex(16)}",
            key_id=key_id,
            holder=holder,
            csrf=secrets.token_urlsafe(24),
            company_id=company_id,
            created_ms=now_ms,
            expires_ms=now_ms + self._lifetime_ms,
        )
