"""Companies that the operator gave limits of their own."""

from collections.abc import Mapping

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.store import sql
from trunkline.store.sql import text


async def limits_of(connection: AsyncConnection, company_id: int) -> dict[str, int]:
    """Read the limits of its own that a company has; none where it has no row."""
    statement = text("SELECT limits FROM companies WHERE company_id = :company")
    column = (await connection.execute(statement, {"company": company_id})).scalar_one_or_none()
    limits: dict[str, int] = orjson.loads(column) if column else {}
    return limits


async def put_limits(connection: AsyncConnection, company_id: int, limits: Mapping[str, int]) -> None:
    """Store *limits* as the company's own, in place of those that it had."""
    now = sql.now_ms(connection)
    statement = text(
        "INSERT INTO companies (company_id, limits, created_ms, updated_ms) "
        f"VALUES (:company, :limits, {now}, {now}) "
        "ON CONFLICT (company_id) DO UPDATE SET limits = excluded.limits, updated_ms = excluded.updated_ms"
    )
    values = {"company": company_id, "limits": orjson.dumps(limits).decode()}
    await connection.execute(statement, values)
