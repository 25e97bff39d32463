"""The stored statuses of companies."""

from sqlalchemy import select

from trunkline import Call
from trunkline_crm.statuses import STARTING, Status
from trunkline_crm.store import records, tables


async def of_company(call: Call) -> list[Status]:
    """List a company's statuses, sorted by number; if it has none, the statuses that a new company gets."""
    return await _stored(call) or list(STARTING)


async def ensured(call: Call) -> list[Status]:
    """List a company's statuses, sorted by number; if it has none, first store the statuses of a new company."""
    if stored := await _stored(call):
        return stored
    own = {"company_id": call.company_id}
    starting = [own | {"status_id": status.status_id, "name": status.name} for status in STARTING]
    connection = records.connection_of(call)
    store = records.insert_into(connection, tables.statuses).on_conflict_do_nothing()
    await connection.execute(store, starting)
    return await _stored(call)


async def _stored(call: Call) -> list[Status]:
    table = tables.statuses
    query = select(table.c.status_id, table.c.name).where(table.c.company_id == call.company_id)
    rows = await records.connection_of(call).execute(query.order_by(table.c.status_id))
    return [Status(row.status_id, row.name) for row in rows]
