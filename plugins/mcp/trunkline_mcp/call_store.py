"""The table of agents' calls, and its SQL. Every function runs in its caller's transaction."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct, structs
from sqlalchemy import (
    BigInteger,
    Column,
    Identity,
    Index,
    Integer,
    MetaData,
    Select,
    Table,
    Text,
    delete,
    insert,
    select,
)

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

metadata = MetaData()

_No = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows only in a column of type INTEGER

calls = Table(
    "mcp_calls",
    metadata,
    Column("no", _No, Identity(), primary_key=True),
    Column("company_id", BigInteger, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("key_name", Text, nullable=False),
    Column("tool", Text),
    Column("outcome", Text, nullable=False),
    Column("duration_us", BigInteger, nullable=False),
    Column("called_ms", BigInteger, nullable=False),
    Index("ix_mcp_calls_company", "company_id", "no"),
    Index("ix_mcp_calls_called", "called_ms"),
)
"""Calls of tools: the key, the tool (null for an unknown name) and the outcome; never arguments or answers."""


class CalledTool(Struct, frozen=True):
    """One call of a tool. *called_ms* is when it ended."""

    company_id: int
    key_id: str
    key_name: str
    tool: str | None
    outcome: str
    duration_us: int
    called_ms: int


class ListedCall(Struct, frozen=True):
    """A call as it is stored, with its number."""

    no: int
    call: CalledTool


async def add(connection: "AsyncConnection", called: Sequence[CalledTool]) -> None:
    """Store calls."""
    await connection.execute(insert(calls), [structs.asdict(call) for call in called])


async def newest(
    connection: "AsyncConnection", company_id: int, *, limit: int, before: int | None = None
) -> list[ListedCall]:
    """Read a company's calls, newest first; only calls before the number *before*, if given."""
    shown = select(calls).where(calls.c.company_id == company_id)
    if before is not None:
        shown = shown.where(calls.c.no < before)
    rows = await connection.execute(shown.order_by(calls.c.no.desc()).limit(limit))
    return [ListedCall(no, CalledTool(*call)) for no, *call in rows]


async def trim(connection: "AsyncConnection", company_id: int, *, keep: int, limit: int) -> int:
    """Remove up to *limit* of a company's calls beyond the newest *keep*; return the number removed."""
    beyond = (
        select(calls.c.no).where(calls.c.company_id == company_id).order_by(calls.c.no.desc()).offset(keep)
    )
    return await _remove(connection, beyond.limit(limit))


async def purge(connection: "AsyncConnection", *, before_ms: int, limit: int) -> int:
    """Remove up to *limit* calls that ended before *before_ms*; return the number removed."""
    old = select(calls.c.no).where(calls.c.called_ms < before_ms).order_by(calls.c.called_ms)
    return await _remove(connection, old.limit(limit))


async def _remove(connection: "AsyncConnection", picked: Select[tuple[int]]) -> int:
    """Remove the *picked* rows, except rows that another process is removing."""
    numbers = (await connection.execute(picked.with_for_update(skip_locked=True))).scalars().all()
    if numbers:
        await connection.execute(delete(calls).where(calls.c.no.in_(numbers)))
    return len(numbers)
