"""The outcome of a delivery for every answer of a target, over a real socket, on both databases."""

import pytest
from tests.waiting import until

from trunkline_kit.receiver import Answer, CloseWithoutAnswer, Garbage, Hang, Redirect, Reset

on_sqlite = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


async def test_a_delivery_that_is_taken_at_once_is_written_once_with_its_attempt(open_house, receiver):
    async with open_house() as house:
        no = await house.subscribe(f"{receiver.url}/h")
        [position] = await house.deliver(to=[no])
        [row] = await house.rows()
        [attempt] = await house.attempts(position, no)
    assert (row.status, row.attempts, row.last_status_code, row.claim) == ("delivered", 1, 200, 0)
    assert (attempt["outcome"], attempt["status_code"], attempt["error"]) == ("delivered", 200, None)
    assert [r.headers["trunkline-delivery-id"] for r in receiver.requests] == [f"dlv_{position}_{no}"]


async def test_a_failed_delivery_is_tried_again_with_the_same_id_and_body(open_house, receiver):
    receiver.script([Answer(500, body=b"not now"), Answer(502)])
    async with open_house() as house:
        no = await house.subscribe(f"{receiver.url}/h")
        [position] = await house.deliver(to=[no])
        attempts = await house.attempts(position, no)
    assert [(a["number"], a["outcome"], a["status_code"]) for a in attempts] == [
        (1, "retry", 500),
        (2, "retry", 502),
        (3, "delivered", 200),
    ]
    assert attempts[0]["response_body"] == "not now"
    assert [r.headers["trunkline-attempt"] for r in receiver.requests] == ["1", "2", "3"]
    assert len({(r.headers["webhook-id"], r.body) for r in receiver.requests}) == 1


@pytest.mark.parametrize(("schedule", "attempts"), [("0.1,0.2,0.1", 4), ("[]", 1)])
async def test_a_delivery_is_exhausted_after_its_schedule(open_house, receiver, schedule, attempts):
    receiver.answer(500)
    async with open_house(retry_schedule_seconds=schedule) as house:
        no = await house.subscribe(f"{receiver.url}/h")
        await house.deliver(to=[no])
        [row] = await house.rows()
    assert (row.status, row.attempts, row.last_status_code) == ("exhausted", attempts, 500)
    assert receiver.count == attempts


async def test_what_becomes_due_one_after_the_other_is_claimed_in_rounds(open_house, receiver, caplog):
    """Otherwise each claim would be a separate transaction, which would delay live deliveries."""
    caplog.set_level("DEBUG", "trunkline.dispatch.lanes.starting")
    receiver.answer(500)
    many = 20
    async with open_house(retry_schedule_seconds="600") as house:
        for company in range(1, many + 1):
            no = await house.subscribe(f"{receiver.url}/{company}", company=company)
            await house.emit(to=[no], company=company)
        await house.until_statuses(pending=many)
        receiver.answer(200)
        [log] = await house.query("SELECT position AS last, accepted_ms FROM stream_head")
        await house.execute(
            "UPDATE deliveries SET due_ms = :now + (:last - position) * 15",
            now=log["accepted_ms"] + 200,
            last=log["last"],
        )
        house.hub.signals.due.set()
        await house.check_settled()
    claimed = [record.deliveries for record in caplog.records if record.message == "claimed due deliveries"]
    assert sum(claimed) == many
    assert len(claimed) <= 5, f"{claimed}: they became due within 0.3 s, and a round takes 0.1"


@on_sqlite
async def test_the_waits_are_those_of_the_schedule(open_house, receiver):
    receiver.answer(500)
    async with open_house(retry_schedule_seconds="0.2,2.5") as house:
        no = await house.subscribe(f"{receiver.url}/h")
        await house.deliver(to=[no])
    at = [request.received_at / 1e9 for request in receiver.requests]
    assert 0.2 <= at[1] - at[0] < 2.5 <= at[2] - at[1]


@on_sqlite
@pytest.mark.parametrize("status", [429, 502])
async def test_a_target_that_names_a_time_is_asked_again_then_and_not_before(open_house, receiver, status):
    receiver.script([Answer(status, {"retry-after": "1"})])
    async with open_house(retry_schedule_seconds="0.05") as house:
        no = await house.subscribe(f"{receiver.url}/h")
        await house.deliver(to=[no])
    first, second = (request.received_at / 1e9 for request in receiver.requests)
    assert 1.0 <= second - first < 10


@pytest.mark.parametrize(
    ("asked_seconds", "wait_seconds"),
    [pytest.param(31536000, 24 * 60 * 60, id="a day instead of a year"), pytest.param(0, 60, id="no less")],
)
async def test_a_retry_after_is_kept_within_bounds(open_house, receiver, asked_seconds, wait_seconds):
    receiver.answer(503, headers={"retry-after": f"{asked_seconds}"})
    async with open_house(retry_schedule_seconds="60") as house:
        no = await house.subscribe(f"{receiver.url}/h")
        await house.emit(to=[no])
        await house.until_statuses(pending=1)
        [row] = await house.query("SELECT due_ms - updated_ms AS wait_ms FROM deliveries")
    assert row["wait_ms"] == wait_seconds * 1000


@on_sqlite
@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reset(), "connection_failed"),
        (CloseWithoutAnswer(), "connection_failed"),
        (Garbage(), "invalid_answer"),
        (Hang(), "timeout"),
        (Redirect("http://127.0.0.1:1/"), None),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_whatever_a_target_does_but_answer_is_one_failed_attempt(open_house, receiver, reply, error):
    receiver.script([reply])
    async with open_house(timeout_seconds=2) as house:
        no = await house.subscribe(f"{receiver.url}/h")
        [position] = await house.deliver(to=[no])
        first, second = await house.attempts(position, no)
    assert (first["outcome"], first["error"]) == ("retry", error)
    assert second["outcome"] == "delivered"


async def test_410_disables_the_subscription_and_parks_what_else_was_pending(open_house, receiver):
    receiver.answer(500)
    async with open_house(retry_schedule_seconds="600") as house:
        no = await house.subscribe(f"{receiver.url}/h")
        await house.emit(2, to=[no])
        await house.until_statuses(pending=2)
        receiver.answer(410)
        [last] = await house.emit(to=[no])
        await house.until_statuses(pending=2, gone=1)
        row = await house.subscription(no)
        assert (row["status"], row["disabled_reason"]) == ("disabled", "gone")
        assert row["disabled_ms"] is not None
        assert [r.position for r in await house.rows() if r.status == "gone"] == [last]
        assert [(r.due_ms, r.claimed_by) for r in await house.rows() if r.status == "pending"] == [
            (None, None)
        ] * 2
        await house.check_ledger()
        receiver.answer(200)
        await house.change(no, status="active")
        await house.until_statuses(delivered=2, gone=1)
        await house.check_settled()
    assert receiver.count == 5


async def test_a_disabled_subscription_gets_nothing_more_once_the_routing_table_knows(open_house, receiver):
    receiver.always(Answer(410), path="/gone")
    async with open_house() as house:
        gone = await house.subscribe(f"{receiver.url}/gone")
        there = await house.subscribe(f"{receiver.url}/there")
        await house.emit(to=[gone, there])
        await house.until_statuses(gone=1, delivered=1)
        await until(house.routing_is_fresh)
        await house.deliver(20, to=[there])
        assert await house.statuses(gone) == {"gone": 1}
    assert [r.path for r in receiver.requests].count("/gone") == 1
