"""How the subscriptions of one kind of waiting deliveries take turns."""

import pytest

from trunkline.dispatch.lanes.lane import Rounds
from trunkline.store import due
from trunkline.store.database import Database


@pytest.fixture(autouse=True)
async def _seven_with_due_deliveries(database: Database):
    async with database.write() as connection:
        await connection.exec_driver_sql(
            "INSERT INTO deliveries (position, subscription_no, status, attempts, claim, updated_ms, due_ms) VALUES "
            + ", ".join(
                f"({position}, {no}, 'pending', 1, 0, 0, 0)" for no in range(1, 8) for position in (1, 2)
            )
        )


async def shares(database: Database, rounds: Rounds, *, room: int, most_of=lambda _: 9) -> dict[int, int]:
    async with database.read() as connection:
        waiting = await rounds.next(connection)
    return rounds.divide(room, [each.subscription_no for each in waiting], most_of)


async def test_a_step_goes_on_after_the_subscription_that_took_the_last_room(database):
    rounds = Rounds(due.FREE, most=100)
    steps = [await shares(database, rounds, room=3) for _ in range(3)]
    assert steps == [{1: 1, 2: 1, 3: 1}, {4: 1, 5: 1, 6: 1}, {7: 1, 1: 1, 2: 1}]


async def test_a_step_that_reads_no_more_goes_on_after_what_it_has_read(database):
    rounds = Rounds(due.FREE, most=4)
    assert list(await shares(database, rounds, room=100)) == [1, 2, 3, 4]
    assert rounds.has_more
    assert list(await shares(database, rounds, room=100)) == [5, 6, 7, 1]


async def test_room_that_one_cannot_use_goes_to_the_others(database):
    most_of = {1: 0, 2: 1, 3: 9, 4: 0, 5: 0, 6: 9, 7: 0}
    rounds = Rounds(due.FREE, most=100)
    assert await shares(database, rounds, room=10, most_of=most_of.get) == {2: 1, 3: 1, 6: 4}
    assert await shares(database, rounds, room=0) == {}
    assert not rounds.has_more
