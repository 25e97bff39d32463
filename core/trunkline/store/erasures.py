"""Erasures: the removal of all rows of one company, in small pieces, each counted in its own transaction.

``begin`` stops the company at once: its keys are revoked, and no event is accepted or matched for it any more. The removal may
be interrupted at any time, and any process may resume it, because each piece searches for the remaining rows.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import orjson
from msgspec import Struct

from trunkline.model.company_rows import CompanyRows
from trunkline.model.environments import company_number, environment_member, is_test, other_environment
from trunkline.store import audit_log, dialects, directory, retention, sql, subscriptions
from trunkline.store.connection import Connection
from trunkline.store.sql import text

SETTLE_MS = 5_000
"""The minimum duration of an erasure. Work that was in progress when the erasure began has written its last rows by then."""
COUNTED = 1_000_000
_COLUMNS = "id, company_id, removed, created_ms, completed_ms"
_COUNTED = {
    "deliveries": "subscriptions AS s JOIN deliveries AS d ON d.subscription_no = s.no WHERE s.company_id",
    "events": "events WHERE company_id",
}
"""The tables that ``left`` counts, each with the SQL that finds a company's rows."""

_SUBSCRIPTIONS = "SELECT no FROM subscriptions WHERE company_id = :company"
_REPLAYS = CompanyRows("replays", f"subscription_no IN ({_SUBSCRIPTIONS})")
_OF_COMPANY = (
    CompanyRows("unsettled", f"subscription_no IN ({_SUBSCRIPTIONS})"),
    CompanyRows("unreleased", f"subscription_no IN ({_SUBSCRIPTIONS})"),
    CompanyRows("consumers"),
    CompanyRows("health_hours", f"subscription_no IN ({_SUBSCRIPTIONS})"),
    CompanyRows("news"),
    CompanyRows("gathered"),
    CompanyRows("told"),
    CompanyRows("quarantine", "company_id = :company AND position IS NULL"),
    CompanyRows("quarantine", "company_id = :company AND position IS NOT NULL"),
    CompanyRows("quarantine_answers", "namespace = :company"),
    CompanyRows("idempotency_keys", "namespace = :company"),
    CompanyRows("operation_keys", "namespace = :company"),
    CompanyRows("api_keys"),
)
"""The rows of a company in the core's tables, except the log and the ledger. Each condition is served by an index."""
Removal = tuple[str, int]
"""A table, and the number of its rows that were removed."""


class Erasure(Struct, frozen=True):
    """One erasure: *removed* counts the rows removed so far, by table. *completed_ms* is None while it runs.

    Erasing a company erases its test environment, too. *company_id* may also name a test environment, which is then
    erased alone.
    """

    id: str
    company_id: int
    removed: Mapping[str, int]
    created_ms: int
    completed_ms: int | None


def _environments_of(company_id: int) -> tuple[int, ...]:
    """List the environments to erase for *company_id*: both environments of a company, or only its test environment."""
    return (company_id,) if is_test(company_id) else (company_id, other_environment(company_id))


async def begin(
    connection: Connection, company_id: int, *, id: str, plugins: Sequence[CompanyRows]
) -> Erasure:
    """Stop a company, and request its erasure under *id*. If its erasure is running already, return that one."""
    environments = _environments_of(company_id)
    numbers = await subscriptions.lock_of_companies(connection, environments)
    if numbers:
        await subscriptions.mark_deleted(connection, numbers)
    await directory.count_change(connection)
    statement = text(
        f"SELECT {_COLUMNS} FROM erasures WHERE company_id IN (:company, :whole) AND completed_ms IS NULL "
        "ORDER BY company_id DESC LIMIT 1"
    )
    which = {"company": company_id, "whole": company_number(company_id)}
    if row := (await connection.execute(statement, which)).first():
        return _read(row)
    removed: dict[str, int] = {}
    for environment in environments:
        await _stop(connection, environment, id)
        for rows in (rows for rows in plugins if rows.at_once):
            deletion = text(f"DELETE FROM {rows.table} WHERE {rows.where}")
            if count := (await connection.execute(deletion, {"company": environment})).rowcount:
                removed[rows.table] = removed.get(rows.table, 0) + count
    now = sql.now_ms(connection)
    statement = text(
        "INSERT INTO erasures (id, company_id, removed, created_ms, updated_ms) "
        f"VALUES (:id, :company, :removed, {now}, {now}) RETURNING {_COLUMNS}"
    )
    parameters = {"id": id, "company": company_id, "removed": orjson.dumps(removed).decode()}
    audit_log.note(
        "company.deleted",
        f"company:{company_number(company_id)}",
        company_id=company_id,
        after={"erasure": id, **environment_member(company_id)},
    )
    return _read((await connection.execute(statement, parameters)).one())


