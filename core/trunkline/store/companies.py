"""Companies as records: the operator's data about them, and their limits."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from msgspec import Struct
from sqlalchemy import BigInteger, bindparam

from trunkline.model.environments import company_number
from trunkline.store import audit_log, sql
from trunkline.store.connection import Connection
from trunkline.store.sql import text

MAX_NEW_ID = 2**53 - 1
"""The largest id that is exact in every client's JSON.

The hub assigns only ids below it; a product may choose larger ids itself.
"""
_JSON = ("limits", "metadata", "alert_recipients", "delivery")
_COLUMNS = "company_id, reference, name, time_zone, limits, metadata, alert_recipients, delivery, created_ms, updated_ms"
_AUDITED = ("reference", "name", "time_zone", "limits", "metadata", "alert_recipients", "delivery")
_IDS = ("companies", "api_keys", "subscriptions", "events", "erasures")
"""The tables whose column ``company_id`` contains, together, every company that exists or existed."""


class Company(Struct, frozen=True):
    """The record of a company. *limits* has only the limits that the operator set for the company.

    *delivery* has the delivery settings for subscriptions that do not set their own (``model.treatments``).
    """

    id: int
    reference: str | None
    name: str | None
    time_zone: str | None
    limits: Mapping[str, int]
    metadata: Mapping[str, Any]
    alert_recipients: Sequence[str]
    delivery: Mapping[str, Any]
    created_ms: int
    updated_ms: int


async def limits_of(connection: Connection, company_id: int) -> dict[str, int]:
    """Read the limits set for a company; empty if the company has no record."""
    statement = text("SELECT limits FROM companies WHERE company_id = :company")
    column = (await connection.execute(statement, {"company": company_id})).scalar_one_or_none()
    limits: dict[str, int] = orjson.loads(column) if column else {}
    return limits


async def limits_of_all(connection: Connection, company_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """Read the limits set for several companies; companies without a record are left out."""
    is_among_them, ids = sql.one_of(connection, "company_id", "ids", BigInteger)
    statement = text(f"SELECT company_id, limits FROM companies WHERE {is_among_them}").bindparams(ids)
    rows = await connection.execute(statement, {"ids": list(company_ids)})
    return {row[0]: orjson.loads(row[1]) for row in rows}


async def reached_by_nobody(connection: Connection) -> tuple[int, list[int]]:
    """Count the companies with active live subscriptions, and list those of them that have no alert recipients."""
    statement = text(
        "SELECT DISTINCT s.company_id, COALESCE(c.alert_recipients, '[]') FROM subscriptions s "
        "LEFT JOIN companies c ON c.company_id = s.company_id WHERE s.status = 'active' AND s.company_id > 0 ORDER BY 1"
    )
    rows = (await connection.execute(statement)).all()
    return len(rows), [row[0] for row in rows if not orjson.loads(row[1])]


async def find(connection: Connection, company_id: int) -> Company | None:
    """Read the record of a company; None if there is none."""
    statement = text(f"SELECT {_COLUMNS} FROM companies WHERE company_id = :company AND erasure IS NULL")
    row = (await connection.execute(statement, {"company": company_id})).first()
    return _read(row) if row else None


async def page(connection: Connection, *, reference: str | None, after: int, limit: int) -> list[Company]:
    """Read up to *limit* records of companies with ids above *after*; if *reference* is given, only its company."""
    which = "" if reference is None else "AND reference = :reference"
    statement = text(
        f"SELECT {_COLUMNS} FROM companies WHERE company_id > :after AND erasure IS NULL {which} "
        "ORDER BY company_id LIMIT :limit"
    )
    parameters = {"after": after, "limit": limit, "reference": reference}
    return [_read(row) for row in await connection.execute(statement, parameters)]


async def exists(connection: Connection, company_id: int) -> bool:
    """Return whether a company has a record, a key, a subscription or an event, in either environment."""
    of_company = "company_id IN (:company, -:company)"
    tables = (f"EXISTS (SELECT 1 FROM {table} WHERE {of_company})" for table in _IDS if table != "erasures")
    statement = text(f"SELECT {' OR '.join(tables)}").bindparams(bindparam("company", type_=BigInteger))
    return bool((await connection.execute(statement, {"company": company_id})).scalar_one())


async def holder_of(connection: Connection, reference: str) -> int | None:
    """Find the company with *reference*. While the caller holds the log's lock, no other company can take the reference."""
    statement = text("SELECT company_id FROM companies WHERE reference = :reference")
    return (await connection.execute(statement, {"reference": reference})).scalar_one_or_none()


