"""Finds and shows subscriptions, one company at a time."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from trunkline.access.subscription_records import SubscriptionRecords
from trunkline.errors import NotFound
from trunkline.model import cursors
from trunkline.model.health import NO_FIGURES
from trunkline.model.subscriptions import ID, Subscription
from trunkline.runtime.pauses import Pauses
from trunkline.store import health as health_store
from trunkline.store import subscriptions as store
from trunkline.store.connection import Connection
from trunkline.store.database import Database
from trunkline.store.subscriptions import Row
from trunkline.subscribing.requests import Checker
from trunkline.subscribing.views import show_condition, view

PAGE_BYTES = 256 * 1024
"""The total size of filters, event types and headers in a page; showing this much takes 5 ms."""
AT_ONCE = 20
"""The number of rows read at once; a row is at most as long as a body of 256 KiB."""
_CURSOR = "s"


class SubscriptionFinder:
    """Reads the subscriptions of a company. None as *channel* means all channels."""

    def __init__(self, database: Database, *, records: SubscriptionRecords, checker: Checker) -> None:
        self._database = database
        self.records = records
        self._checker = checker

    async def list(
        self, company_id: int, *, channel: str | None, target_url: str | None = None
    ) -> list[dict[str, Any]]:
        """Show a company's subscriptions, oldest first."""
        views: list[dict[str, Any]] = []
        pauses = Pauses()
        reached: int | None = 0
        while reached is not None:
            rows, reached = await self._read(company_id, reached, channel=channel, target_url=target_url)
            views += await self._show(rows)
            await pauses.pause_if_due()
        return views

    async def page(
        self,
        company_id: int,
        *,
        channel: str | None,
        target_url: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> dict[str, Any]:
        """Show up to *limit* subscriptions, within ``PAGE_BYTES``, and the cursor of the next page. Raises BadCursor."""
        after = cursors.decode(cursor, kind=_CURSOR) if cursor is not None else 0
        rows, reached = await self._read(company_id, after, channel=channel, target_url=target_url)
        if limit is not None and len(rows) > limit:
            rows = rows[:limit]
            reached = rows[-1].no
        views = await self._show(rows)
        following = None if reached is None else cursors.encode(reached, kind=_CURSOR)
        return {"subscriptions": views, "count": len(views), "next_cursor": following}

    async def each(self, company_id: int) -> AsyncIterator[Subscription]:
        """Read a company's subscriptions, oldest first, with pauses for other tasks."""
        pauses = Pauses()
        reached: int | None = 0
        while reached is not None:
            rows, reached = await self._read(company_id, reached, channel=None, target_url=None)
            for row in rows:
                yield self.records.open(row)
                await pauses.pause_if_due()

    async def _read(
        self, company_id: int, after: int, *, channel: str | None, target_url: str | None
    ) -> tuple[Sequence[Row], int | None]:
        """Read the rows of one page, at least one if any row is left, and the number after which the next page begins."""
        rows: list[Row] = []
        size = 0
        async with self._database.read() as connection:
            while True:
                some = await store.of_company(
                    connection,
                    company_id,
                    channel=channel,
                    target_url=target_url,
                    after=after,
                    at_once=AT_ONCE,
                )
                for row in some:
                    size += len(row.filter or "") + len(row.event_types) + len(row.sealed)
                    if rows and size > PAGE_BYTES:
                        return rows, after
                    rows.append(row)
                    after = row.no
                if len(some) < AT_ONCE:
                    return rows, None

    async def get(self, company_id: int, subscription_id: str, *, channel: str | None) -> dict[str, Any]:
        """Show a subscription. Raises NotFound."""
        return (await self._show([await self._find(company_id, subscription_id, channel=channel)]))[0]

    async def find(self, company_id: int, subscription_id: str, *, channel: str | None) -> Subscription:
        """Read a subscription. Raises NotFound."""
        return self.records.open(await self._find(company_id, subscription_id, channel=channel))

    async def _find(self, company_id: int, subscription_id: str, *, channel: str | None) -> Row:
        async with self._database.read() as connection:
            return await find_row(connection, company_id, subscription_id, channel=channel)

    async def _show(self, rows: Sequence[Row]) -> Sequence[dict[str, Any]]:
        """Show subscriptions with their health."""
        async with self._database.read() as connection:
            figures = await health_store.figures(connection, [row.no for row in rows])
        return [
            view(self.records.open(row), checker=self._checker)
            | show_condition(row, figures.get(row.no, NO_FIGURES))
            for row in rows
        ]


async def find_row(
    connection: Connection,
    company_id: int,
    subscription_id: str,
    *,
    channel: str | None,
    to_change: bool = False,
) -> Row:
    """Read the row of a subscription; *to_change* locks it. Raises NotFound."""
    is_id = ID.fullmatch(subscription_id) is not None
    row = await store.get(connection, subscription_id, to_change=to_change) if is_id else None
    if row is None or row.company_id != company_id or channel not in {None, row.channel}:
        raise NotFound("subscription", subscription_id)
    return row
