"""The subscriptions and consumers of a company, by the event types that they name."""

from trunkline.model.subscriptions import DISCONNECTED, ENDED
from trunkline.store import tables
from trunkline.store.connection import Connection
from trunkline.store.sql import text
from trunkline.store.subscriptions import Row, read_row

_OVER = ", ".join(f"'{reason}'" for reason in sorted({*ENDED, DISCONNECTED}))


async def named(connection: Connection, company_id: int) -> list[tuple[str, str, int]]:
    """Count a company's subscriptions and consumers, grouped by the event types that they name.

    Returns (kind, JSON of event types, count). Subscriptions that are paused, or disabled and resumable, count as well, because
    they get the events that they missed.
    """
    statement = text(
        "SELECT 'subscriptions' AS kind, event_types, count(*) FROM subscriptions WHERE company_id = :company "
        f"AND status <> 'deleted' AND COALESCE(disabled_reason, '') NOT IN ({_OVER}) GROUP BY event_types "
        "UNION ALL SELECT 'consumers', event_types, count(*) FROM consumers WHERE company_id = :company GROUP BY event_types"
    )
    return [(row[0], row[1], row[2]) for row in await connection.execute(statement, {"company": company_id})]


async def signed_by_ed25519(
    connection: Connection, company_id: int | None, subscription_id: str | None
) -> list[Row]:
    """Read the subscriptions that sign with ``ed25519``; None as *company_id* or *subscription_id* means any."""
    table = tables.subscriptions
    statement = table.select().where(text("status <> 'deleted'"), table.c.signature == "ed25519")
    if company_id is not None:
        statement = statement.where(table.c.company_id == company_id)
    if subscription_id is not None:
        statement = statement.where(table.c.id == subscription_id)
    return [read_row(row) for row in await connection.execute(statement.order_by(table.c.no))]
