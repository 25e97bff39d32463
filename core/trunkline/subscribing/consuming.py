"""Named consumers: readers of the log whose cursors the hub stores. ``leasing`` leases their pages."""

import re
from collections.abc import Mapping
from typing import Any

from trunkline.access.company_limits import CompanyLimits
from trunkline.errors import SHOWN, BodyInvalid, FieldError, LimitReached, NotFound
from trunkline.filters import costs
from trunkline.model import cursors
from trunkline.model.reach import Reach
from trunkline.model.times import utc_or_none, utc_text_of_ms
from trunkline.schemas.versions import Pins
from trunkline.store import consumers as store
from trunkline.store import retention, stream
from trunkline.store.consumers import Consumer
from trunkline.store.database import Database
from trunkline.stream.filtered_pages import MOST_COST
from trunkline.stream.pages import Streaming
from trunkline.subscribing.leasing import KIND, Leasing
from trunkline.subscribing.requests import Checker, Start, read_start

COUNTED, COUNTED_IN_LISTS = 100_000, 10_000
"""The limits up to which a consumer's lag is counted: when it is shown alone, and in lists."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
_CURSOR = "n"


class Consumers:
    """Creates, shows, moves and deletes consumers. *reading* lends connections for reading."""

    def __init__(
        self,
        database: Database,
        *,
        reading: Database,
        streaming: Streaming,
        checker: Checker,
        limits: CompanyLimits,
        leasing: Leasing,
    ) -> None:
        self._database = database
        self._reading = reading
        self._streaming = streaming
        self._checker = checker
        self._limits = limits
        self._leasing = leasing

    async def put(
        self, company_id: int, name: str, request: Mapping[str, Any], *, versions: Pins
    ) -> tuple[dict[str, Any], bool]:
        """Create a consumer or change its definition. Returns the shown consumer, and whether it is new.

        ``start`` only applies to a new consumer.

        Raises:
            BodyInvalid: the request is not valid.
            LimitReached: the company has reached its limit of consumers.
            CursorExpired, CursorUnknown: ``start`` is a cursor outside the log.
        """
        definition, start = self._read(name, request, versions)
        most = (await self._limits.of(company_id)).consumers
        async with self._database.write() as connection:
            consumer = await store.define(connection, company_id, name, definition=definition)
            is_new = consumer is None
            if consumer is None:
                await store.lock_new(connection)
                consumer = await store.define(connection, company_id, name, definition=definition)
                is_new = consumer is None
            if consumer is None:
                if await store.count(connection, company_id) >= most:
                    raise LimitReached("consumers", most, things="consumers", remedy="delete one first")
                bounds = await retention.log_bounds(connection)
                position = bounds.head if start is None else max(start.position, bounds.edge)
                if start is not None and start.position:
                    await retention.check_cursor(connection, company_id, after=start.position, bounds=bounds)
                if start is not None and start.since_ms is not None:
                    position = max(await stream.position_before(connection, start.since_ms), bounds.edge)
                consumer = await store.insert(
                    connection, company_id, name, definition=definition, position=position
                )
        self._leasing.remember(consumer)
        return await self._view(consumer, COUNTED), is_new

    async def get(self, company_id: int, name: str) -> dict[str, Any]:
        """Show a consumer. Raises NotFound."""
        return await self._view(await self._leasing.load((company_id, name)), COUNTED)

    async def page_of(self, company_id: int, *, cursor: str | None = None, limit: int = 50) -> dict[str, Any]:
        """List the consumers of a company, oldest first. Raises BadCursor."""
        after = cursors.decode(cursor, kind=_CURSOR) if cursor is not None else 0
        async with self._reading.read() as connection:
            found = await store.of_company(connection, company_id, after=after, limit=limit + 1)
        shown = found[:limit]
        return {
            "consumers": [await self._view(consumer, COUNTED_IN_LISTS) for consumer in shown],
            "next_cursor": cursors.encode(shown[-1].no, kind=_CURSOR) if len(found) > limit else None,
        }

    async def delete(self, company_id: int, name: str) -> None:
        """Delete a consumer. Later commits of its leased pages are refused. Raises NotFound."""
        async with self._database.write() as connection:
            if not await store.delete(connection, company_id, name):
                raise NotFound(KIND, name[:SHOWN])

    async def seek(
        self, company_id: int, name: str, *, cursor: str | None = None, since_ms: int | None = None
    ) -> dict[str, Any]:
        """Move a consumer to *cursor*, or to the events accepted at *since_ms* or later, and show it. All its leases end.

        Raises NotFound, BadCursor, CursorExpired, CursorUnknown.
        """
        if cursor is not None:
            position = cursors.decode(cursor, path="/cursor")
            async with self._reading.read() as connection:
                await retention.check_cursor(connection, company_id, after=position)
        else:
            async with self._reading.read() as connection:
                bounds = await retention.log_bounds(connection)
                position = max(await stream.position_before(connection, since_ms or 0), bounds.edge)
        return await self._view(await self._leasing.move((company_id, name), Reach(position)), COUNTED)

    def _read(
        self, name: str, request: Mapping[str, Any], versions: Pins
    ) -> tuple[dict[str, Any], Start | None]:
        """Read a request, and return the consumer's definition and its start. Raises BodyInvalid."""
        if NAME.fullmatch(name) is None:
            message = f"must be 1 to 100 of the characters A-Z a-z 0-9 . _ - and begin with none of . _ -: '{name[:SHOWN]}'"
            raise BodyInvalid([FieldError("/name", message)])
        names, wanted = request.get("event_types"), request.get("filter")
        if names is not None:
            self._checker.check({"event_types": names}, required=(), known=("event_types",))
        if wanted is not None:
            self._checker.check_conditions(wanted, names or ["*"], versions)
            if (cost := costs.cost_of(wanted)) > MOST_COST:
                message = f"would cost {cost:,} to compare, of {MOST_COST:,} at most; ask for less"
                raise BodyInvalid([FieldError("/filter", message)])
        types = [] if names in (None, ["*"]) else list(dict.fromkeys(names))
        start = read_start(request.get("start"), oldest="beginning")
        return {"event_types": types, "filter": wanted}, start

    async def _view(self, consumer: Consumer, counted: int) -> dict[str, Any]:
        async with self._reading.read() as connection:
            lag, edge = await store.lag(
                connection, consumer, types=self._streaming.named(consumer.event_types), limit=counted
            )
        return {
            "name": consumer.name,
            "cursor": cursors.encode(consumer.reach.cursor),
            "lag": lag,
            "lag_is_least": lag == counted,
            "leases": sum(one.until_ms > self._leasing.now_ms() for one in consumer.reach.open),
            "is_expired": consumer.reach.cursor < edge,
            "event_types": list(consumer.event_types) or ["*"],
            "filter": consumer.filter,
            "created_utc": utc_text_of_ms(consumer.created_ms),
            "updated_utc": utc_text_of_ms(consumer.updated_ms),
            "committed_utc": utc_or_none(consumer.committed_ms),
        }