async def holders_in_any_case(connection: Connection, reference: str) -> dict[int, str]:
    """Find the companies whose reference equals *reference* apart from upper and lower case."""
    statement = text("SELECT company_id, reference FROM companies WHERE lower(reference) = :folded")
    return {row[0]: row[1] for row in await connection.execute(statement, {"folded": reference.lower()})}


async def new_id(connection: Connection) -> int:
    """Compute the next company id; it is above the id of every company that exists or existed, in either environment.

    The caller must hold the log's lock. After ``epochs.advance``, the new id is also above the ids of companies that
    were lost in a restore.
    """
    largest = [f"(SELECT max(company_id) FROM {table} WHERE company_id < {MAX_NEW_ID})" for table in _IDS]
    of_tests = [f"(SELECT -min(company_id) FROM {table} WHERE company_id > -{MAX_NEW_ID})" for table in _IDS]
    floor = "(SELECT companies_after FROM stream_head WHERE id = 1)"
    row = (await connection.execute(text(f"SELECT {', '.join((floor, *largest, *of_tests))}"))).one()
    return max(value or 0 for value in row) + 1


async def lock(connection: Connection, company_id: int) -> Company | None:
    """Lock and read the record of a company, and create it if it is missing; None if the company is being erased."""
    now = sql.now_ms(connection)
    statement = text(
        f"INSERT INTO companies (company_id, limits, created_ms, updated_ms) VALUES (:company, '{{}}', {now}, {now}) "
        f"ON CONFLICT (company_id) DO UPDATE SET updated_ms = {now} WHERE companies.erasure IS NULL "
        f"RETURNING {_COLUMNS}"
    )
    row = (await connection.execute(statement, {"company": company_id})).first()
    return _read(row) if row else None


async def change(connection: Connection, company_id: int, changes: Mapping[str, Any]) -> Company:
    """Change columns of a record that the caller has locked, and return the new record."""
    values = {
        name: (orjson.dumps(value).decode() if name in _JSON and value is not None else value)
        for name, value in changes.items()
    }
    settings = ", ".join(f"{name} = :{name}" for name in values) or "name = name"
    before = await find(connection, company_id)
    statement = text(f"UPDATE companies SET {settings} WHERE company_id = :company RETURNING {_COLUMNS}")
    after = _read((await connection.execute(statement, {"company": company_id, **values})).one())
    is_new = after.created_ms == after.updated_ms
    audit_log.note(
        "company.created" if is_new else "company.changed",
        f"company:{company_number(company_id)}",
        company_id=company_id,
        before=None if is_new or before is None else _audited(before),
        after=_audited(after),
    )
    return after


def _audited(company: Company) -> dict[str, Any]:
    return {name: getattr(company, name) for name in _AUDITED}


def _read(row: Sequence[Any]) -> Company:
    *named, limits, metadata, recipients, delivery, created_ms, updated_ms = row
    if isinstance(delivery, str):  # one of the drivers returns JSON as text
        delivery = orjson.loads(delivery)
    read = orjson.loads(limits), orjson.loads(metadata or "{}"), orjson.loads(recipients or "[]")
    columns: list[Any] = [*named, *read, delivery or {}, created_ms, updated_ms]
    return Company(*columns)
