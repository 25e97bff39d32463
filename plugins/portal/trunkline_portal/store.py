"""The SQL of sessions and links. Every function runs in its caller's transaction."""

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import RowMapping, delete, func, insert, select, update

from trunkline_portal.tables import links, sessions

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

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


async def insert_session(connection: "AsyncConnection", session: Session, *, aged_ms: int) -> None:
    """Store *session*. Remove sessions that had expired at *aged_ms*, and the holder's oldest sessions above the limit."""
    await connection.execute(delete(sessions).where(sessions.c.expires_ms <= aged_ms))
    own = sessions.c.holder == session.holder
    newest = select(sessions.c.created_ms).where(own).order_by(sessions.c.created_ms.desc())
    oldest_ms = (await connection.execute(newest.offset(SESSIONS_OF_A_HOLDER - 1).limit(1))).scalar()
    if oldest_ms is not None:
        await connection.execute(delete(sessions).where(own, sessions.c.created_ms <= oldest_ms))
    await connection.execute(insert(sessions).values(**_joined(asdict(session))))


async def find_session(connection: "AsyncConnection", session_id: str) -> Session | None:
    """Read a session, expired or not."""
    result = await connection.execute(select(sessions).where(sessions.c.id == session_id))
    row = result.mappings().first()
    return None if row is None else Session(**_split(row))


async def choose_company(connection: "AsyncConnection", session_id: str, company_id: int) -> None:
    """Change the company that a session looks at."""
    await connection.execute(
        update(sessions).where(sessions.c.id == session_id).values(company_id=company_id)
    )


async def delete_session(connection: "AsyncConnection", session_id: str) -> None:
    """End one session."""
    await connection.execute(delete(sessions).where(sessions.c.id == session_id))


async def delete_sessions_of(connection: "AsyncConnection", holder: str) -> int:
    """End every session of *holder*; return their number."""
    return (await connection.execute(delete(sessions).where(sessions.c.holder == holder))).rowcount


async def count_sessions_of(connection: "AsyncConnection", key_id: str, *, now_ms: int) -> int:
    """Count the unexpired sessions opened by a key."""
    query = select(func.count()).where(sessions.c.key_id == key_id, sessions.c.expires_ms > now_ms)
    return int((await connection.execute(query)).scalar_one())


async def insert_link(connection: "AsyncConnection", link: Link, *, aged_ms: int) -> None:
    """Store *link*, and remove links that had expired at *aged_ms*."""
    await connection.execute(delete(links).where(links.c.expires_ms <= aged_ms))
    await connection.execute(insert(links).values(**_joined(asdict(link))))


async def find_link(connection: "AsyncConnection", link_id: str) -> Link | None:
    """Read a link, expired or not."""
    result = await connection.execute(select(links).where(links.c.id == link_id))
    row = result.mappings().first()
    return None if row is None else Link(**_split(row))


async def take_link(connection: "AsyncConnection", link_id: str) -> Link | None:
    """Read a link and remove it; of several concurrent calls only one gets the link."""
    link = await find_link(connection, link_id)
    used = delete(links).where(links.c.id == link_id)
    return link if link is not None and (await connection.execute(used)).rowcount == 1 else None


def _joined(values: dict[str, object]) -> dict[str, object]:
    scopes = values["scopes"]
    assert isinstance(scopes, tuple)
    return {**values, "scopes": ",".join(scopes)}


def _split(row: RowMapping) -> dict[str, Any]:
    return {**row, "scopes": tuple(filter(None, (row["scopes"] or "").split(",")))}
