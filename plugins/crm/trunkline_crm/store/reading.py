"""Finding records: one record by its keys, or many records in pages."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, func, or_, select, tuple_

from trunkline import Call
from trunkline_crm.cursors import Position
from trunkline_crm.fields import Row
from trunkline_crm.store import records, tables


async def find_client(call: Call, columns: Mapping[str, Any], *, leads_only: bool) -> Row | None:
    """Read the oldest record whose columns equal *columns*, with the names of the records that it refers to."""
    client = tables.clients
    conditions = [*records.present(client), *(client.c[column] == value for column, value in columns.items())]
    if leads_only:
        conditions.append(func.substr(tables.statuses.c.name, 1, 4) == "Lead")
    query = _with_names().where(client.c.company_id == call.company_id, *conditions)
    found = await records.connection_of(call).execute(query.order_by(client.c.id).limit(1))
    row = found.mappings().first()
    return None if row is None else dict(row)


async def page(
    call: Call,
    table: Table,
    *,
    part: str,
    after: Position | None,
    limit: int,
    where: Sequence[ColumnElement[bool]] = (),
) -> Sequence[Row]:
    """Read up to *limit* people after *after*, sorted by name and id, whose name or email contains *part* (folded)."""
    query = select(table).where(table.c.company_id == call.company_id, *records.present(table), *where)
    if part:
        query = query.where(has_part(table, part))
    if after is not None:
        query = query.where(tuple_(table.c.name_key, table.c.id) > (after.key, after.id))
    rows = await records.connection_of(call).execute(
        query.order_by(table.c.name_key, table.c.id).limit(limit)
    )
    return [dict(row) for row in rows.mappings()]


async def newest(
    call: Call, table: Table, *, where: Sequence[ColumnElement[bool]], before: int | None, limit: int
) -> Sequence[Row]:
    """Read up to *limit* records with ids below *before*, newest first.

    Clients are read with the names of the records that they refer to.
    """
    query = _with_names() if table is tables.clients else select(table)
    query = query.where(table.c.company_id == call.company_id, *records.present(table), *where)
    if before is not None:
        query = query.where(table.c.id < before)
    rows = await records.connection_of(call).execute(query.order_by(table.c.id.desc()).limit(limit))
    return [dict(row) for row in rows.mappings()]


def has_part(table: Table, part: str) -> ColumnElement[bool]:
    """Return the condition that a person's name or email contains *part* (folded)."""
    columns = (table.c.name_key, table.c.email_key)
    return or_(*(column.contains(part, autoescape=True) for column in columns))


def _with_names() -> Select[Any]:
    client, status = tables.clients, tables.statuses
    employee, affiliate = tables.employees, tables.affiliates
    is_its_status = (status.c.company_id == client.c.company_id) & (status.c.status_id == client.c.status_id)
    return select(
        client,
        status.c.name.label("status"),
        employee.c.full_name.label("employee_name"),
        (affiliate.c.first_name + " " + affiliate.c.last_name).label("affiliate_name"),
    ).select_from(
        client.join(status, is_its_status)
        .outerjoin(employee, employee.c.id == client.c.employee_id)
        .outerjoin(affiliate, affiliate.c.id == client.c.affiliate_id)
    )
