"""A whole hub on a real database, a real receiver, and checks of the ledger."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pytest
from sqlalchemy import text
from tests.waiting import until

from trunkline import settings
from trunkline.contract import Channel, EmittedEvent
from trunkline.hub.hub import Hub
from trunkline.model.events import shard_of
from trunkline.store.cursors import LOWEST
from trunkline.store.drivers import SQLiteDriver
from trunkline.store.drivers_postgresql import PostgreSQLDriver
from trunkline_kit.receiver import Answer

FINAL = {"delivered", "exhausted", "rejected", "gone", "skipped"}


@dataclass(frozen=True)
class Row:
    position: int
    no: int
    status: str
    attempts: int
    last_status_code: int | None
    due_ms: int | None
    claimed_by: str | None
    claim: int


def answer_after(event: asyncio.Event, answer: Answer | None = None):
    """Make a target that answers once *event* is set."""

    async def reply(connection):
        await event.wait()
        await (answer or Answer())(connection)

    return reply


class HubWith(Hub):
    extra: dict[str, Channel]

    def channels(self):
        return super().channels() | getattr(self, "extra", {})


class House:
    """A running hub, and a company that uses it.

    *matched* has the position of each event of the test, with the number of each subscription that matches it.
    """

    def __init__(self, hub: Hub, matched: set[tuple[int, int]] | None = None):
        self.hub = hub
        self.matched = set() if matched is None else matched

    until = staticmethod(until)

    async def subscribe(
        self, url: str, *, company: int = 92, types: Iterable[str] = ("*",), channel: str = "webhooks", **more
    ) -> int:
        request = {"target_url": url, "event_types": list(types), **more}
        view = await self.hub.subscriptions.create(company, request, channel=channel)
        subscription = await self.hub.subscriptions.find(company, view["id"], channel=channel)
        return subscription.no

    async def change(self, no: int, *, company: int = 92, **changes):
        """Change the subscription number *no* as PATCH does."""
        row = await self.subscription(no)
        await self.hub.subscriptions.update(company, row["id"], changes, channel=row["channel"])

    async def delete(self, no: int):
        await self.hub.subscriptions.delete(92, (await self.subscription(no))["id"], channel=None)

    async def replay(self, no: int, **request) -> str:
        """Start a replay for the subscription number *no*; return its id."""
        row = await self.subscription(no)
        return (await self.hub.replays.start(92, row["id"], request, channel=None))["id"]

    async def until_replayed(self, replay_id: str):
        async def is_completed():
            return (await self.hub.replays.get(92, replay_id))["status"] == "completed"

        await until(is_completed)

    async def retry(self, position: int, no: int):
        return await self.hub.deliveries.retry(92, f"dlv_{position}_{no}")

    async def skip(self, position: int, no: int):
        return await self.hub.deliveries.skip(92, f"dlv_{position}_{no}")

    async def emit(
        self,
        count: int = 1,
        *,
        to: Iterable[int] = (),
        company: int = 92,
        type: str = "lead.created",
        **payload,
    ) -> list[int]:
        """Accept *count* events, and note that the subscriptions *to* match them; return their positions."""
        example = self.hub.catalog.get(type).example
        event = EmittedEvent(company, type, {**example, **payload})
        accepted = await asyncio.gather(*(self.hub.ingest.emit(event) for _ in range(count)))
        positions = [event.event_id for event in accepted]
        self.matched.update((position, no) for position in positions for no in to)
        return positions

    async def is_disabled(self, no: int) -> bool:
        return (await self.subscription(no))["status"] == "disabled"

    async def deliver(self, *count: int, **options) -> list[int]:
        """Accept events as ``emit`` does, and wait until every delivery has ended."""
        positions = await self.emit(*count, **options)
        await self.check_settled()
        return positions

    async def query(self, statement: str, **parameters):
        async with self.hub.engines.read() as connection:
            return (await connection.execute(text(statement), parameters)).mappings().all()

    async def execute(self, statement: str, **parameters):
        async with self.hub.engines.write() as connection:
            await connection.execute(text(statement), parameters)

    async def subscription(self, no: int):
        return (await self.query("SELECT * FROM subscriptions WHERE no = :no", no=no))[0]

    async def rows(self, no: int | None = None) -> list[Row]:
        rows = await self.query(
            "SELECT position, subscription_no AS no, status, attempts, last_status_code, due_ms, claimed_by, claim "
            "FROM deliveries ORDER BY position, subscription_no"
        )
        return [row for row in (Row(**values) for values in rows) if no in {None, row.no}]

    async def attempts(self, position: int, no: int):
        return await self.query(
            "SELECT * FROM attempts WHERE position = :position AND subscription_no = :no ORDER BY number",
            position=position,
            no=no,
        )

    async def statuses(self, no: int | None = None) -> Counter:
        return Counter(row.status for row in await self.rows(no))

    async def until_statuses(self, no: int | None = None, *, seconds: float = 40, **expected: int):
        """Wait until the ledger has exactly the *expected* number of deliveries of each status."""
        deadline = time.monotonic() + seconds
        while (counted := await self.statuses(no)) != Counter(expected):
            assert time.monotonic() < deadline, (
                f"expected {expected}, counted {dict(counted)} after {seconds} s"
            )
            await asyncio.sleep(0.02)

    async def routing_is_fresh(self) -> bool:
        """Whether the dispatcher has seen every change of a subscription."""
        [row] = await self.query("SELECT version FROM routing")
        return self.hub.dispatcher._reader._table.version == row["version"]

    def waiting(self, company: int = 92) -> int:
        """Count a company's events in the matching lane."""
        lines = self.hub.dispatcher._matching._waiting.items()
        return sum(len(line) for (company_id, _), line in lines if company_id == company)

    async def cursor(self, company: int = 92) -> int:
        shard = shard_of(company, 16)
        return (await self.query("SELECT cursor FROM shards WHERE shard = :shard", shard=shard))[0]["cursor"]

    async def has_passed(self, position: int) -> bool:
        return await self.cursor() >= position

    async def check_ledger(self):
        """Check that each matched pair has exactly one delivery, and that the numbers add up.

        The table's key forbids two rows of one pair, so it is enough to compare the pairs.
        """
        rows = await self.rows()
        assert {(row.position, row.no) for row in rows} == self.matched
        counts = Counter(row.status for row in rows)
        ended = sum(counts[status] for status in FINAL)
        assert ended + counts["pending"] + counts["held"] == len(self.matched)
        logged = await self.query("SELECT position, subscription_no AS no, number FROM attempts")
        numbers: dict[tuple[int, int], set[int]] = {}
        for attempt in logged:
            numbers.setdefault((attempt["position"], attempt["no"]), set()).add(attempt["number"])
        for row in rows:
            assert numbers.get((row.position, row.no), set()) == set(range(1, row.attempts + 1)), row
            if row.status in FINAL:
                assert row.due_ms is None, row
                assert row.claimed_by is None, row

    async def check_recorded(self):
        """Wait until each matched pair has one delivery in any state."""

        async def is_recorded():
            return {(row.position, row.no) for row in await self.rows()} == self.matched

        await until(is_recorded, what="a delivery for each matched pair")
        await self.check_ledger()

    async def check_settled(self, *, seconds: float = 40, **expected: int):
        """Wait until every delivery has ended, the ledger balances, and no event is beyond its shard's cursor.

        If numbers of deliveries of each status are *expected*, the ledger must have exactly these.
        """

        async def is_over():
            rows = await self.rows()
            return {(r.position, r.no) for r in rows} == self.matched and all(r.status in FINAL for r in rows)

        await until(is_over, seconds=seconds, what="the end of every delivery")
        await self.check_ledger()

        await until(self.is_read, what="the cursors' passing of every event")
        assert not expected or await self.statuses() == Counter(expected)

    async def is_read(self) -> bool:
        """Whether every event is at or before its shard's cursor."""
        return not await self.query(
            f"SELECT 1 FROM events AS e JOIN {LOWEST} AS s ON s.shard = e.shard WHERE e.position > s.cursor LIMIT 1"
        )


