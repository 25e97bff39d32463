"""Replays that cannot continue wait, and delay no other replay."""

import pytest

from trunkline.dispatch.lanes import replay_lane
from trunkline.dispatch.lanes.replay_lane import (
    LONGEST_REST,
    LOOK_SECONDS,
    REST_OF_EACH,
    SHORTEST_REST,
    Rests,
)
from trunkline.dispatch.ledger import replay


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(replay_lane.time, "monotonic", lambda: now[0])
    return now


def test_a_replay_rests_twice_as_long_each_time_up_to_a_limit(clock):
    rests, lengths = Rests(), []
    for _ in range(10):
        rests.begin(1, has_moved=False)
        lengths.append(rests.seconds())
        clock[0] += rests.seconds()
        assert rests.numbers() == []
    assert lengths[:3] == pytest.approx([SHORTEST_REST, 2 * SHORTEST_REST, 4 * SHORTEST_REST])
    assert lengths[-1] == pytest.approx(LONGEST_REST)
    rests.begin(1, has_moved=True)
    assert rests.seconds() == pytest.approx(SHORTEST_REST)


def test_the_next_to_have_rested_is_the_first_that_rests_still(clock):
    rests = Rests()
    rests.begin(1, has_moved=False)
    clock[0] += SHORTEST_REST / 2
    rests.begin(2, has_moved=False)
    assert (rests.numbers(), rests.seconds()) == ([1, 2], pytest.approx(SHORTEST_REST / 2))
    clock[0] += SHORTEST_REST / 2
    assert (rests.numbers(), rests.seconds()) == ([2], pytest.approx(SHORTEST_REST / 2))
    rests.end(2)
    assert (rests.numbers(), rests.seconds()) == ([], 0.0)


def test_many_rest_longer_and_what_nobody_asks_for_any_more_is_forgotten(clock):
    rests = Rests()
    for _ in range(20):
        for no in range(200):
            rests.begin(no, has_moved=False)
    assert rests.seconds() == pytest.approx(200 * REST_OF_EACH)
    clock[0] += 200 * REST_OF_EACH + LOOK_SECONDS
    rests.numbers()
    rests.begin(1, has_moved=False)
    assert rests.seconds() == pytest.approx(SHORTEST_REST)


@pytest.mark.slow
async def test_a_replay_moves_on_by_pages_while_others_wait_for_their_pace(open_house, receiver, monkeypatch):
    """The waiting replays are checked now and then, not before each page with a separate wait."""
    monkeypatch.setattr(replay, "PAGE", 10)
    monkeypatch.setattr(replay, "OUTSTANDING", 10)
    taken = []
    take_next = replay_lane.store.take_next

    async def noting(connection, **options):
        row = await take_next(connection, **options)
        if row is not None:
            taken.append(row.subscription_no)
        return row

    monkeypatch.setattr(replay_lane.store, "take_next", noting)
    async with open_house() as house:
        await house.emit(1_000)
        paced = [await house.subscribe(f"{receiver.url}/{n}", rate="1/minute") for n in range(4)]
        fast = await house.subscribe(f"{receiver.url}/fast")
        for no in (*paced, fast):
            await house.replay(no)
        await house.until_statuses(fast, delivered=1_000)
        assert taken.count(fast) >= 100
        assert max(taken.count(no) for no in paced) < 50
