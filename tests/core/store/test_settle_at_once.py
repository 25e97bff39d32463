"""Settling deliveries in one statement, as a server allows it: all of it is stored, or nothing."""

from collections.abc import Collection, Sequence

import pytest
from msgspec import structs
from tests.core.store.conftest import insert_subscription
from tests.core.store.test_shards import NONE, claim, cursor
from tests.statements import execute

from trunkline.store import settle_at_once, shards
from trunkline.store.database import Database
from trunkline.store.deliveries import Attempt
from trunkline.store.shards import Lease, Reached
from trunkline.store.sql import text

pytestmark = pytest.mark.parametrize("engine", ["postgresql"])
ATTEMPTS = [
    Attempt(NONE + 1, 7, 1, 1_790_000_000_000, 12, "delivered", 200, "ok", None),
    Attempt(NONE + 1, 8, 1, 1_790_000_000_001, 13, "delivered", None, None, None, sent_twice=True),
    Attempt(NONE + 2, 7, 1, 1_790_000_000_002, 14, "delivered", 204, "", None),
]


async def settle(
    database: Database,
    leases: Sequence[Lease],
    *,
    worker: str = "wrk_a",
    attempts: Sequence[Attempt] = ATTEMPTS,
    subscriptions: Collection[int] = (7, 8),
) -> bool:
    async with database.write_once() as connection:
        return await settle_at_once.settle(connection, worker, leases, attempts, subscriptions=subscriptions)


async def stored(database: Database) -> tuple[list[tuple], list[tuple]]:
    async with database.read() as connection:
        deliveries = await connection.execute(
            text(
                "SELECT position, subscription_no, status, attempts, last_status_code, due_ms, claimed_by, claim "
                "FROM deliveries ORDER BY position, subscription_no"
            )
        )
        attempts = await connection.execute(
            text(
                "SELECT position, subscription_no, number, started_ms, duration_ms, outcome, status_code, response_body, "
                "error, sent_twice, retry_after_ms, response_headers FROM attempts ORDER BY position, subscription_no"
            )
        )
        return [tuple(row) for row in deliveries], [tuple(row) for row in attempts]


@pytest.fixture
async def leases(database: Database) -> list[Lease]:
    """Two leases of ``wrk_a`` with the progress to store."""
    found = await claim(database, "wrk_a", limit=2)
    return [structs.replace(lease, reached=Reached(NONE + 2, NONE + 5, NONE + 9)) for lease in found]


async def test_the_rows_and_the_progress_are_those_of_a_settlement_in_a_transaction(database, leases):
    assert await settle(database, leases)
    deliveries, attempts = await stored(database)
    assert deliveries == [
        (a.position, a.subscription_no, "delivered", 1, a.status_code, None, None, 0) for a in ATTEMPTS
    ]
    assert attempts == [tuple(each) for each in ATTEMPTS]
    async with database.read() as connection:
        reached = await connection.execute(
            text(f"SELECT {shards.REACHED} FROM shards WHERE holder = 'wrk_a' ORDER BY shard")
        )
        assert [Reached(*row) for row in reached] == [lease.reached for lease in leases]
        updated = text(
            "SELECT count(*) FROM deliveries "
            "WHERE updated_ms BETWEEN EXTRACT(EPOCH FROM now()) * 1000 - 60000 AND EXTRACT(EPOCH FROM now()) * 1000 + 1000"
        )
        assert (await connection.execute(updated)).scalar_one() == len(ATTEMPTS)


async def test_a_settlement_whose_answer_was_lost_changes_nothing_the_second_time(database, leases):
    assert await settle(database, leases)
    before = await stored(database)
    assert await settle(database, leases)
    assert await stored(database) == before


@pytest.mark.parametrize("why", ["another holder", "a newer epoch"])
async def test_nothing_is_stored_if_one_of_the_leases_is_lost(database, leases, why):
    change = "holder = 'wrk_b'" if why == "another holder" else "epoch = epoch + 1"
    await execute(database, f"UPDATE shards SET {change} WHERE shard = {leases[1].shard}")
    assert not await settle(database, leases)
    assert await stored(database) == ([], [])
    assert [await cursor(database, lease.shard) for lease in leases] == [NONE, NONE]


@pytest.mark.parametrize("column", ["failures", "failing_level"])
async def test_nothing_is_stored_if_a_subscription_has_failed_before(database, leases, column):
    await insert_subscription(database, no=8, **{column: 1})
    assert not await settle(database, leases)
    assert await stored(database) == ([], [])
    assert await settle(database, leases, subscriptions=[7])
