"""The pages of a replay: the reading worker claims them if the target keeps up, else the free lane does."""

from trunkline.dispatch.ledger import replay


async def test_pages_for_a_target_that_keeps_up_are_claimed_as_they_are_made_due(open_house, receiver):
    async with open_house() as house:
        no = await house.subscribe(receiver.url)
        await house.deliver(2 * replay.PAGE + 50, to=[no])
        before = {row.position: row.claim for row in await house.rows()}
        replay_id = await house.replay(no)
        await house.until_replayed(replay_id)
        await house.check_settled()
        rows = await house.rows()
    assert {row.attempts for row in rows} == {2}
    assert {row.claim - before[row.position] for row in rows} == {1}  # the free lane adds a second round
    assert receiver.count == 2 * len(rows)


async def test_pages_for_a_new_target_begin_in_the_retry_lane_and_none_is_sent_twice(open_house, receiver):
    async with open_house() as house:
        await house.emit(3 * replay.PAGE)
        no = await house.subscribe(receiver.url)
        replay_id = await house.replay(no)
        await house.until_replayed(replay_id)
        rows = await house.rows()
    assert {(row.status, row.attempts) for row in rows} == {("delivered", 1)}
    assert receiver.count == len(rows) == 3 * replay.PAGE


async def test_a_target_that_fails_gets_no_pages(open_house, receiver):
    async with open_house(retry_schedule_seconds="0.2,0.2,0.2,0.2,0.2") as house:
        no = await house.subscribe(receiver.url)
        positions = await house.deliver(20, to=[no])
        receiver.answer(503)
        before = receiver.count
        await house.emit(1, to=[no])
        await house.until(lambda: receiver.count > before)
        replay_id = await house.replay(no)
        await house.until(lambda: receiver.count > before + 5)
        receiver.answer()
        await house.until_replayed(replay_id)
        await house.check_settled()
        claims = {row.position: row.claim for row in await house.rows()}
    assert all(claims[position] >= 2 for position in positions)


async def test_what_another_worker_is_trying_is_left_to_it(open_house, receiver):
    async with open_house() as house:
        no = await house.subscribe(receiver.url)
        first, *others = await house.deliver(10, to=[no])
        await house.execute(
            "UPDATE deliveries SET status = 'pending', claimed_by = 'elsewhere', claim = 7, due_ms = 9999999999999 "
            "WHERE position = :position",
            position=first,
        )
        before = receiver.count
        replay_id = await house.replay(no)
        await house.until_replayed(replay_id)
        rows = {row.position: row for row in await house.rows()}
    assert (rows[first].claimed_by, rows[first].claim, rows[first].attempts) == ("elsewhere", 7, 1)
    assert receiver.count == before + len(others)


async def test_a_replay_sends_again_what_was_being_tried_when_it_was_asked_for(open_house, receiver):
    async with open_house() as house:
        no = await house.subscribe(receiver.url)
        await house.deliver(1, to=[no])
        receiver.answer(delay_seconds=0.2)
        before = receiver.count
        await house.replay(no)
        await house.until(lambda: receiver.count > before)
        replay_id = await house.replay(no)
        await house.until_replayed(replay_id)
        (row,) = await house.rows()
    assert (receiver.count, row.attempts) == (before + 2, 3)
