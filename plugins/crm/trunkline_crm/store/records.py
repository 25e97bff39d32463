"""Reading and writing single records of any table. Each statement names the company."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Table, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from trunkline import BodyInvalid, Call, FieldError
from trunkline_crm.fields import Row

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

_EXTERNAL_ID_TAKEN = "is already the external_id of another record"


def connection_of(call: Call) -> "AsyncConnection":
    """Return the database connection of the call; every handler that uses the database has one."""
    assert call.connection is not None
    return call.connection


def present(table: Table) -> list[ColumnElement[bool]]:
    """Return the condition that a record is not archived; empty for a table without archiving."""
    return [table.c.archived_ms.is_(None)] if "archived_ms" in table.c else []


def insert_into(connection: "AsyncConnection", table: Table) -> postgresql.Insert | sqlite.Insert:
    """Make an INSERT statement in the database's own dialect, which supports ON CONFLICT."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


async def insert(connection: "AsyncConnection", table: Table, row: Mapping[str, Any]) -> int:
    """Store *row*, which has no unique column, and return its id."""
    stored = await connection.execute(table.insert().values(row).returning(table.c.id))
    return int(stored.scalar_one())


async def insert_once(call: Call, table: Table, row: Mapping[str, Any]) -> tuple[Row, bool]:
    """Store *row* for the call's company, unless its external_id is taken; return the record, and whether it is new.

    Waits for a transaction that is storing the same external_id.
    """
    connection, own = connection_of(call), {**row, "company_id": call.company_id}
    store = insert_into(connection, table).values(own).on_conflict_do_nothing().returning(table)
    has_same_id = table.c.external_id == row.get("external_id")
    same = [table.c.company_id == call.company_id, has_same_id, *present(table)]
    while True:  # the existing record may have got another external_id before it was read
        if (stored := (await connection.execute(store)).mappings().first()) is not None:
            return dict(stored), True
        if (first := (await connection.execute(select(table).where(*same))).mappings().first()) is not None:
            return dict(first), False


async def get(call: Call, table: Table, id: int) -> Row | None:
    """Read one record; None if the company has no record with this id."""
    query = select(table).where(table.c.company_id == call.company_id, table.c.id == id, *present(table))
    row = (await connection_of(call).execute(query)).mappings().first()
    return None if row is None else dict(row)


async def lock(call: Call, table: Table, id: int, *, with_archived: bool = False) -> Row | None:
    """Read one record and lock it until the transaction ends; None if the company has no record with this id."""
    seen = [] if with_archived else present(table)
    query = select(table).where(table.c.company_id == call.company_id, table.c.id == id, *seen)
    row = (await connection_of(call).execute(query.with_for_update(key_share=True))).mappings().first()
    return None if row is None else dict(row)


async def change(call: Call, table: Table, id: int, changes: Mapping[str, Any]) -> None:
    """Write *changes* to one record. Raises BodyInvalid if the external_id is taken; the transaction must then be rolled back."""
    statement = update(table).where(table.c.company_id == call.company_id, table.c.id == id).values(changes)
    try:
        await connection_of(call).execute(statement)
    except IntegrityError:
        if changes.get("external_id") is None:
            raise
        raise BodyInvalid([FieldError("/external_id", _EXTERNAL_ID_TAKEN)]) from None


async def remove(call: Call, table: Table, id: int) -> None:
    """Delete one record permanently."""
    statement = delete(table).where(table.c.company_id == call.company_id, table.c.id == id)
    await connection_of(call).execute(statement)
