"""Large bodies are read and stored one at a time, by company in turn; small bodies are not delayed by them."""

import asyncio

import httpx2
import pytest
from tests.waiting import until

from trunkline.api import events
from trunkline.ingest.accept import Accepted, Ingest, Submission

SMALL, LARGE = 1, 8


@pytest.fixture
async def post_batch(api):
    """``await post_batch(size)``: a batch of *size* events of 200 KB."""
    event = {"type": "invoice.created", "payload": api.events("invoice.created")}
    event["metadata"] = {"filler": "x" * 200_000}

    async def post(size: int) -> httpx2.Response:
        plain = {"Accept-Encoding": "identity"}
        return await api.client.post("/api/v1/events/batch", json={"events": [event] * size}, headers=plain)

    return post


@pytest.fixture
def held(monkeypatch):
    """Hold each large batch before it is stored until the event is set; the list has the held batches."""
    accept, storing, go_on = Ingest.accept, [], asyncio.Event()

    async def accept_when_told(self: Ingest, submission: Submission) -> Accepted:
        if len(submission.drafts) == LARGE:
            storing.append(submission)
            await go_on.wait()
        return await accept(self, submission)

    monkeypatch.setattr(Ingest, "accept", accept_when_told)
    return storing, go_on


async def test_they_are_stored_one_at_a_time_and_small_ones_beside_them(post_batch, held):
    storing, go_on = held
    large = [asyncio.create_task(post_batch(LARGE)) for _ in range(3)]
    await until(lambda: storing)
    assert (await post_batch(SMALL)).status_code == 201
    assert len(storing) == 1
    go_on.set()
    assert [(await answer).status_code for answer in large] == [201] * 3


async def test_one_that_waits_for_too_long_is_refused_and_the_next_is_not(post_batch, held, monkeypatch):
    monkeypatch.setattr(events, "TURN_SECONDS", 1.0)
    storing, go_on = held
    first = asyncio.create_task(post_batch(LARGE))
    await until(lambda: storing)
    refused = await post_batch(LARGE)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    go_on.set()
    assert (await first).status_code == 201
    assert (await post_batch(LARGE)).status_code == 201


async def test_a_long_answer_is_what_a_short_one_would_be(post_batch):
    answer = await post_batch(LARGE)
    assert int(answer.headers["content-length"]) == len(answer.content) > 8 * 200_000
    assert [event["metadata"]["filler"][:3] for event in answer.json()["events"]] == ["xxx"] * LARGE