async def _stop(connection: Connection, company_id: int, id: str) -> None:
    """Make the hub refuse new events and calls for a company, which the erasure *id* will remove."""
    now = sql.now_ms(connection)
    parameters: dict[str, Any] = {"company": company_id, "id": id}
    statement = text(
        "INSERT INTO companies (company_id, limits, created_ms, updated_ms, erasure) "
        f"VALUES (:company, '{{}}', {now}, {now}, :id) ON CONFLICT (company_id) DO UPDATE SET limits = '{{}}', "
        "reference = NULL, name = NULL, time_zone = NULL, metadata = NULL, alert_recipients = NULL, erasure = :id"
    )
    await connection.execute(statement, parameters)
    statement = text(
        f"UPDATE api_keys SET revoked_ms = {now} WHERE company_id = :company AND revoked_ms IS NULL"
    )
    await connection.execute(statement, {"company": company_id})


async def find(connection: Connection, id: str) -> Erasure | None:
    """Read an erasure; None if it does not exist."""
    statement = text(f"SELECT {_COLUMNS} FROM erasures WHERE id = :id")
    row = (await connection.execute(statement, {"id": id})).first()
    return _read(row) if row else None


async def left(connection: Connection, erasure: Erasure) -> tuple[dict[str, int], int]:
    """Count the remaining rows in the largest tables, up to ``COUNTED`` each. Also returns the age of *erasure* in ms."""
    counted = ", ".join(
        f"(SELECT count(*) FROM (SELECT 1 FROM {source} IN (:company, :other) LIMIT {COUNTED}) AS {table})"
        for table, source in _COUNTED.items()
    )
    company, other = (*_environments_of(erasure.company_id), erasure.company_id)[:2]
    statement = text(f"SELECT {sql.now_ms(connection)}, {counted}")
    row = (await connection.execute(statement, {"company": company, "other": other})).one()
    return dict(zip(_COUNTED, row[1:], strict=True)), int(row[0]) - erasure.created_ms


async def was_erased(connection: Connection, company_id: int) -> bool:
    """Return whether a company is being erased, or was erased."""
    statement = text("SELECT 1 FROM erasures WHERE company_id = :company LIMIT 1")
    return (await connection.execute(statement, {"company": company_id})).first() is not None


async def is_any_open(connection: Connection) -> bool:
    """Return whether an erasure is running."""
    statement = text("SELECT 1 FROM erasures WHERE completed_ms IS NULL LIMIT 1")
    return (await connection.execute(statement)).first() is not None


async def claim(connection: Connection, holder: str, *, lease_ms: int) -> Erasure | None:
    """Claim, for *lease_ms*, the oldest running erasure that has no holder. Returns None if there is no such erasure."""
    now = sql.now_ms(connection)
    locking = sql.for_update_skipping(connection)
    statement = text(
        f"UPDATE erasures SET holder = :holder, lease_until_ms = {now} + :lease WHERE id = (SELECT id FROM erasures "
        f"WHERE completed_ms IS NULL AND (lease_until_ms IS NULL OR lease_until_ms < {now}) "
        f"ORDER BY created_ms LIMIT 1 {locking}) RETURNING {_COLUMNS}"
    )
    row = (await connection.execute(statement, {"holder": holder, "lease": lease_ms})).first()
    return _read(row) if row else None


async def keep(connection: Connection, erasure: Erasure, holder: str, *, lease_ms: int) -> Erasure | None:
    """Renew the lease of *erasure*, and lock its row. Returns its current state; None if another process holds the lease."""
    now = sql.now_ms(connection)
    statement = text(
        f"UPDATE erasures SET lease_until_ms = {now} + :lease, updated_ms = {now} "
        f"WHERE id = :id AND holder = :holder AND completed_ms IS NULL RETURNING {_COLUMNS}"
    )
    parameters = {"id": erasure.id, "holder": holder, "lease": lease_ms}
    row = (await connection.execute(statement, parameters)).first()
    return _read(row) if row else None


async def count(connection: Connection, erasure: Erasure, removals: Sequence[Removal]) -> None:
    """Add *removals*, made in the same transaction, to the counts of *erasure*."""
    removed = dict(erasure.removed)
    for table, rows in removals:
        removed[table] = removed.get(table, 0) + rows
    statement = text("UPDATE erasures SET removed = :removed WHERE id = :id")
    await connection.execute(statement, {"removed": orjson.dumps(removed).decode(), "id": erasure.id})


