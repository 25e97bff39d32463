"""Subscriptions found and shown, one company at a time."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.access.subscription_records import SubscriptionRecords
from trunkline.errors import NotFound
from trunkline.model.subscriptions import ID, Subscription
from trunkline.store import subscriptions as store
from trunkline.store.database import Database
from trunkline.store.subscriptions import Row
from trunkline.subscribing.requests import Checker
from trunkline.subscribing.views import view


class SubscriptionFinder:
    """Reads the subscriptions of a company; those of one channel, or of every channel for None."""

    def __init__(self, database: Database, *, records: SubscriptionRecords, checker: Checker) -> None:
        self._database = database
        self._records = records
        self._checker = checker

    async def list(
        self, company_id: int, *, channel: str | None, target_url: str | None = None
    ) -> list[dict[str, Any]]:
        """Show a company's subscriptions, oldest first."""
        async with self._database.read() as connection:
            rows = await store.of_company(connection, company_id, channel=channel, target_url=target_url)
        return [view(self._records.open(row), checker=self._checker) for row in rows]

    async def get(self, company_id: int, subscription_id: str, *, channel: str | None) -> dict[str, Any]:
        """Show one. Raises NotFound."""
        return view(await self.find(company_id, subscription_id, channel=channel), checker=self._checker)

    async def find(self, company_id: int, subscription_id: str, *, channel: str | None) -> Subscription:
        """Read one. Raises NotFound."""
        async with self._database.read() as connection:
            row = await find_row(connection, company_id, subscription_id, channel=channel)
        return self._records.open(row)

    async def of_company(self, company_id: int) -> Sequence[Subscription]:
        """Read all of a company's."""
        async with self._database.read() as connection:
            return [self._records.open(row) for row in await store.of_company(connection, company_id)]


async def find_row(
    connection: AsyncConnection,
    company_id: int,
    subscription_id: str,
    *,
    channel: str | None,
    to_change: bool = False,
) -> Row:
    """Read one row; *to_change* keeps others from changing it meanwhile. Raises NotFound."""
    is_id = ID.fullmatch(subscription_id) is not None
    row = await store.get(connection, subscription_id, to_change=to_change) if is_id else None
    if row is None or row.company_id != company_id or channel not in {None, row.channel}:
        raise NotFound("subscription", subscription_id)
    return row