@pytest.fixture
def make_settings(database_url) -> Callable[..., settings.Settings]:
    """Make settings for a hub on the test's database; *delivery* has settings of that section."""

    def make(*, url: str | None = None, plugins: str = "webhooks", **delivery):
        environment = {
            "TRUNKLINE_DATABASE__URL": url or database_url,
            "TRUNKLINE_PLUGINS__ENABLED": plugins,
            "TRUNKLINE_AUTH__PEPPER": "p" * 32,
            "TRUNKLINE_AUTH__ENCRYPTION_KEY": "k" * 32,
            "TRUNKLINE_DELIVERY__ALLOW_HTTP": "true",
            "TRUNKLINE_DELIVERY__ALLOW_PRIVATE_NETWORKS": "true",
            "TRUNKLINE_DELIVERY__RETRY_JITTER": "0",
            "TRUNKLINE_DELIVERY__RETRY_SCHEDULE_SECONDS": "0.1,0.1",
        }
        environment |= {f"TRUNKLINE_DELIVERY__{name.upper()}": str(value) for name, value in delivery.items()}
        return settings.load(environment=environment)

    return make


@pytest.fixture
def open_house(make_settings):
    """Start a hub: ``async with open_house(timeout_seconds=1) as house``. All hubs of a test have one *matched*."""
    matched: set[tuple[int, int]] = set()

    @contextlib.asynccontextmanager
    async def open_(*, channels: Iterable[Channel] = (), dispatch: bool = True, **options):
        hub = HubWith(make_settings(**options), dispatch=dispatch)
        hub.extra = {channel.name: channel for channel in channels}
        async with hub:
            yield House(hub, matched)

    return open_


@pytest.fixture
def statements(monkeypatch) -> list[str]:
    """Collect the statements that the drivers run."""
    ran: list[str] = []
    for driver in (PostgreSQLDriver, SQLiteDriver):
        run = driver.run

        async def noted(self, statement, values, run=run):
            ran.append(statement)
            return await run(self, statement, values)

        monkeypatch.setattr(driver, "run", noted)
    return ran


@pytest.fixture(autouse=True)
def _leave_quickly(monkeypatch):
    """Make a stopping hub wait half a second for hanging attempts, not five."""
    monkeypatch.setattr("trunkline.dispatch.dispatcher.STOP_SECONDS", 0.5)
