"""Dry runs: counted in batches, one at a time for a company, and with a limit."""

import asyncio

import pytest
from tests.statements import execute

from trunkline.dispatch.ledger import replay
from trunkline.errors import TooMuchAtOnce
from trunkline.runtime import callers
from trunkline.subscribing import dry_runs
from trunkline.subscribing.dry_runs import DryRuns

FILTER = {"payload.client_id": {"gt": 0}}


async def make(running, *, filter=None, event_types=("*",)):
    """Make a subscription; return it in the service's form."""
    more = {"filter": filter} if filter else {}
    made = await running.subscribe("https://example.com/", event_types=list(event_types), **more)
    return await running.hub.subscriptions.find(running.company_id, made["id"], channel=None)


async def emit(running, *names):
    for name in names:
        await running.send_test_event(name)


def dry(running, **limits):
    return DryRuns(running.hub.engines, schema_versions=running.hub.schema_versions, **limits)


NAMES = ("lead.created", "client.created", "lead.created", "payment.failed", "lead.created")


@pytest.mark.parametrize(
    ("asked", "request_", "matched"),
    [
        ((None, ["*"]), {}, 5),
        ((None, ["lead.created", "payment.failed"]), {}, 4),
        ((None, ["*"]), {"event_types": ["client.created"]}, 1),
        ((None, ["lead.created"]), {"event_types": ["client.created"]}, 0),
        ((None, ["*"]), {"only_failed": True}, 0),
        ((FILTER, ["lead.created", "client.created"]), {}, 4),
    ],
)
async def test_a_count_in_small_pieces_finds_what_a_replay_would_send(
    running, monkeypatch, asked, request_, matched
):
    monkeypatch.setattr(dry_runs, "COUNTED", 2)
    monkeypatch.setattr(replay, "PAGE", 2)
    await emit(running, *NAMES)
    condition, types = asked
    subscription = await make(running, filter=condition, event_types=types)
    assert await dry(running).count(subscription, request_) == {"matched": matched}


async def test_failed_deliveries_are_counted_piece_by_piece(running, monkeypatch):
    monkeypatch.setattr(replay, "LOOKED_AT", 2)
    subscription = await make(running)
    await emit(running, *NAMES)
    await execute(
        running.hub.engines,
        "INSERT INTO deliveries (position, subscription_no, status, attempts, claim, updated_ms) "
        f"SELECT position, {subscription.no}, CASE type WHEN 'lead.created' THEN 'exhausted' ELSE 'delivered' END, "
        f"1, 1, 0 FROM events WHERE company_id = {running.company_id} ON CONFLICT (position, subscription_no) "
        "DO UPDATE SET status = excluded.status, due_ms = NULL, claimed_by = NULL",
    )
    count = dry(running).count
    for narrowed, matched in (({}, 3), ({"event_types": ["client.created"]}, 0)):
        assert await count(subscription, {"only_failed": True} | narrowed) == {"matched": matched}


async def test_a_count_without_time_says_that_it_is_not_complete(running):
    await emit(running, "lead.created")
    subscription = await make(running)
    assert await dry(running, limit_seconds=0).count(subscription, {}) == {"matched": 0, "complete": False}


async def test_a_company_has_one_count_at_a_time_and_others_are_told_to_come_again(running):
    counts = dry(running, wait_seconds=0)
    subscription = await make(running)
    await counts.counts.take(running.company_id, wait_seconds=0)  # as another count of the company does
    with pytest.raises(TooMuchAtOnce) as refused:
        await counts.count(subscription, {})
    assert refused.value.status == 429
    assert "Retry-After" in refused.value.headers
    counts.counts.give_back(running.company_id)
    assert await counts.count(subscription, {}) == {"matched": 0}


async def test_a_count_ends_with_its_caller_and_the_next_one_begins(running):
    counts = dry(running)
    subscription = await make(running)
    await emit(running, "lead.created")
    for company_id in (-1, -2):
        await counts.pieces.take(company_id, wait_seconds=0)  # so that the count waits in the middle
    left = asyncio.Event()

    async def receive():
        await left.wait()
        return {"type": "http.disconnect"}

    callers.begin(receive)
    counting = asyncio.create_task(counts.count(subscription, {}))
    callers.begin(None)
    while not counts.pieces.waiting(running.company_id):
        await asyncio.sleep(0.001)
    left.set()
    with pytest.raises(callers.CallerLeft):
        await counting
    for company_id in (-1, -2):
        counts.pieces.give_back(company_id)
    assert await counts.count(subscription, {}) == {"matched": 1}


async def test_twenty_dry_runs_at_once_leave_the_other_company_its_readers(running):
    """The dry runs are answered one after the other, and the neighbour's calls are answered meanwhile."""
    await emit(running, *NAMES)
    subscription = await make(running, filter=FILTER)
    path = f"/api/v1/subscriptions/{subscription.id}/replay"
    neighbour = await running.client_of(running.neighbour_id)
    body = {"dry_run": True, "event_types": ["lead.created"]}
    calls = [asyncio.create_task(running.client.post(path, json=body)) for _ in range(20)]
    seen = await neighbour.get("/api/v1/events")
    answers = await asyncio.gather(*calls)
    assert seen.status_code == 200
    assert {answer.status_code for answer in answers} <= {200, 429}
    assert answers[0].json() == {"matched": 3}
