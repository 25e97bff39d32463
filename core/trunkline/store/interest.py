"""Who is interested in a company's events: its subscriptions and consumers, by what they name."""

from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.model.subscriptions import DISCONNECTED, ENDED
from trunkline.store import tables
from trunkline.store.sql import text
from trunkline.store.subscriptions import Row, read_row

_OVER = ", ".join(f"'{reason}'" for reason in sorted({*ENDED, DISCONNECTED}))


async def named(connection: AsyncConnection, company_id: int) -> list[tuple[str, str, int]]:
    """Count subscriptions and consumers of a company by what they name: kind, JSON of event types, count.

    A subscription that is paused, or disabled and may go on, gets what it missed: it counts.
    """
    statement = text(
        "SELECT 'subscriptions' AS kind, event_types, count(*) FROM subscriptions WHERE company_id = :company "
        f"AND status <> 'deleted' AND COALESCE(disabled_reason, '') NOT IN ({_OVER}) GROUP BY event_types "
        "UNION ALL SELECT 'consumers', event_types, count(*) FROM consumers WHERE company_id = :company GROUP BY event_types"
    )
    return [(row[0], row[1], row[2]) for row in await connection.execute(statement, {"company": company_id})]


async def signed_by_ed25519(
    connection: AsyncConnection, company_id: int | None, subscription_id: str | None
) -> list[Row]:
    """Read what is signed with ``ed25519``: the subscriptions of a company, or the one with *subscription_id*, of any for None."""
    table = tables.subscriptions
    statement = table.select().where(text("status <> 'deleted'"), table.c.signature == "ed25519")
    if company_id is not None:
        statement = statement.where(table.c.company_id == company_id)
    if subscription_id is not None:
        statement = statement.where(table.c.id == subscription_id)
    return [read_row(row) for row in await connection.execute(statement.order_by(table.c.no))]
