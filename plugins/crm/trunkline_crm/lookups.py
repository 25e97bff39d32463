"""Lists for dropdowns, in pages: records and people by name, statuses by number."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Table

from trunkline import Answer, Call
from trunkline_crm import cursors, fields
from trunkline_crm.cursors import Position
from trunkline_crm.fields import Row
from trunkline_crm.store import reading, tables
from trunkline_crm.store import statuses as status_store

DEFAULT_LIMIT = 50


async def list_clients(call: Call) -> Answer:
    """List leads and clients."""
    rows, cursor = await _people(call, tables.clients)
    items = [
        {"client_id": row["id"], "full_name": fields.full_name(row), "email": row["email"]} for row in rows
    ]
    return _answer("clients", items, cursor)


async def list_affiliates(call: Call) -> Answer:
    """List the approved affiliates."""
    is_approved = tables.affiliates.c.is_approved_affiliate.is_(True)
    rows, cursor = await _people(call, tables.affiliates, is_approved)
    items = [{"affiliate_id": row["id"], "full_name": fields.full_name(row)} for row in rows]
    return _answer("affiliates", items, cursor)


async def list_employees(call: Call) -> Answer:
    """List the employees."""
    rows, cursor = await _people(call, tables.employees)
    items = [{"employee_id": row["id"], "full_name": row["full_name"]} for row in rows]
    return _answer("employees", items, cursor)


async def list_client_statuses(call: Call) -> Answer:
    """List the company's statuses; if it has none, the statuses that a new company gets."""
    part, after, limit = _page_request(call)
    statuses = [
        status
        for status in await status_store.of_company(call)
        if part in fields.folded(status.name) and (after is None or status.status_id > after.id)
    ]
    listed = statuses[:limit]
    cursor = _cursor_after(call, Position("", listed[-1].status_id)) if len(statuses) > limit else None
    items = [
        {"status_id": status.status_id, "name": status.name, "is_lead": status.is_lead} for status in listed
    ]
    return _answer("client_statuses", items, cursor)


async def _people(call: Call, table: Table, *where: ColumnElement[bool]) -> tuple[Sequence[Row], str | None]:
    part, after, limit = _page_request(call)
    rows = await reading.page(call, table, part=part, after=after, limit=limit + 1, where=where)
    listed = rows[:limit]
    more = len(rows) > limit
    return listed, _cursor_after(call, Position(listed[-1]["name_key"], listed[-1]["id"])) if more else None


def _page_request(call: Call) -> tuple[str, Position | None, int]:
    """Read the text to search for, the position of the cursor, and the limit. Raises BadCursor."""
    cursor = call.input.get("cursor")
    after = None if cursor is None else cursors.decode(cursor, lookup=call.definition.name)
    return fields.folded(call.input.get("q", "")), after, int(call.input.get("limit", DEFAULT_LIMIT))


def _cursor_after(call: Call, position: Position) -> str:
    return cursors.encode(position, lookup=call.definition.name)


def _answer(key: str, items: Sequence[Row], next_cursor: str | None) -> Answer:
    return Answer({key: items, "count": len(items), "next_cursor": next_cursor})
