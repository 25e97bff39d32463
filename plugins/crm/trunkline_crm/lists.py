"""Single records by id, and lists of records in pages, newest first."""

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import ColumnElement, Table

from trunkline import Answer, Call, Json, NotFound
from trunkline.routes import BadQuery
from trunkline_crm import cursors, fields, shown
from trunkline_crm import statuses as rules
from trunkline_crm.calls import id_of
from trunkline_crm.cursors import Position
from trunkline_crm.fields import Row
from trunkline_crm.statuses import Status
from trunkline_crm.store import reading, records, tables
from trunkline_crm.store import statuses as status_store

MOST_CHARACTERS = 50_000
"""Limit of all notes on one page together, in characters: a page of long notes ends early, and delays no other calls."""

_Show = Callable[[Mapping[str, Json]], Row]


async def get_client(call: Call) -> Answer:
    """Return a client or a lead."""
    return await _client(call, kind="client")


async def get_lead(call: Call) -> Answer:
    """Return a record with a lead status."""
    return await _client(call, kind="lead")


async def get_affiliate(call: Call) -> Answer:
    """Return an affiliate."""
    number = id_of(call, "affiliate_id")
    record = await records.get(call, tables.affiliates, number)
    if record is None:
        raise NotFound("affiliate", number)
    return Answer(shown.affiliate(record))


async def list_clients(call: Call) -> Answer:
    """List clients and leads."""
    return await _clients(call, leads_only=False)


async def list_leads(call: Call) -> Answer:
    """List the records with a lead status."""
    return await _clients(call, leads_only=True)


async def list_affiliates(call: Call) -> Answer:
    """List affiliates, approved or not."""
    where = [*_part(call, tables.affiliates), *_equal(call, tables.affiliates, "is_approved_affiliate")]
    return await _listed(call, tables.affiliates, where, show=shown.affiliate)


async def list_client_notes(call: Call) -> Answer:
    """List the notes of a client or a lead."""
    number = id_of(call, "client_id")
    if await records.get(call, tables.clients, number) is None:
        raise NotFound("client", number)
    where = [tables.notes.c.client_id == number, *_equal(call, tables.notes, "visibility")]
    return await _listed(call, tables.notes, where, show=shown.note)


async def _client(call: Call, *, kind: str) -> Answer:
    number = id_of(call, "client_id")
    record = await reading.find_client(call, {"id": number}, leads_only=kind == "lead")
    if record is None:
        raise NotFound(kind, number)
    return Answer(shown.client(record))


async def _clients(call: Call, *, leads_only: bool) -> Answer:
    client = tables.clients
    where = [*_part(call, client), *_equal(call, client, "employee_id", "affiliate_id")]
    if leads_only or "status" in call.input:
        statuses = await status_store.of_company(call)
        wanted = _wanted(statuses, name=call.input.get("status"), leads_only=leads_only)
        where.append(client.c.status_id.in_([status.status_id for status in wanted]))
    return await _listed(call, client, where, show=shown.client)


def _wanted(statuses: Sequence[Status], *, name: str | None, leads_only: bool) -> Sequence[Status]:
    """Choose the statuses that listed records may have. Raises BadQuery if no status has that *name*."""
    fitting = [status for status in statuses if status.is_lead or not leads_only]
    if name is None:
        return fitting
    status = rules.called(fitting, name.strip())
    if status is None:
        known = ", ".join(f"'{status.name}'" for status in fitting)
        fault = f"must be one of {known}, not '{name[:60]}'"
        raise BadQuery.parameter("status", fault)
    return [status]


async def _listed(call: Call, table: Table, where: Sequence[ColumnElement[bool]], *, show: _Show) -> Answer:
    limits = call.definition.input["properties"]["limit"]
    cursor, limit = call.input.get("cursor"), int(call.input.get("limit", limits["default"]))
    before = None if cursor is None else cursors.decode(cursor, lookup=call.definition.name).id
    rows = await reading.newest(call, table, where=where, before=before, limit=limit + 1)
    page = rows[: _fitting(rows[:limit])]
    more = Position("", page[-1]["id"]) if len(rows) > len(page) else None
    next_cursor = None if more is None else cursors.encode(more, lookup=call.definition.name)
    return Answer({"items": [show(row) for row in page], "next_cursor": next_cursor})


def _fitting(rows: Sequence[Row]) -> int:
    """Return how many rows fit on a page: at least one, and more until the length of their texts reaches the limit."""
    total = 0
    for count, row in enumerate(rows):
        total += len(row.get("text", ""))
        if total > MOST_CHARACTERS and count:
            return count
    return len(rows)


def _part(call: Call, table: Table) -> list[ColumnElement[bool]]:
    part = fields.folded(call.input.get("q", ""))
    return [reading.has_part(table, part)] if part else []


def _equal(call: Call, table: Table, *names: str) -> list[ColumnElement[bool]]:
    return [table.c[name] == call.input[name] for name in names if name in call.input]
