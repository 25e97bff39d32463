"""Fills a database before the hub starts: a long log, a backlog, retries that are due."""

import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from furniture import Company, Furniture
from scale import Scale
from sqlalchemy import text

from trunkline import settings
from trunkline.hub.hub import Hub
from trunkline.model.events import shard_of
from trunkline.store.dialects import Dialect
from trunkline.store.engines import EngineDatabase

_CHUNK = 20_000
_SHARDS = 16


@dataclass(frozen=True, slots=True)
class World:
    """A furnished database without a running hub."""

    url: str
    environment: dict[str, str]
    furniture: Furniture
    scale: Scale

    @property
    def attacker(self) -> Company:
        return self.furniture.owner

    def size(self, whole: int, part: int) -> int:
        return whole if self.scale.is_whole else part

    @contextlib.asynccontextmanager
    async def hub(self) -> AsyncGenerator[Hub]:
        async with Hub(settings.load(environment=self.environment), dispatch=False) as hub:
            yield hub

    async def subscribe(self, target_url: str, *, status: str = "active", **more: object) -> int:
        """Make the attacker's subscription to everything; return its number."""
        async with self.hub() as hub:
            request = {"target_url": target_url, "event_types": ["*"], **more}
            made = await hub.subscriptions.create(self.attacker.id, request, channel="webhooks")
            if status != "active":
                await hub.subscriptions.update(
                    self.attacker.id, made["id"], {"status": status}, channel="webhooks"
                )
            found = await hub.subscriptions.find(self.attacker.id, made["id"], channel="webhooks")
            return found.no

    async def events(self, count: int, *, letters: int = 100, company: int | None = None) -> tuple[int, int]:
        """Put *count* events of the attacker into the log, before every cursor; return the first and the last."""
        owner = company or self.attacker.id
        async with EngineDatabase(self.url) as database:
            async with database.write() as connection:
                head = (await connection.execute(text("SELECT position FROM stream_head"))).scalar_one()
            insert = text(_insert_events(owner, letters=letters, dialect=database.dialect))
            for first in range(head + 1, head + count + 1, _CHUNK):
                last = min(first + _CHUNK - 1, head + count)
                async with database.write() as connection:
                    await connection.execute(insert, {"first": first, "last": last})
            async with database.write() as connection:
                for statement in (
                    "UPDATE stream_head SET position = :last",
                    "UPDATE shards SET cursor = :last",
                    "ANALYZE",
                ):
                    used = {"last": head + count} if ":last" in statement else {}
                    await connection.execute(text(statement), used)
        return head + 1, head + count

    async def deliveries(
        self, first: int, last: int, subscription_no: int, *, status: str, in_order: bool = False
    ) -> None:
        """Give each event from *first* to *last* a delivery, due or ended, with its attempt.

        With *in_order*, each delivery is ordered under a separate key.
        """
        due = "0" if status == "pending" else "NULL"
        outcome = "retry" if status == "pending" else "delivered"
        deliveries = text(
            "INSERT INTO deliveries (position, subscription_no, status, attempts, claim, due_ms, updated_ms, order_key, "
            f"order_shard) SELECT position, :no, '{status}', 1, 0, {due}, accepted_ms, "
            f"{'position, shard' if in_order else 'NULL, NULL'} FROM events WHERE position BETWEEN :first AND :last"
        )
        attempts = text(
            "INSERT INTO attempts (position, subscription_no, number, started_ms, duration_ms, outcome, status_code) "
            f"SELECT position, :no, 1, accepted_ms, 7, '{outcome}', 500 FROM events WHERE position BETWEEN :first AND :last"
        )
        async with EngineDatabase(self.url) as database:
            for begin in range(first, last + 1, _CHUNK):
                used = {"no": subscription_no, "first": begin, "last": min(begin + _CHUNK - 1, last)}
                async with database.write() as connection:
                    await connection.execute(deliveries, used)
                    await connection.execute(attempts, used)
            async with database.write() as connection:
                await connection.execute(text("ANALYZE"))

    async def hold(self, first: int, last: int) -> None:
        """Give all of these ordered deliveries one key, so that the others wait for the first."""
        async with EngineDatabase(self.url) as database:
            for begin in range(first, last + 1, _CHUNK):
                used = {"front": first, "first": begin, "last": min(begin + _CHUNK - 1, last)}
                async with database.write() as connection:
                    await connection.execute(text(_HELD), used)


_HELD = (
    "UPDATE deliveries SET order_key = 0, attempts = CASE WHEN position = :front THEN attempts ELSE 0 END, "
    "status = CASE WHEN position = :front THEN status ELSE 'held' END, "
    "queued = CASE WHEN position = :front THEN NULL ELSE 1 END, "
    "due_ms = CASE WHEN position = :front THEN due_ms END WHERE position BETWEEN :first AND :last"
)


async def long_delivery_log(world: World) -> None:
    number = await world.subscribe("http://127.0.0.1:9/hook")
    first, last = await world.events(world.size(200_000, 20_000))
    await world.deliveries(first, last, number, status="delivered")


def _insert_events(company: int, *, letters: int, dialect: Dialect) -> str:
    """Write the statement that makes the events from ``:first`` to ``:last``, a millisecond apart and up to now."""
    payload = (
        r""",\"payload\"\:{{\"client_id\"\:1,\"first_name\"\:\"Mallory\",\"last_name\"\:\"Doe\",\"email\"\:\"m@example.com\","""
        r"""\"status\"\:\"Lead - New\",\"status_id\"\:10,\"created_date\"\:\"2026-01-28T10\:30\:00Z\",\"phone\"\:\"{letters}\"}}}}"""
    ).format(letters="x" * letters)
    payload = payload.replace('\\"', '"')
    envelope = (
        r"""'{"id"\:' || i || ',"type"\:"lead.created","createdUtc"\:"2026-01-28T10\:30\:00Z","companyId"\:"""
        + str(company)
        + payload
        + "'"
    )
    if dialect.name == "sqlite":
        numbers = (
            "(WITH RECURSIVE n(i) AS (SELECT :first UNION ALL SELECT i + 1 FROM n WHERE i < :last) "
            "SELECT i FROM n)"
        )
        body = f"CAST({envelope} AS BLOB)"
    else:
        numbers = "generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS n(i)"
        body = f"convert_to({envelope}, 'UTF8')"
    shard = shard_of(company, _SHARDS)
    return (
        "INSERT INTO events (position, company_id, type, shard, accepted_ms, body) "
        f"SELECT i, {company}, 'lead.created', {shard}, {dialect.now_ms} - 60000, {body} FROM {numbers}"
    )
