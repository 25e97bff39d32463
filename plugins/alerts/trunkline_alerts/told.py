"""The tables of sent mails, reported matters and daily digests. Functions run in their caller's transaction."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct, structs
from sqlalchemy import BigInteger, Boolean, Column, Index, MetaData, Table, Text, delete, select, text, update

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

KEPT_MS = 30 * 24 * 3_600_000
"""Retention of mails and matters: longer than the hub retries a delivery."""

metadata = MetaData()

mails = Table(
    "alerts_mails",
    metadata,
    Column("message_id", Text, primary_key=True),
    Column("sent_ms", BigInteger, nullable=False),
    Index("ix_alerts_mails_sent", "sent_ms"),
)
"""Mails that the server accepted or permanently refused; a ``Message-ID`` is a digest of event and recipient."""

matters = Table(
    "alerts_matters",
    metadata,
    Column("way", Text, primary_key=True),
    Column("matter", Text, primary_key=True),
    Column("company_id", BigInteger, nullable=False),
    Column("event_id", BigInteger, nullable=False),
    Column("is_over", Boolean, nullable=False),
    Column("told_ms", BigInteger, nullable=False),
    Index("ix_alerts_matters_told", "told_ms"),
    Index("ix_alerts_matters_company", "company_id"),
)
"""The last alert about each matter through each subscription; the column *way* has the subscription's id."""

digests = Table(
    "alerts_digests",
    metadata,
    Column("company_id", BigInteger, primary_key=True, autoincrement=False),
    Column("day", BigInteger, nullable=False),
    Column("claimed_ms", BigInteger, nullable=False),
)
"""Companies with a daily digest.

*day* (since 1970) is the last day whose digest is done; *claimed_ms* is the time of the last claim.
"""


async def known(connection: "AsyncConnection", message_ids: Sequence[str]) -> frozenset[str]:
    """Return the ids in *message_ids* whose mails are already recorded as done."""
    rows = await connection.execute(select(mails.c.message_id).where(mails.c.message_id.in_(message_ids)))
    return frozenset(rows.scalars())


async def add(connection: "AsyncConnection", message_id: str, *, now_ms: int) -> None:
    """Record that a mail was sent, unless that is recorded; remove old rows."""
    await connection.execute(delete(mails).where(mails.c.sent_ms < now_ms - KEPT_MS))
    statement = text(
        "INSERT INTO alerts_mails (message_id, sent_ms) VALUES (:id, :now) ON CONFLICT DO NOTHING"
    )
    await connection.execute(statement, {"id": message_id, "now": now_ms})


class Told(Struct, frozen=True):
    """The last alert about a matter that was sent through one subscription."""

    event_id: int
    is_over: bool
    told_ms: int


async def last(connection: "AsyncConnection", way: str, matter: str) -> Told | None:
    """Return the last alert about *matter* that was sent through the subscription *way*."""
    query = select(matters.c.event_id, matters.c.is_over, matters.c.told_ms)
    row = (await connection.execute(query.where(matters.c.way == way, matters.c.matter == matter))).first()
    return None if row is None else Told(*row)


async def note(connection: "AsyncConnection", way: str, matter: str, told: Told, *, company_id: int) -> None:
    """Record the alert *told*, unless a later alert about *matter* is recorded; remove old rows."""
    await connection.execute(delete(matters).where(matters.c.told_ms < told.told_ms - KEPT_MS))
    statement = text(
        "INSERT INTO alerts_matters (way, matter, company_id, event_id, is_over, told_ms) "
        "VALUES (:way, :matter, :company_id, :event_id, :is_over, :told_ms) ON CONFLICT (way, matter) DO UPDATE SET "
        "event_id = excluded.event_id, is_over = excluded.is_over, told_ms = excluded.told_ms "
        "WHERE excluded.event_id > alerts_matters.event_id"
    )
    values = {"way": way, "matter": matter, "company_id": company_id, **structs.asdict(told)}
    await connection.execute(statement, values)


async def has_digest(connection: "AsyncConnection", company_id: int) -> bool:
    """Return whether a company chose a daily digest."""
    query = select(digests.c.company_id).where(digests.c.company_id == company_id)
    return (await connection.execute(query)).first() is not None


async def choose_digest(connection: "AsyncConnection", company_id: int, *, day: int | None) -> None:
    """Start a company's digests on the day after *day*, or end them if *day* is None.

    Running digests are not changed.
    """
    if day is None:
        await connection.execute(delete(digests).where(digests.c.company_id == company_id))
        return
    statement = text(
        "INSERT INTO alerts_digests (company_id, day, claimed_ms) VALUES (:company, :day, 0) ON CONFLICT DO NOTHING"
    )
    await connection.execute(statement, {"company": company_id, "day": day})


async def claim(connection: "AsyncConnection", *, day: int, before_ms: int, now_ms: int) -> int | None:
    """Claim a digest of *day* that is not done, and not claimed at or after *before_ms*.

    Return the digest's company.
    """
    statement = text(
        "UPDATE alerts_digests SET claimed_ms = :now WHERE day < :day AND claimed_ms < :before AND company_id = "
        "(SELECT min(company_id) FROM alerts_digests WHERE day < :day AND claimed_ms < :before) RETURNING company_id"
    )
    row = (await connection.execute(statement, {"day": day, "before": before_ms, "now": now_ms})).first()
    return None if row is None else int(row[0])


async def finish(connection: "AsyncConnection", company_id: int, *, day: int) -> None:
    """Record that the company's digest of *day* is done."""
    await connection.execute(update(digests).where(digests.c.company_id == company_id).values(day=day))