async def complete(connection: Connection, erasure: Erasure) -> None:
    """End *erasure*, and delete the company's record."""
    await directory.count_change(connection)
    for company_id in _environments_of(erasure.company_id):
        statement = text("DELETE FROM companies WHERE company_id = :company AND erasure = :id")
        await connection.execute(statement, {"company": company_id, "id": erasure.id})
    now = sql.now_ms(connection)
    statement = text(f"UPDATE erasures SET completed_ms = {now}, holder = NULL WHERE id = :id")
    await connection.execute(statement, {"id": erasure.id})


async def remove_piece(
    connection: Connection, erasure: Erasure, *, plugins: Sequence[CompanyRows], limit: int
) -> list[Removal]:
    """Remove up to *limit* rows of the first table that has any, and their dependent rows; empty when no rows are left."""
    await dialects.of_connection(connection).prefer_indexes(
        connection
    )  # statistics may still count removed rows
    for company_id in _environments_of(erasure.company_id):
        if removals := await _remove_some(connection, company_id, plugins=plugins, limit=limit):
            return removals
    return []


async def _remove_some(
    connection: Connection, company_id: int, *, plugins: Sequence[CompanyRows], limit: int
) -> list[Removal]:
    of_company = (*plugins, *_OF_COMPANY)
    steps: list[Callable[[], Awaitable[list[Removal]]]] = [
        lambda: _remove_rows(connection, _REPLAYS, company_id, limit),
        lambda: _remove_deliveries(connection, company_id, limit),
        *(lambda rows=rows: _remove_rows(connection, rows, company_id, limit) for rows in of_company),
        lambda: _remove_events(connection, company_id, limit),
        lambda: _empty_subscriptions(connection, company_id, limit),
    ]
    for step in steps:
        if removals := [(table, rows) for table, rows in await step() if rows]:
            return removals
    emptied = await audit_log.empty(connection, company_id, limit=limit)
    return [("audit", emptied)] if emptied else []


async def _remove_rows(
    connection: Connection, rows: CompanyRows, company_id: int, limit: int
) -> list[Removal]:
    statement = text(f"DELETE FROM {rows.table} WHERE {sql.some_of(connection, rows.table, rows.where)}")
    done = await connection.execute(statement, {"company": company_id, "limit": limit})
    return [(rows.table, done.rowcount)]


async def _remove_deliveries(connection: Connection, company_id: int, limit: int) -> list[Removal]:
    """Remove deliveries of one subscription, oldest first, with their attempts."""
    first = text(
        "SELECT s.no FROM subscriptions AS s WHERE s.company_id = :company "
        "AND EXISTS (SELECT 1 FROM deliveries AS d WHERE d.subscription_no = s.no) LIMIT 1"
    )
    no = (await connection.execute(first, {"company": company_id})).scalar_one_or_none()
    if no is None:
        return []
    picked = text(
        "SELECT position FROM deliveries WHERE subscription_no = :no ORDER BY position LIMIT :limit"
    )
    positions = [row[0] for row in await connection.execute(picked, {"no": no, "limit": limit})]
    return list((await retention.delete_at(connection, positions, ("attempts", "deliveries"), no=no)).items())


async def _remove_events(connection: Connection, company_id: int, limit: int) -> list[Removal]:
    """Remove events, oldest first, and the rows that the ledger still has about them."""
    picked = text("SELECT position FROM events WHERE company_id = :company ORDER BY position LIMIT :limit")
    positions = [row[0] for row in await connection.execute(picked, {"company": company_id, "limit": limit})]
    counts = await retention.delete_at(connection, positions, retention.OF_EVENTS)
    return list(counts.items())


async def _empty_subscriptions(connection: Connection, company_id: int, limit: int) -> list[Removal]:
    """Clear the contents of subscription rows, whose numbers dispatchers need until retention removes the rows."""
    statement = text(
        "UPDATE subscriptions SET target_url = '', target = NULL, event_types = '[]', filter = NULL, description = NULL, "
        "sealed = :nothing, status = 'deleted', disabled_reason = NULL, pins = NULL, ordering = NULL, retry = NULL, "
        "name = NULL, holder = NULL, notes = NULL, expires_ms = NULL, created_by = NULL, created_by_kind = NULL "
        f"WHERE no IN ({_SUBSCRIPTIONS} AND event_types <> '[]' LIMIT :limit)"
    )
    done = await connection.execute(statement, {"company": company_id, "nothing": b"", "limit": limit})
    return [("subscriptions", done.rowcount)]


def _read(row: Sequence[Any]) -> Erasure:
    return Erasure(row[0], row[1], orjson.loads(row[2]), row[3], row[4])
