"""Reading and writing single records of any table. Each statement names the company."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Table, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from trunkline import BodyInvalid, FieldError
from trunkline_crm.fields import Row

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

_EXTERNAL_ID_TAKEN = "is already the external_id of another record"


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


async def insert_once(
    connection: "AsyncConnection", table: Table, row: Mapping[str, Any]
) -> tuple[Row, bool]:
    """Store *row*; return the record, and whether it is new. If its external_id is taken, return the existing record.

    Waits for a transaction that is storing the same external_id.
    """
    store = insert_into(connection, table).values(row).on_conflict_do_nothing().returning(table)
    same = [
        table.c.company_id == row["company_id"],
        table.c.external_id == row.get("external_id"),
        *present(table),
    ]
    while True:  # the existing record may have got another external_id before it was read
        if (stored := (await connection.execute(store)).mappings().first()) is not None:
            return dict(stored), True
        if (first := (await connection.execute(select(table).where(*same))).mappings().first()) is not None:
            return dict(first), False


async def get(connection: "AsyncConnection", table: Table, company_id: int, id: int) -> Row | None:
    """Read one record; None if the company has no record with this id."""
    query = select(table).where(table.c.company_id == company_id, table.c.id == id, *present(table))
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else dict(row)


async def lock(
    connection: "AsyncConnection", table: Table, company_id: int, id: int, *, with_archived: bool = False
) -> Row | None:
    """Read one record and lock it until the transaction ends; None if the company has no record with this id."""
    seen = [] if with_archived else present(table)
    query = select(table).where(table.c.company_id == company_id, table.c.id == id, *seen)
    row = (await connection.execute(query.with_for_update(key_share=True))).mappings().first()
    return None if row is None else dict(row)


async def change(
    connection: "AsyncConnection", table: Table, company_id: int, id: int, changes: Mapping[str, Any]
) -> None:
    """Write *changes* to one record. Raises BodyInvalid if the external_id is taken; the transaction must then be rolled back."""
    statement = update(table).where(table.c.company_id == company_id, table.c.id == id).values(changes)
    try:
        await connection.execute(statement)
    except IntegrityError:
        if changes.get("external_id") is None:
            raise
        raise BodyInvalid([FieldError("/external_id", _EXTERNAL_ID_TAKEN)]) from None


async def remove(connection: "AsyncConnection", table: Table, company_id: int, id: int) -> None:
    """Delete one record permanently."""
    await connection.execute(delete(table).where(table.c.company_id == company_id, table.c.id == id))
