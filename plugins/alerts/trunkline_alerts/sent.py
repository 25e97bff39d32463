"""The table of the mails that were sent, so that a retry mails nobody twice. Functions work in their caller's transaction."""

from collections.abc import Sequence

from sqlalchemy import BigInteger, Column, Index, MetaData, Table, Text, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

KEPT_MS = 30 * 24 * 3_600_000
"""How long a mail is remembered: longer than a delivery is tried."""

metadata = MetaData()

mails = Table(
    "alerts_mails",
    metadata,
    Column("message_id", Text, primary_key=True),
    Column("sent_ms", BigInteger, nullable=False),
    Index("ix_alerts_mails_sent", "sent_ms"),
)
"""Mails that the server took, or refused for good, by their ``Message-ID``, a digest of the event and the recipient."""


async def known(connection: AsyncConnection, message_ids: Sequence[str]) -> frozenset[str]:
    """Give those of *message_ids* that were sent."""
    rows = await connection.execute(select(mails.c.message_id).where(mails.c.message_id.in_(message_ids)))
    return frozenset(rows.scalars())


async def add(connection: AsyncConnection, message_id: str, *, now_ms: int) -> None:
    """Note that a mail was sent, and forget old ones. Another process may have noted it: it is noted once."""
    await connection.execute(delete(mails).where(mails.c.sent_ms < now_ms - KEPT_MS))
    if not await known(connection, [message_id]):
        await connection.execute(insert(mails), {"message_id": message_id, "sent_ms": now_ms})
