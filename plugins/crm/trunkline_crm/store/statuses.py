"""The stored statuses of companies."""

from typing import TYPE_CHECKING

from sqlalchemy import select

from trunkline_crm.statuses import STARTING, Status
from trunkline_crm.store import records, tables

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection


async def of_company(connection: "AsyncConnection", company_id: int) -> list[Status]:
    """List a company's statuses, sorted by number; if it has none, the statuses that a new company gets."""
    return await _stored(connection, company_id) or list(STARTING)


async def ensured(connection: "AsyncConnection", company_id: int) -> list[Status]:
    """List a company's statuses, sorted by number; if it has none, first store the statuses of a new company."""
    if stored := await _stored(connection, company_id):
        return stored
    starting = [
        {"company_id": company_id, "status_id": status.status_id, "name": status.name} for status in STARTING
    ]
    await connection.execute(
        records.insert_into(connection, tables.statuses).on_conflict_do_nothing(), starting
    )
    return await _stored(connection, company_id)


async def _stored(connection: "AsyncConnection", company_id: int) -> list[Status]:
    table = tables.statuses
    query = select(table.c.status_id, table.c.name).where(table.c.company_id == company_id)
    rows = await connection.execute(query.order_by(table.c.status_id))
    return [Status(row.status_id, row.name) for row in rows]
