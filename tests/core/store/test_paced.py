"""The attempts of other workers that the holder of a shard counts."""

from trunkline.store import paced
from trunkline.store.sql import text


async def test_a_claim_that_has_lapsed_or_is_of_a_worker_that_is_known_to_be_dead_counts_no_more(database):
    async with database.write() as connection:
        await connection.execute(
            text(
                "INSERT INTO workers (id, heartbeat_ms, draining) VALUES ('wrk_a', 0, false), ('wrk_b', 0, false)"
            )
        )
        await connection.execute(
            text(
                "INSERT INTO deliveries (position, subscription_no, status, attempts, claim, claimed_by, updated_ms) VALUES "
                "(1, 7, 'pending', 0, 1, 'wrk_a', 0), (2, 7, 'pending', 0, 1, 'wrk_b', 0), (3, 7, 'pending', 0, 1, NULL, 0)"
            )
        )
        assert await paced.in_flight_elsewhere(connection, "wrk_a", [7, 8]) == {7: 1}

        await connection.execute(text("UPDATE deliveries SET due_ms = 1"))
        assert await paced.in_flight_elsewhere(connection, "wrk_a", [7, 8]) == {}, "it has lapsed"

        await connection.execute(text("UPDATE deliveries SET due_ms = 9000000000000"))
        assert await paced.in_flight_elsewhere(connection, "wrk_a", [7, 8]) == {7: 1}

        await connection.execute(text("DELETE FROM workers WHERE id = 'wrk_b'"))
        assert await paced.in_flight_elsewhere(connection, "wrk_a", [7, 8]) == {}
